/** What digital silence is given, so that levels stay numbers: below the noise of a 16-bit recording. */
export const SILENCE_DBFS = -120;

/**
 * Level of a window against full scale (a square wave at ±1 has 0 dBFS RMS).
 *
 * @param samples in −1…1
 */
export function levelOf(samples: Float32Array): { rmsDbfs: number; peakDbfs: number } {
  let energy = 0;
  let peak = 0;
  for (let i = 0; i < samples.length; i++) {
    const x = samples[i]!;
    energy += x * x;
    const magnitude = x < 0 ? -x : x;
    if (magnitude > peak) peak = magnitude;
  }
  return { rmsDbfs: decibels(Math.sqrt(energy / samples.length)), peakDbfs: decibels(peak) };
}

function decibels(amplitude: number): number {
  return Math.max(SILENCE_DBFS, 20 * Math.log10(amplitude));
}
