import { z } from 'zod';
import type { Manifest } from './manifest.js';
import { convolutionNames } from './quantization.js';

/**
 * What calibration found, from which the backbone is computed in 8-bit integers (`onnx/int8.ts`). The weights are
 * quantised when they are loaded, so the bundle has them once.
 */
export const quantization = z.strictObject({
  /** Of the backbone that it was made for: `backboneFingerprint`. */
  backbone: z.string().regex(/^[0-9a-f]{64}$/),
  /**
   * What comes out of each of these convolutions, which follow one another, is clipped to 0 and this. The first of them
   * is computed in float32 all the same, and so are those that are left out.
   */
  ranges: z.record(z.string(), z.number().positive()),
  /** Cosine similarity of the embedding with that of float32, on windows that were not calibrated with. */
  agreement: z.strictObject({
    windows: z.int().positive(),
    meanCosine: z.number().max(1),
    lowestCosine: z.number().max(1),
  }),
});

export type Quantization = z.infer<typeof quantization>;

/** What the schema cannot say, each as the rest of a sentence that begins with `quantization`. */
export function quantizationProblems({ ranges }: Quantization, backbone: Manifest['backbone']): string[] {
  const [names, all] = [Object.keys(ranges), convolutionNames(backbone)];
  const begin = Math.max(0, all.indexOf(names[0] ?? ''));
  const run = all.slice(begin, begin + Math.max(2, names.length));
  if (names.join() === run.join()) return [];
  return [`: its ranges are those of ${names.join(', ') || 'nothing'}, not of ${run.join(', ')}`];
}
