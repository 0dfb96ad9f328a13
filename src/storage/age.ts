/** When this was first released: a date before it is of a clock that nobody has set. */
const FIRST_CREDIBLE_MS = Date.UTC(2026, 0, 1);
/** Nothing that is kept here waits for longer: who finds more has two clocks. */
const LONGEST_MS = 366 * 86_400_000;
/** By so much a clock may be set without anybody noticing. */
const TOLERANCE_MS = 60_000;

/**
 * Time between two readings of the wall clock, ms; NaN where it cannot be believed: a board without a battery
 * starts in 1970 or 2000, and jumps when it first hears of the time.
 */
export function elapsedMs(fromMs: number, toMs: number): number {
  const elapsed = toMs - fromMs;
  return fromMs >= FIRST_CREDIBLE_MS && elapsed >= -TOLERANCE_MS && elapsed <= LONGEST_MS
    ? elapsed
    : Number.NaN;
}

/**
 * By how much the wall clock was set since then, ms: that of a board without a battery goes on from its last shutdown,
 * days ago, until it first hears of the time.
 *
 * @param thenMs what it said
 * @param agoMs how long ago that was, by `uptimeMs`: with a monotonic clock each sleep of the machine would look like a
 *   clock that was set; NaN where that is not known
 * @returns 0 where it was not set by much, or nobody knows
 */
export function clockSetBy(thenMs: number, nowMs: number, agoMs: number): number {
  const byMs = Math.round(nowMs - agoMs - thenMs);
  return Math.abs(byMs) > TOLERANCE_MS ? byMs : 0;
}
