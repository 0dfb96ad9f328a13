import type { Bundle, Manifest } from '../../src/model/bundle.js';

/**
 * A shipped bundle with its AudioSet head and one that maps it, `bathnet`, whatever other heads, and head for
 * events, it is shipped with.
 */
export function mappingOnly({ manifest, tensors }: Bundle): Bundle {
  const kept = [...tensors].filter(([key]) => /^(backbone|heads\.audioset)\./.test(key));
  return { manifest: mappingManifest(manifest), tensors: new Map(kept) };
}

/** As `mappingOnly`, of the manifest alone; weights that belong to no head any more do no harm. */
export function mappingManifest({ event: _, ...manifest }: Manifest): Manifest {
  const { audioset } = manifest.heads;
  const map = Object.values(manifest.heads).find((head) => head.type === 'map' && head.from === 'audioset');
  if (!audioset || !map) throw new Error(`${manifest.name} has no mapping of AudioSet classes`);
  const bathnet = { ...map, alarm: { labels: ['abnormal'] } };
  return { ...manifest, heads: { bathnet, audioset }, defaultHead: 'bathnet' };
}
