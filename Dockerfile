# bathnet2mqtt for linux/amd64 and linux/arm64. Not built by the project's CI: there is no Docker there.
#
#   docker build --tag bathnet2mqtt .
#   docker run --detach --restart unless-stopped \
#     --device /dev/snd --group-add "$(getent group audio | cut -d: -f3)" \
#     --volume bathnet2mqtt:/var/lib/bathnet2mqtt \
#     --env BATHNET_MQTT__URL=mqtt://broker.local:1883 \
#     bathnet2mqtt
#
# quietHours are by local time, which is UTC in a container that is not told another: --env TZ=Europe/Berlin
#
# Sound that needs other programs (an RTSP camera through ffmpeg) wants an image made from this one.

FROM node:22-bookworm-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ libportaudio2 make python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/bathnet2mqtt
COPY package.json package-lock.json ./
# tfjs-node is left out: onnxruntime is faster, without 250 MB and a download. Its libraries for other systems go, too.
# Hence `npm install`: `npm ci` wants package.json as the lock file knows it.
# The PortAudio library inside naudiodon is for x86-64 only, so Debian's takes its place.
RUN npm pkg delete 'optionalDependencies.@tensorflow/tfjs-node' \
 && npm install --ignore-scripts --no-audit --no-fund \
 && rm -r node_modules/onnxruntime-node/bin/napi-v*/darwin node_modules/onnxruntime-node/bin/napi-v*/win32 \
 && cp "/usr/lib/$(uname -m)-linux-gnu/libportaudio.so.2" node_modules/naudiodon/portaudio/bin/ \
 && npm rebuild naudiodon segfault-handler
COPY tsconfig.json vite.config.ts vite.program.config.ts ./
COPY src src
RUN npm run build:program && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends alsa-utils libasound2-plugins libportaudio2 \
 && rm -rf /var/lib/apt/lists/* \
 && usermod --append --groups audio node \
 && install --directory --owner node --group node /var/lib/bathnet2mqtt
WORKDIR /opt/bathnet2mqtt
COPY --from=build /opt/bathnet2mqtt/package.json ./
COPY --from=build /opt/bathnet2mqtt/node_modules node_modules
COPY --from=build /opt/bathnet2mqtt/dist dist
COPY config config
COPY models models
COPY LICENSE NOTICE.md ./
ENV NODE_ENV=production BATHNET_STATE_DIR=/var/lib/bathnet2mqtt MALLOC_MMAP_THRESHOLD_=131072
USER node
VOLUME /var/lib/bathnet2mqtt
# HTTP, unless a mounted file says otherwise, for the sake of the HEALTHCHECK: docker ps shows whether any of its
# microphones is deaf; of several the first one answers for all. It restarts nothing: the process watches its own parts,
# and ends where Docker should start it again. Who changes web.port in a file sets BATHNET_WEB__PORT instead, and who
# switches web.enabled off starts it with --no-healthcheck.
ENV BATHNET_DEFAULTS=/opt/bathnet2mqtt/config/image.yaml
HEALTHCHECK --interval=1m --timeout=10s --start-period=2m CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.BATHNET_WEB__PORT ?? 8099}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["run"]
