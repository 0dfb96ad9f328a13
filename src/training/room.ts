import { createHash } from 'node:crypto';
import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../constants.js';
import { dbfsOf, piecePowers } from '../features/level.js';
import { concatenated } from '../model/concatenated.js';
import type { Lay } from './lay.js';
import { createRandom } from './random.js';

/** No room is quieter than this to a microphone; digital silence is what files have instead. */
const QUIET_DBFS = -70;
/** A clip without a pause in it does not say how quiet its room was. */
const LOUDEST_TONE_DBFS = -50;
const QUIET_RANGE_DBFS = [-100, -45] as const;
/** The quietest tenth of a clip, in pieces of 10 ms, is its room. */
const PIECE_SAMPLES = SAMPLE_RATE_HZ / 100;
const QUIETEST_SHARE = 0.1;
/** Noise of a room is darker than white: a one-pole low-pass at about 270 Hz. */
const DARKNESS = 0.9;
const DARK_RMS = Math.sqrt((1 - DARKNESS) ** 2 / (1 - DARKNESS ** 2));

export interface RoomOptions {
  /** From window to window: the sound is made so long that the last window is full. */
  readonly hopSamples: number;
  /** Room before and after the sound; none when left out. */
  readonly aroundSamples?: number;
}

/**
 * Puts a sound into a room that goes on before and after it, so that how a file was cut teaches nothing: what fills
 * the rest of a window is room tone as loud as the clip's own background, never digital zero, and a sound shorter
 * than a window lies anywhere in it. Where follows from the sound alone, so it is the same every time.
 *
 * @param sound mono at 16 kHz, in blocks
 */
export async function* inRoom(
  sound: AsyncIterable<Float32Array>,
  { hopSamples, aroundSamples = 0 }: RoomOptions,
): AsyncGenerator<Float32Array> {
  const blocks = sound[Symbol.asyncIterator]();
  const start = await firstSamples(blocks, WINDOW_SAMPLES);
  const random = createRandom(createHash('sha256').update(start).digest().readUInt32LE(0));
  const tone = createTone(random);
  const levelDbfs = Math.min(LOUDEST_TONE_DBFS, Math.max(QUIET_DBFS, backgroundDbfs(start)));
  const short = Math.max(0, WINDOW_SAMPLES - start.length);
  const before = Math.floor(random() * (short + 1));

  yield tone(aroundSamples + before, levelDbfs);
  let length = before;
  for (let block: Float32Array | undefined = start; block; block = await nextOf(blocks)) {
    const floor = tone(block.length, QUIET_DBFS);
    yield floor.map((x, i) => x + block![i]!);
    length += block.length;
  }
  const beyond = length - WINDOW_SAMPLES;
  const full = WINDOW_SAMPLES + Math.ceil(Math.max(0, beyond) / hopSamples) * hopSamples;
  yield tone(full - length + aroundSamples, levelDbfs);
}

/** Rooms in which nothing is heard, from digital silence to a noisy night, with their names. */
export function quietRooms(count: number, seed: number): { readonly name: string; readonly lay: Lay }[] {
  const [low, high] = QUIET_RANGE_DBFS;
  return Array.from({ length: count }, (_, i) => {
    const levelDbfs = low + ((high - low) * i) / Math.max(1, count - 1);
    return { name: `quiet room ${i + 1}`, lay: { how: 'quiet room', seed: seed + i, levelDbfs } };
  });
}

/** Noise like a quiet room's; every call goes on where the last one ended. */
export function createTone(random: () => number): (samples: number, rmsDbfs: number) => Float32Array {
  let dark = 0;
  return (samples, rmsDbfs) => {
    const gain = 10 ** (rmsDbfs / 20) / DARK_RMS;
    return Float32Array.from({ length: samples }, () => {
      const white = Math.sqrt(3) * (2 * random() - 1); // RMS 1
      dark = DARKNESS * dark + (1 - DARKNESS) * white;
      return gain * dark;
    });
  };
}

/** RMS level of the quietest tenth; that of digital silence where there is nothing. */
function backgroundDbfs(samples: Float32Array): number {
  const powers = piecePowers(samples, PIECE_SAMPLES).sort((a, b) => a - b);
  return dbfsOf(powers[Math.floor(powers.length * QUIETEST_SHARE)] ?? 0);
}

/** At least so many samples, or all there are. */
async function firstSamples(blocks: AsyncIterator<Float32Array>, count: number): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (let length = 0; length < count; ) {
    const block = await nextOf(blocks);
    if (block === undefined) break;
    parts.push(block.slice()); // a decoder may use its block again
    length += block.length;
  }
  return concatenated(parts);
}

async function nextOf(blocks: AsyncIterator<Float32Array>): Promise<Float32Array | undefined> {
  const { value, done } = await blocks.next();
  return done ? undefined : value;
}
