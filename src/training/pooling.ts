import { concatenated } from '../model/concatenated.js';
import type { ClipEmbeddings } from './embeddings.js';
import type { Samples } from './fit/samples.js';

/** A window so much quieter than the loudest one of its clip is the pause before or after the sound. */
const QUIETER_DB = 30;

/** What a class sounds like: the windows of a clip, or those that people have judged. */
export interface LabelledFrames {
  readonly label: string;
  readonly embeddings: ClipEmbeddings;
}

/**
 * The rows that a head learns from or is checked on.
 *
 * @param size of an embedding
 * @param pool a sample is every window of a clip, or their mean
 */
export function samplesOf(
  clips: readonly LabelledFrames[],
  labels: readonly string[],
  size: number,
  pool: 'frames' | 'mean',
): Samples {
  const rows: Float32Array[] = [];
  const classes: number[] = [];
  for (const { label, embeddings } of clips) {
    const heard =
      pool === 'mean' ? [meanOf(soundingFrames(embeddings, size), size)] : soundingFrames(embeddings, size);
    rows.push(...heard);
    for (const _ of heard) classes.push(labels.indexOf(label));
  }
  return { features: concatenated(rows), classes: Int32Array.from(classes) };
}

/** The windows of a clip without the pauses around the sound. */
export function soundingFrames({ frames, rmsDbfs }: ClipEmbeddings, size: number): Float32Array[] {
  const loudest = rmsDbfs.reduce((a, b) => Math.max(a, b));
  return [...rmsDbfs].flatMap((level, i) =>
    level >= loudest - QUIETER_DB ? [frames.subarray(i * size, (i + 1) * size)] : [],
  );
}

function meanOf(rows: readonly Float32Array[], size: number): Float32Array {
  const mean = new Float32Array(size);
  for (const row of rows) for (let i = 0; i < size; i++) mean[i]! += row[i]! / rows.length;
  return mean;
}
