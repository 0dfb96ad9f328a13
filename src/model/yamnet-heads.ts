import { join } from 'node:path';
import { type DenseHead, type Manifest, type MapHead, readBundle } from './bundle.js';
import { SHIPPED_MODELS } from './shelf.js';

/** The shipped bundle, which holds the AudioSet labels and how they map onto this project's classes. */
const REFERENCE = join(SHIPPED_MODELS, 'bathnet-mini');

interface YamnetHeads extends Pick<Manifest, 'defaultHead'> {
  readonly heads: { readonly audioset: DenseHead; readonly bathnet: MapHead & Manifest['heads'][string] };
}

/**
 * The heads of any YAMNet: its 521 classes, and the four of this project. Thresholds are not taken over, because
 * they belong to the weights.
 *
 * @param reference bundle whose heads `audioset` and `bathnet` give the labels and their map
 */
export async function yamnetHeads(reference = REFERENCE): Promise<YamnetHeads> {
  const { audioset, bathnet } = (await readBundle(reference)).manifest.heads;
  if (audioset?.type !== 'dense' || bathnet?.type !== 'map')
    throw new Error(`${reference} has no heads audioset (dense) and bathnet (map)`);
  const { labels } = audioset;
  return {
    heads: {
      audioset: { type: 'dense', labels, layers: [{ units: labels.length, activation: 'sigmoid' }] },
      bathnet: { ...bathnet, alarm: { labels: bathnet.alarm?.labels ?? ['abnormal'] } },
    },
    defaultHead: 'bathnet',
  };
}
