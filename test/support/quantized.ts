import type { Bundle } from '../../src/model/bundle.js';
import { backboneFingerprint } from '../../src/model/fingerprint.js';
import { convolutionNames } from '../../src/model/quantization.js';
import type { Quantization } from '../../src/model/quantization-manifest.js';

export const quantizedBy = (bundle: Bundle, quantization: Quantization): Bundle => ({
  ...bundle,
  manifest: { ...bundle.manifest, quantization },
});

/** Every range is this much. */
export function evenly(bundle: Bundle, high: number): Quantization {
  const ranges = convolutionNames(bundle.manifest.backbone).map((name) => [name, high] as const);
  return {
    backbone: backboneFingerprint(bundle),
    ranges: Object.fromEntries(ranges),
    agreement: { windows: 1, meanCosine: 1, lowestCosine: 1 },
  };
}
