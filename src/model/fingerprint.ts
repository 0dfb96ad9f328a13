import { createHash } from 'node:crypto';
import type { Draft } from './bundle.js';
import type { Tensor } from './safetensors.js';

/** Of a whole file, as manifests and sidecars name it. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * SHA-256 over the layers and weights of the backbone: bundles with the same one give the same embeddings
 * (where their front ends are the same, too), so their heads fit each other.
 */
export function backboneFingerprint({ manifest, tensors }: Draft): string {
  const hash = createHash('sha256').update(JSON.stringify(manifest.backbone));
  const names = [...tensors.keys()].filter((name) => name.startsWith('backbone.')).sort();
  for (const name of names) {
    const { shape, data } = tensors.get(name) as Tensor;
    hash.update(`${name}[${shape}]`).update(data);
  }
  return hash.digest('hex');
}
