import type { Scaling } from './scaling.js';

/** What a head learns from: one embedding and the index of its class per row. */
export interface Samples {
  /** n × size, row-major */
  readonly features: Float32Array;
  readonly classes: Int32Array;
}

/** Chosen rows, centred and scaled. */
export function batchOf(
  { features, classes }: Samples,
  rows: readonly number[],
  { mean, scale }: Scaling,
): Samples {
  const size = mean.length;
  const out = new Float32Array(rows.length * size);
  for (const [n, row] of rows.entries())
    for (let i = 0; i < size; i++) out[n * size + i] = (features[row * size + i]! - mean[i]!) / scale;
  return { features: out, classes: Int32Array.from(rows, (row) => classes[row]!) };
}

/** samples / (classes × samples of the class); 0 for a class that does not occur */
export function balanced(classes: Int32Array, classCount: number): Float32Array {
  const counts = new Float32Array(classCount);
  for (const each of classes) counts[each]! += 1;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count > 0 ? classes.length / (present * count) : 0));
}
