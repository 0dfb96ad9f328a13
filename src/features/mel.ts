import { MEL_BANDS } from '../constants.js';

/** The bins of a spectrum that a mel band weighs: `weights[i]` belongs to bin `first + i`. */
export interface MelBand {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Hann window whose period is `length`, as scipy (`fftbins=True`) and TensorFlow (`periodic=True`) have it. */
export function periodicHann(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length));
}

/** 64 bands over `bins` bins, without the zeros around each. */
export function melBands(bins: number, weight: (band: number, bin: number) => number): MelBand[] {
  return Array.from({ length: MEL_BANDS }, (_, b) => {
    const all = Array.from({ length: bins }, (_, k) => weight(b, k));
    const first = Math.max(
      0,
      all.findIndex((w) => w > 0),
    );
    const last = all.findLastIndex((w) => w > 0);
    return { first, weights: Float64Array.from(all.slice(first, last + 1)) };
  });
}

/** What a band weighs out of a spectrum. */
export function weigh({ first, weights }: MelBand, spectrum: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i]! * spectrum[first + i]!;
  return sum;
}
