import type { Clock } from './types.js';

/**
 * The system's time. Its timers keep no process alive: whoever needs the process to live
 * (`audio/input.ts` while it listens) says so itself.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
};
