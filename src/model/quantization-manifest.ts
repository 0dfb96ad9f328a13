import { z } from 'zod';
import type { Manifest } from './manifest.js';
import { convolutionNames, isPointwise } from './quantization.js';

const common = {
  /** Of the backbone that it was made for: `backboneFingerprint`. */
  backbone: z.string().regex(/^[0-9a-f]{64}$/),
  /** Cosine similarity of the embedding with that of float32, on windows by which nothing was chosen. */
  agreement: z.strictObject({
    windows: z.int().positive(),
    meanCosine: z.number().max(1),
    lowestCosine: z.number().max(1),
  }),
};

/** What was calibrated with fixed ranges, which are not used any more: layers that agreed with those do without, too. */
const ranged = z
  .strictObject({ ...common, ranges: z.record(z.string(), z.number().positive()) })
  .transform(({ ranges, ...rest }) => ({ ...rest, convolutions: Object.keys(ranges).filter(isPointwise) }));

/**
 * What of the backbone is computed in 8-bit integers (`onnx/int8.ts`). The weights are quantised when they are loaded,
 * so the bundle has them once.
 */
export const quantization = z
  .strictObject({
    ...common,
    /** Pointwise convolutions; none where ranges were of others alone, and what is read must be what can be written. */
    convolutions: z.array(z.string()),
  })
  .or(ranged);

export type Quantization = z.infer<typeof quantization>;

/** What the schema cannot say, each as the rest of a sentence that begins with `quantization`. */
export function quantizationProblems(
  { convolutions }: Quantization,
  backbone: Manifest['backbone'],
): string[] {
  const known = convolutionNames(backbone).filter(isPointwise);
  const unknown = convolutions.filter((name) => !known.includes(name));
  return unknown.length > 0 ? [`: the backbone has no pointwise convolution ${unknown.join(', ')}`] : [];
}
