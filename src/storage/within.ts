import type { Clock } from '../types.js';

/** Waits for something, but no longer than so many milliseconds. */
export async function within(clock: Clock, ms: number, waited: Promise<unknown>): Promise<void> {
  let cancel = () => {};
  const timeout = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  await Promise.race([waited, timeout]);
  cancel();
}
