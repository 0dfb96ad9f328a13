/**
 * Loaded before the daemon (`--import`): what cannot be seen from outside. With every chunk it writes to
 * $SOAK_PROBE when sound was analysed last, the delay of the event loop since the first time, how many windows were
 * overwritten, how many samples have come, and when the last loud one did.
 */
import { openSync, writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** Above the noise of the room, and below all else that is played. */
const LOUD = 0.03;

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

// Neither the thread that watches over the daemon nor the process that captures sound.
if (isMainThread && process.argv[1]?.endsWith('cli.js')) {
  const { RingWindow } = await import('../../dist/features/ring.js');
  const { Statistics } = await import('../../dist/system/statistics.js');
  const file = openSync(process.env.SOAK_PROBE, 'r+');
  const resolution = Number(process.env.SOAK_RESOLUTION);
  const delay = monitorEventLoopDelay({ resolution });
  let analysedMs = 0;
  let samples = 0;
  let loudMs = 0;
  const { push } = RingWindow.prototype;
  RingWindow.prototype.push = function (chunk) {
    push.call(this, chunk);
    samples += chunk.samples.length;
    if (chunk.samples.some((sample) => Math.abs(sample) > LOUD)) loudMs = nowMs();
    const delayMs = delay.percentile(99) / 1e6 - resolution;
    const values = [analysedMs, delayMs, this.droppedWindows, samples, loudMs];
    writeSync(file, new Float64Array(values), 0, 40, 0);
  };
  const { add } = Statistics.prototype;
  Statistics.prototype.add = function (...args) {
    add.apply(this, args);
    delay.enable();
    analysedMs = nowMs();
  };
}
