import { MEL_BANDS } from '../constants.js';

/** Hann window whose period is `length`, as scipy (`fftbins=True`) and TensorFlow (`periodic=True`) have it. */
export function periodicHann(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length));
}

/** 64 mel bands over a spectrum: of each only the bins between the zeros around it, one band after the other. */
export interface MelBands {
  /** Of each band, its first bin… */
  readonly firsts: Int32Array;
  /** …and where its weights end. */
  readonly ends: Int32Array;
  readonly weights: Float64Array;
}

/**
 * @param bins of the spectrum
 * @param weight of a bin in a band
 */
export function melBands(bins: number, weight: (band: number, bin: number) => number): MelBands {
  const weights: number[] = [];
  const firsts = new Int32Array(MEL_BANDS);
  const ends = new Int32Array(MEL_BANDS);
  for (let band = 0; band < MEL_BANDS; band++) {
    const all = Array.from({ length: bins }, (_, bin) => weight(band, bin));
    const first = Math.max(
      0,
      all.findIndex((w) => w > 0),
    );
    firsts[band] = first;
    weights.push(...all.slice(first, all.findLastIndex((w) => w > 0) + 1));
    ends[band] = weights.length;
  }
  return { firsts, ends, weights: Float64Array.from(weights) };
}

/** Writes what each band weighs out of a spectrum to `out`, from `at` on. Allocates nothing. */
export function weigh(
  { firsts, ends, weights }: MelBands,
  spectrum: Float64Array,
  out: Float64Array,
  at = 0,
): void {
  let i = 0;
  for (let band = 0; band < MEL_BANDS; band++) {
    const end = ends[band]!;
    let sum = 0;
    for (let bin = firsts[band]!; i < end; i++, bin++) sum += weights[i]! * spectrum[bin]!;
    out[at + band] = sum;
  }
}
