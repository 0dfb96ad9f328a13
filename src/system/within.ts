import type { Clock } from '../types.js';

/**
 * Waits for something, but no longer than so many milliseconds. Meanwhile the process stays: the clock's timers keep
 * none alive, and what hangs may leave nothing else that does.
 */
export async function within(clock: Clock, ms: number, waited: Promise<unknown>): Promise<void> {
  const alive = setInterval(() => {}, 2 ** 30);
  let cancel = () => {};
  const timeout = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  try {
    await Promise.race([waited, timeout]);
  } finally {
    cancel();
    clearInterval(alive);
  }
}
