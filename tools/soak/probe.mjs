/**
 * Loaded before the daemon (`--import`): what cannot be seen from outside. With every window it writes to
 * $SOAK_PROBE when that was, the delay of the event loop since the first one, and how many windows were overwritten.
 */
import { openSync, writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

// Neither the thread that watches over the daemon nor the process that captures sound.
if (isMainThread && process.argv[1]?.endsWith('main.js')) {
  const { RingWindow } = await import('../../dist/features/ring.js');
  const { Statistics } = await import('../../dist/system/statistics.js');
  const file = openSync(process.env.SOAK_PROBE, 'r+');
  const resolution = Number(process.env.SOAK_RESOLUTION);
  const delay = monitorEventLoopDelay({ resolution });
  let dropped = 0;
  const { push } = RingWindow.prototype;
  RingWindow.prototype.push = function (...args) {
    push.apply(this, args);
    dropped = this.droppedWindows;
  };
  const { add } = Statistics.prototype;
  Statistics.prototype.add = function (...args) {
    add.apply(this, args);
    delay.enable();
    const values = [Number(process.hrtime.bigint()) / 1e6, delay.percentile(99) / 1e6 - resolution, dropped];
    writeSync(file, new Float64Array(values), 0, 24, 0);
  };
}
