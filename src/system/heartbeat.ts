import { Worker } from 'node:worker_threads';

/** A process that does nothing at all for so long hangs for ever, in its engine for example. */
export const LONGEST_SECONDS = 15;

/** Counts the seconds in which the main thread has done nothing. SIGKILL, because nothing else gets through to it. */
const WATCH = `
  const { workerData } = require('node:worker_threads');
  const beats = new Int32Array(workerData.beats);
  let [last, silent] = [0, 0];
  setInterval(() => {
    const now = Atomics.load(beats, 0);
    silent = now === last ? silent + 1 : 0;
    last = now;
    if (silent >= workerData.seconds) process.kill(process.pid, 'SIGKILL');
  }, 1000);
`;

/**
 * Ends this process where it hangs, so that whoever supervises it starts it again; for where no systemd watches.
 * A thread of its own does it: in one that hangs nothing can.
 *
 * @returns what ends it
 */
export function watchOver(seconds = LONGEST_SECONDS): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const watcher = new Worker(WATCH, {
    eval: true,
    workerData: { beats: beats.buffer, seconds },
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  watcher.unref();
  watcher.on('error', () => {}); // there are no threads to be had: then nobody watches
  const heart = setInterval(() => Atomics.add(beats, 0, 1), 500).unref();
  return () => {
    clearInterval(heart);
    void watcher.terminate();
  };
}
