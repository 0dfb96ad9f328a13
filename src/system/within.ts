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

/** An answer that is there already is taken in less. */
const LOOK_AGAIN_MS = 100;

/**
 * Calls after so many milliseconds, unless it is cancelled by then. In two parts: after a process has stood still, its
 * timers come before the answer that has waited for it.
 *
 * @returns cancels it
 */
export function deadline(clock: Clock, ms: number, onLate: () => void): () => void {
  let cancel = clock.after(ms - LOOK_AGAIN_MS, () => {
    cancel = clock.after(LOOK_AGAIN_MS, onLate);
  });
  return () => cancel();
}
