import type { Bundle } from '../../src/model/bundle.js';
import { backboneFingerprint } from '../../src/model/fingerprint.js';
import { convolutionNames, isPointwise } from '../../src/model/quantization.js';
import type { Quantization } from '../../src/model/quantization-manifest.js';

export const quantizedBy = (bundle: Bundle, quantization: Quantization): Bundle => ({
  ...bundle,
  manifest: { ...bundle.manifest, quantization },
});

/** All that can be is in int8. */
export function wholly(bundle: Bundle): Quantization {
  return {
    backbone: backboneFingerprint(bundle),
    convolutions: convolutionNames(bundle.manifest.backbone).filter(isPointwise),
    agreement: { windows: 1, meanCosine: 1, lowestCosine: 1 },
  };
}
