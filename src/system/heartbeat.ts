import { Worker } from 'node:worker_threads';
import { keepHeapSmall } from './heap.js';

/** A process that does nothing at all for so long hangs for ever, in its engine for example. */
export const LONGEST_MS = 15_000;
/** While it starts it may: a slow disk has to read the model, a slow processor to make a network of it. */
export const LONGEST_START_MS = 60_000;
/** One that was asked to stop has less time: its supervisor waits. */
export const LONGEST_ASKED_MS = 1500;
/** How often the main thread shows that it lives, and how often that is looked at. */
export const BEAT_MS = 250;

/**
 * Counts the time in which the main thread has done nothing. SIGKILL, because nothing else gets through to it.
 *
 * A signal is handled by the main thread, so one that is blocked hears of none. libuv tells every loop that listens for
 * a signal, but Node's public API listens in the main thread only; hence the binding below, which is internal. Where a
 * Node does not have it (test/system/heartbeat.test.ts would show it), whoever asks a process that hangs to stop waits
 * as if it had not been asked.
 */
const WATCH = `
  const { workerData: { beats, longestAskedMs, beatMs } } = require('node:worker_threads');
  const counter = new Int32Array(beats);
  const end = () => process.kill(process.pid, 'SIGKILL');
  let [last, silentMs, asked] = [0, 0, false];
  setInterval(() => {
    const now = Atomics.load(counter, 0);
    silentMs = now === last ? silentMs + beatMs : 0;
    last = now;
    if (silentMs >= (asked ? longestAskedMs : Atomics.load(counter, 1))) end();
  }, beatMs);

  const listeners = [];
  try {
    const { Signal } = require('internal/test/binding').internalBinding('signal_wrap');
    const { SIGINT, SIGTERM } = require('node:os').constants.signals;
    for (const signal of [SIGINT, SIGTERM]) {
      const listener = new Signal();
      listener.onsignal = onSignal;
      listener.start(signal);
      listeners.push(listener);
    }
  } catch {}

  function onSignal(signal) {
    if (!asked) return void (asked = true);
    // The second one ends the process at once, by its own default: also where the main thread cannot do that.
    for (const listener of listeners.splice(0)) listener.close();
    process.kill(process.pid, signal);
    setTimeout(end, beatMs);
  }
`;

/** What watches over this process. */
export interface Watch {
  /** From now on it may do nothing for so long. */
  allow(longestMs: number): void;
  end(): void;
}

/**
 * Ends this process where it hangs for `longestMs`, so that whoever supervises it starts it again, and within 2 s
 * where it was asked to stop (SIGINT, SIGTERM). A thread of its own does it: in one that hangs nothing can.
 */
export function watchOver(longestMs = LONGEST_MS): Watch {
  const counter = new Int32Array(new SharedArrayBuffer(8));
  counter[1] = longestMs;
  const watcher = new Worker(WATCH, {
    eval: true,
    workerData: { beats: counter.buffer, longestAskedMs: LONGEST_ASKED_MS, beatMs: BEAT_MS },
    execArgv: ['--expose-internals', '--no-warnings'],
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  watcher.unref();
  watcher.on('online', keepHeapSmall);
  watcher.on('error', () => {}); // there are no threads to be had: then nobody watches
  const heart = setInterval(() => Atomics.add(counter, 0, 1), BEAT_MS).unref();
  return {
    allow(ms) {
      Atomics.store(counter, 1, ms);
    },
    end() {
      clearInterval(heart);
      void watcher.terminate();
    },
  };
}
