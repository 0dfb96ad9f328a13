import { ExitCode, UserError } from '../errors.js';
import type { Bundle } from './bundle.js';
import { backboneFingerprint } from './fingerprint.js';
import type { Manifest } from './manifest.js';
import type { Quantization } from './quantization-manifest.js';

/**
 * Mean cosine of the embeddings from which on they are alike enough for alarms. With 0.9906 YAMNet's classes found 25
 * of 109 alarms instead of 22; with 0.999 bathnet-mini found the same 141 of 271.
 */
export const LEAST_COSINE = 0.999;

/** In the order of the network; their tensors are called so. */
export function convolutionNames(backbone: Manifest['backbone']): string[] {
  return backbone.flatMap(({ type }, i) =>
    type === 'conv' ? [`backbone.${i}`] : [`backbone.${i}.depthwise`, `backbone.${i}.pointwise`],
  );
}

/** Of a convolution's name. */
export const isPointwise = (name: string): boolean => name.endsWith('.pointwise');

/** The quantisation of a bundle, if it has one that was made for its weights. */
export function fittingQuantization(bundle: Bundle): Quantization | undefined {
  const { quantization } = bundle.manifest;
  return quantization && quantization.backbone === backboneFingerprint(bundle) ? quantization : undefined;
}

/**
 * The quantisation of a bundle, if it has one.
 *
 * @throws UserError bad data, where it was made for other weights
 */
export function quantizationOf(bundle: Bundle): Quantization | undefined {
  const { name, quantization } = bundle.manifest;
  const fitting = fittingQuantization(bundle);
  if (quantization && !fitting)
    throw new UserError(
      ExitCode.badData,
      `model ${name}: its quantization was calibrated for other weights`,
      `Make it anew (bathnet2mqtt models quantize ${name} AUDIO), or set model.precision to float32.`,
    );
  return fitting;
}
