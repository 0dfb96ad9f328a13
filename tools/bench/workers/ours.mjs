// One engine and one model of this program: ours.mjs FOLDER ENGINE PRECISION WINDOWS [alone: without what hears beside it]

import { decodeFile } from '../../../dist/audio/decode.js';
import { RingWindow } from '../../../dist/features/ring.js';
import { Hearing } from '../../../dist/hearing.js';
import { readBundle } from '../../../dist/model/bundle.js';
import { SHIPPED_MODELS, withEvents } from '../../../dist/model/shelf.js';
import { Pipeline } from '../../../dist/pipeline.js';
import { HOP_SAMPLES, SCENE, sceneWindows } from '../scene.mjs';
import { sayFigures, sayFirst, timeWindows } from './figures.mjs';

/** As many at once as files are heard in. */
const BATCH = 16;

const [folder, engine, precision, windows, alone] = process.argv.slice(2);
const batches = Math.ceil(Number(windows) / 25);
const read = await readBundle(folder);
const bundle = alone ? read : await withEvents(read, [SHIPPED_MODELS]);
const pipeline = await Pipeline.create(bundle, { engine, precision });
// Decoded before: here the pipeline is measured, not the file.
const chunks = [];
for await (const samples of decodeFile(SCENE)) chunks.push(samples.slice());
const ring = new RingWindow({ hopSamples: HOP_SAMPLES });
let next = 0;
const take = () => {
  for (;;) {
    const window = ring.take();
    if (window) return window;
    ring.push({ samples: chunks[next++ % chunks.length], capturedAtMs: 0 });
  }
};

await pipeline.process(take());
sayFirst();
const stream = await timeWindows(async () => {
  const window = take();
  const begin = performance.now();
  const { melMs, networkMs } = await pipeline.process(window);
  return { melMs, networkMs, restMs: performance.now() - begin - melMs - networkMs };
}, Number(windows));
const streamMb = process.memoryUsage.rss() / 1e6;
await pipeline.close();

const hearing = await Hearing.create(bundle, undefined, engine, { precision });
const scene = await sceneWindows();
const batchMs = [];
for (let i = 0; i < batches; i++) {
  const batch = scene.slice((i * BATCH) % (scene.length - BATCH)).slice(0, BATCH);
  hearing.forget();
  const begin = performance.now();
  await hearing.hear(batch);
  batchMs.push(performance.now() - begin);
}
await hearing.close();
sayFigures({ ...stream, batchPerSecond: (1000 * BATCH) / Math.min(...batchMs), streamMb });
