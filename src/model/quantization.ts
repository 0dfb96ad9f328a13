import { z } from 'zod';
import { ExitCode, UserError } from '../errors.js';
import type { Bundle } from './bundle.js';
import { backboneFingerprint } from './fingerprint.js';
import type { Manifest } from './manifest.js';

/**
 * Mean cosine of the embeddings from which on they are alike enough for alarms. With 0.9906 YAMNet's classes found 25
 * of 109 alarms instead of 22; with 0.999 bathnet-mini found the same 141 of 271.
 */
export const LEAST_COSINE = 0.995;

/**
 * What calibration found, from which the backbone is computed in 8-bit integers (`onnx/int8.ts`). The weights are
 * quantised when they are loaded, so the bundle has them once.
 */
export const quantization = z.strictObject({
  /** Of the backbone that it was made for: `backboneFingerprint`. */
  backbone: z.string().regex(/^[0-9a-f]{64}$/),
  /**
   * What comes out of each convolution is clipped to 0 and this. The first is computed in float32 all the same, and so
   * are those at the end that are left out.
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

/** In the order of the network; their tensors are called so. */
export function convolutionNames(backbone: Manifest['backbone']): string[] {
  return backbone.flatMap(({ type }, i) =>
    type === 'conv' ? [`backbone.${i}`] : [`backbone.${i}.depthwise`, `backbone.${i}.pointwise`],
  );
}

/** What the schema cannot say, each as the rest of a sentence that begins with `quantization`. */
export function quantizationProblems({ ranges }: Quantization, backbone: Manifest['backbone']): string[] {
  const names = Object.keys(ranges);
  const first = convolutionNames(backbone).slice(0, Math.max(2, names.length));
  if (names.join() === first.join()) return [];
  return [`: its ranges are those of ${names.join(', ') || 'nothing'}, not of ${first.join(', ')}`];
}

/**
 * Whether integers save time: where most convolutions are computed in them. It does not depend on how busy the machine
 * is at the start: the same sound must score the same tomorrow.
 */
export function isWorthwhile({ ranges }: Quantization, backbone: Manifest['backbone']): boolean {
  return Object.keys(ranges).length > convolutionNames(backbone).length / 2;
}

/**
 * The quantisation of a bundle, if it has one.
 *
 * @throws UserError bad data, where it was made for other weights
 */
export function quantizationOf(bundle: Bundle): Quantization | undefined {
  const { name, quantization } = bundle.manifest;
  if (quantization && quantization.backbone !== backboneFingerprint(bundle))
    throw new UserError(
      ExitCode.badData,
      `model ${name}: its quantization was calibrated for other weights`,
      `Make it anew (bathnet2mqtt models quantize ${name} AUDIO), or set model.precision to float32.`,
    );
  return quantization;
}
