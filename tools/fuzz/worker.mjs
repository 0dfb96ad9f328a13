// Runs cases of one target, one after the other, and tells the parent what it finds; see fuzz.mjs.
import { openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { UserError } from '../../dist/errors.js';
import { createRandom } from '../../dist/training/random.js';
import { targets } from './targets.mjs';

/** No case may take more of the processor, nor more memory. */
const MOST_MS = 1000;
const MOST_BYTES = 200e6;
/** So much garbage is collected before it is taken for a case's own. */
const GARBAGE_BYTES = 100e6;
/** So many cases pass before what the target itself needs is settled. */
const WARM_UP = 20;

const [name, job] = process.argv.slice(2);
const { seed, from, to, seconds, progress, save, replay } = JSON.parse(job);
const target = await targets[name]();
const inputOf = (number) =>
  target.input(createRandom(seed * 2 ** 32 + number * 64 + Object.keys(targets).indexOf(name)));
const total = { cases: 0, refused: 0, slowestMs: 0, mostBytes: 0 };
let current = from;
const file = progress && openSync(progress, 'r+');
const position = Buffer.alloc(8);

process.on('uncaughtException', (error) => {
  found('crash', error?.stack ?? String(error), () => process.exit(1));
});
// It is printed beside the one clear error, and may show what nobody shall see.
process.on('warning', (warning) => found('warning', warning.stack));

if (save) writeFileSync(save, inputOf(from));
else if (replay) {
  noteProgress();
  await check(readFileSync(replay));
} else await all();
await target.stop?.();
process.send({ total }, () => process.disconnect());

async function all() {
  const endMs = performance.now() + seconds * 1000;
  let baseline = Number.POSITIVE_INFINITY;
  for (current = from; current < to && performance.now() < endMs; current++) {
    noteProgress();
    const input = inputOf(current);
    if (current === from + WARM_UP) baseline = settledBytes();
    if (process.memoryUsage.rss() > baseline + GARBAGE_BYTES) globalThis.gc();
    await check(input);
  }
}

/** What a hang or a crash leaves behind. */
function noteProgress() {
  position.writeDoubleLE(current);
  writeSync(file, position, 0, 8, 0);
}

async function check(input) {
  const bytesBefore = process.memoryUsage.rss();
  const peakBefore = peakBytes();
  const cpuBefore = process.cpuUsage();
  try {
    await target.run(input);
  } catch (error) {
    if (error instanceof UserError && error.message && error.hint) total.refused++;
    else found('crash', error?.stack ?? String(error));
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const ms = (user + system) / 1000;
  const bytes = peakBytes() > peakBefore ? peakBytes() - bytesBefore : 0;
  total.cases++;
  total.slowestMs = Math.max(total.slowestMs, ms);
  if (total.cases > WARM_UP) total.mostBytes = Math.max(total.mostBytes, bytes);
  if (ms > MOST_MS) found('slow', `${ms.toFixed(0)} ms of the processor`);
  if (bytes > MOST_BYTES) found('memory', `${(bytes / 1e6).toFixed(0)} MB`);
}

function found(kind, what, whenSaid) {
  process.send({ finding: { number: current, kind, what: what.slice(0, 2000) } }, whenSaid);
}

function peakBytes() {
  return process.resourceUsage().maxRSS * 1024;
}

function settledBytes() {
  globalThis.gc();
  return process.memoryUsage.rss();
}
