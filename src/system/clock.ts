import { uptime } from 'node:os';
import type { Clock } from '../types.js';

/** Of Node's timers: what is longer would fire at once, and of what is less than 0 a newer Node warns on stderr. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * The system's time. Its timers keep no process alive: whoever needs the process to live
 * (`audio/input.ts` while it listens) says so itself.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  uptimeMs: () => uptime() * 1000,
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), LONGEST_TIMEOUT_MS)).unref();
    return () => clearTimeout(timer);
  },
};
