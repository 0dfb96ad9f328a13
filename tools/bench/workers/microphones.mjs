// Some microphones in one process, in real time: microphones.mjs FOLDER COUNT SECONDS
//
// Each has what the daemon has for one, from the chunk of samples to the decision; capture, which is another process,
// and the broker are not in it.
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeFile } from '../../../dist/audio/decode.js';
import { SAMPLE_RATE_HZ } from '../../../dist/constants.js';
import { Listener } from '../../../dist/listener.js';
import { SharedModels } from '../../../dist/model/shared-models.js';
import { SHIPPED_MODELS } from '../../../dist/model/shelf.js';
import { Pipeline } from '../../../dist/pipeline.js';
import { systemClock } from '../../../dist/system/clock.js';
import { SCENE } from '../scene.mjs';

const CHUNK_SAMPLES = SAMPLE_RATE_HZ / 10; // as PortAudio hands them over
const WARM_UP_SECONDS = 4;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const [folder, count, seconds] = process.argv.slice(2);
const models = new SharedModels();
const scene = [];
for await (const samples of decodeFile(SCENE))
  for (let at = 0; at + CHUNK_SAMPLES <= samples.length; at += CHUNK_SAMPLES)
    scene.push(samples.slice(at, at + CHUNK_SAMPLES));

let windows = 0;
const microphones = await Promise.all(
  Array.from({ length: Number(count) }, async (_, i) => {
    const { bundle } = await models.readModel({ name: folder }, [SHIPPED_MODELS]);
    const pipeline = await Pipeline.create(bundle, { models });
    const handlers = {
      onWindow: () => windows++,
      onEvent() {},
      onFailure(error) {
        throw error;
      },
    };
    const listener = new Listener(pipeline, { hopSeconds: 0.48, live: true }, handlers, systemClock, quiet);
    return { listener, pipeline, first: i * 7 }; // not all at the same place
  }),
);

let chunk = 0;
async function play(seconds) {
  const begin = performance.now();
  for (let i = 0; i < 10 * seconds; i++, chunk++) {
    for (const { listener, first } of microphones)
      listener.chunk({ samples: scene[(chunk + first) % scene.length], capturedAtMs: Date.now() });
    await sleep(Math.max(0, (i + 1) * 100 - (performance.now() - begin)));
  }
  return performance.now() - begin;
}

await play(WARM_UP_SECONDS);
windows = 0;
const cpu = process.cpuUsage();
const wallMs = await play(Number(seconds));
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    wholeMs: (user + system) / 1000 / windows,
    ofCore: (user + system) / 1000 / wallMs,
    windows,
    dropped: microphones.reduce((sum, { listener }) => sum + listener.droppedWindows, 0),
    residentMb: process.memoryUsage.rss() / 1e6,
  }),
);
for (const { listener, pipeline } of microphones) {
  await listener.stop();
  await pipeline.close();
}
