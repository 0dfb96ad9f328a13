import { createHash } from 'node:crypto';
import type { Draft } from './bundle.js';
import type { Tensor } from './safetensors.js';

/**
 * SHA-256 over the layers and weights of the backbone: bundles with the same one give the same embeddings
 * (where their front ends are the same, too), so their heads fit each other.
 */
export function backboneFingerprint({ manifest, tensors }: Draft): string {
  const hash = createHash('sha256').update(JSON.stringify(manifest.backbone));
  const names = [...tensors.keys()].filter((name) => name.startsWith('backbone.')).sort();
  for (const name of names) {
    const { shape, data } = tensors.get(name) as Tensor;
    hash.update(`${name}[${shape}]`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
