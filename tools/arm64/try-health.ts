import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, Mosquitto } from '../../test/support/mosquitto.js';
import type { Image } from './image.js';
import type { Report } from './report.js';

/** How often Docker would ask, at the most, and how long it would wait in between; an emulated daemon starts slowly. */
const TRIES = 100;
const PAUSE_MS = 3000;
const ANSWER_SECONDS = '60';

/**
 * The image's CMD runs and is healthy, as its HEALTHCHECK finds. It shares this machine's network, so HTTP is on a
 * free port, set as the Dockerfile says.
 *
 * @param scene sound in the container, which stands in for a microphone
 */
export async function tryHealth(
  { container, place, ...image }: Image,
  scene: string,
  report: Report,
): Promise<void> {
  await report.step('HEALTHCHECK, while CMD runs', async () => {
    const broker = await Mosquitto.start();
    const port = String(await freePort());
    const inPlace = { ...place, env: { ...place.env, BATHNET_WEB__PORT: port } };
    const set = ['--mqtt-url', broker.url, '--source', `file:${scene}`, '--loop'];
    let ended = false;
    const daemon = container
      .run(quoted([...image.entrypoint, ...image.command, ...set]), inPlace)
      .finally(() => {
        ended = true;
      });
    try {
      for (let tries = 1; tries <= TRIES && !ended; tries++) {
        const { code } = await container.run(
          quoted(['timeout', ANSWER_SECONDS, ...image.healthcheck]),
          inPlace,
        );
        if (code === 0) return 'healthy';
        await sleep(PAUSE_MS);
      }
      throw new Error(ended ? 'it has ended' : 'it is not healthy');
    } finally {
      container.kill();
      await daemon;
      await broker.close();
    }
  });
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}
