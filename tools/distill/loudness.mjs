// How loud a fall has to be to be found: node loudness.mjs FALLS [SENSITIVITY]
//
// FALLS: the folder with fall/ of the falls that are measured with. Each is laid into room tone at one peak level after
// the other, and heard as the daemon hears it with the shipped configuration.

import { decodeFile } from '../../dist/audio/decode.js';
import { configSchema } from '../../dist/config/schema.js';
import { SAMPLE_RATE_HZ as RATE } from '../../dist/constants.js';
import { windowsOf } from '../../dist/features/ring.js';
import { readModel, SHIPPED_MODELS } from '../../dist/model/shelf.js';
import { Pipeline } from '../../dist/pipeline.js';
import { whole } from '../../dist/training/augment.js';
import { scanDataset } from '../../dist/training/dataset.js';
import { createRandom } from '../../dist/training/random.js';
import { createTone } from '../../dist/training/room.js';

const ROOMS_DBFS = [-65, -55];
const PEAKS_DBFS = [-36, -30, -24, -18, -12, -6];
const BEFORE = 4 * RATE;
const AFTER = 10 * RATE;

const [folder, sensitivity = 'normal'] = process.argv.slice(2);
const { bundle } = await readModel({ name: 'bathnet-mini' }, [SHIPPED_MODELS]);
const { sense } = configSchema.parse({});
const pipeline = await Pipeline.create(bundle, { sense, alarm: { sensitivity } });
const falls = [];
for (const { path, label } of (await scanDataset(folder)).clips) {
  if (label !== 'fall') continue;
  falls.push(await whole(decodeFile(path)));
}

async function alarms(fall, peakDbfs, room) {
  const sound = room(BEFORE + fall.length + AFTER);
  const gain = 10 ** (peakDbfs / 20) / fall.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  for (const [i, x] of fall.entries()) sound[BEFORE + i] += gain * x;
  pipeline.reset();
  for await (const window of windowsOf([sound], bundle.manifest.event.hopSamples)) {
    const { event } = await pipeline.process({ ...window, endAtMs: 0 });
    if (event?.type === 'alarm_started') return true;
  }
  return false;
}

console.log(`| room, dBFS RMS | ${PEAKS_DBFS.map((peak) => `peak ${peak} dBFS`).join(' | ')} |`);
for (const roomDbfs of ROOMS_DBFS) {
  const shares = [];
  for (const peak of PEAKS_DBFS) {
    let found = 0;
    for (const [i, fall] of falls.entries()) {
      const tone = createTone(createRandom(i));
      if (await alarms(fall, peak, (samples) => tone(samples, roomDbfs))) found++;
    }
    shares.push(`${Math.round((100 * found) / falls.length)} %`);
  }
  console.log(`| ${roomDbfs} | ${shares.join(' | ')} |`);
}
await pipeline.close();
