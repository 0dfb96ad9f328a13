import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../constants.js';
import { augmented } from './augment.js';
import { layInLife, type Surroundings } from './life.js';
import { createRandom } from './random.js';
import { createTone, inRoom } from './room.js';

/** What is done to the sound of a file before it is heard. It crosses threads and names an entry of the cache. */
export type Lay =
  | { readonly how: 'as it is' }
  /** In a quiet room, with so much of it before and after (`training/room.ts`). */
  | { readonly how: 'in a room'; readonly aroundSamples: number }
  /** Varied, then in a quiet room (`training/augment.ts`). */
  | { readonly how: 'varied'; readonly seed: number; readonly copy: number }
  /** In a room or ordinary sound, at a time and level that follow from the name (`training/life.ts`). */
  | { readonly how: 'in life'; readonly name: string }
  /** No file, but a window of a room in which nothing is heard. */
  | { readonly how: 'quiet room'; readonly seed: number; readonly levelDbfs: number };

/** A file, and in what ways it is to be heard: each lay is heard by itself. */
export interface LaidFile {
  readonly path: string;
  readonly lays: readonly Lay[];
}

/** How long the sound is, and where the file lies in it; known when all of it has been given. */
export interface Extent {
  readonly seconds: number;
  /** Of the file alone. */
  readonly fileSeconds: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
}

export interface LayOptions {
  readonly hopSamples: number;
  /** What clips are laid into `in life`. */
  readonly surroundings?: Surroundings | undefined;
}

/**
 * Lays a file's sound.
 *
 * @param sound of the file, mono at 16 kHz
 * @returns the extent
 */
export async function* laid(
  sound: () => AsyncIterable<Float32Array>,
  lay: Lay,
  { hopSamples, surroundings }: LayOptions,
): AsyncGenerator<Float32Array, Extent, void> {
  if (lay.how === 'in life') {
    if (!surroundings) throw new Error('there is nothing to lay a clip into');
    const { samples, startSeconds, endSeconds } = await layInLife(sound(), lay.name, surroundings);
    yield samples;
    const fileSeconds = endSeconds - startSeconds;
    return { seconds: samples.length / SAMPLE_RATE_HZ, fileSeconds, startSeconds, endSeconds };
  }
  let [samples, fileSamples] = [0, 0];
  const counted = async function* () {
    for await (const block of sound()) {
      fileSamples += block.length;
      yield block;
    }
  };
  for await (const block of blocksLaid(counted, lay, hopSamples)) {
    samples += block.length;
    yield block;
  }
  const seconds = samples / SAMPLE_RATE_HZ;
  return { seconds, fileSeconds: fileSamples / SAMPLE_RATE_HZ, startSeconds: 0, endSeconds: seconds };
}

function blocksLaid(
  sound: () => AsyncIterable<Float32Array>,
  lay: Exclude<Lay, { how: 'in life' }>,
  hopSamples: number,
): AsyncIterable<Float32Array> | Iterable<Float32Array> {
  switch (lay.how) {
    case 'as it is':
      return sound();
    case 'in a room':
      return inRoom(sound(), { hopSamples, aroundSamples: lay.aroundSamples });
    case 'varied':
      return inRoom(augmented(sound(), lay.seed, lay.copy), { hopSamples });
    case 'quiet room':
      return [createTone(createRandom(lay.seed))(WINDOW_SAMPLES, lay.levelDbfs)];
  }
}
