/** What digital silence is given, so that levels stay numbers: below the noise of a 16-bit recording. */
export const SILENCE_DBFS = -120;

/** What the power of a stretch of sound follows from; those of its parts add up to those of the whole. */
export interface Moments {
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
}

/** Of the samples from `from` to before `to`. */
export function momentsOf(samples: Float32Array, from = 0, to = samples.length): Moments {
  let sum = 0;
  let squares = 0;
  for (let i = from; i < to; i++) {
    const x = samples[i]!;
    sum += x;
    squares += x * x;
  }
  return { count: to - from, sum, squares };
}

/**
 * Mean square about `mean`: without the constant part, which is the microphone's own and nothing that is heard.
 *
 * @param mean that of the stretch itself when left out
 */
export function powerOf({ count, sum, squares }: Moments, mean = sum / count): number {
  return Math.max(0, squares / count - mean * (2 * (sum / count) - mean));
}

/** Decibels of a power against full scale, from `SILENCE_DBFS` on. */
export function dbfsOf(power: number): number {
  return Math.max(SILENCE_DBFS, 10 * Math.log10(power));
}

/**
 * Level of a window against full scale (a square wave at ±1 has 0 dBFS RMS), without its constant part.
 *
 * @param samples in −1…1
 */
export function levelOf(samples: Float32Array): { rmsDbfs: number; peakDbfs: number } {
  const count = samples.length;
  let [sum, squares] = [0, 0];
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  // Once over all of them, and without branches: which is the highest so far no processor could foresee.
  for (let i = 0; i < count; i++) {
    const x = samples[i]!;
    sum += x;
    squares += x * x;
    lowest = Math.min(lowest, x);
    highest = Math.max(highest, x);
  }
  const mean = sum / count;
  // The farthest from the mean is one of the two.
  const peak = Math.max(mean - lowest, highest - mean);
  return { rmsDbfs: dbfsOf(powerOf({ count, sum, squares })), peakDbfs: dbfsOf(peak * peak) };
}

/** Mean square of each `pieceSamples`, about the mean of all of them; what fills no whole piece is left out. */
export function piecePowers(samples: Float32Array, pieceSamples: number): number[] {
  const { sum, count } = momentsOf(samples);
  const powers: number[] = [];
  for (let at = 0; at + pieceSamples <= samples.length; at += pieceSamples)
    powers.push(powerOf(momentsOf(samples, at, at + pieceSamples), sum / count));
  return powers;
}
