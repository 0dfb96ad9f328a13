import { createHash } from 'node:crypto';
import { SAMPLE_RATE_HZ } from '../constants.js';
import { concatenated } from '../model/concatenated.js';
import { createRandom } from './random.js';

/** How far a variation goes; every one is drawn evenly from its range. */
const GAIN_DB = [-12, 6] as const;
const SHIFT_SECONDS = [0, 0.48] as const;
/** Level of the sound above the noise that is mixed in. */
const NOISE_SNR_DB = [10, 40] as const;
const PITCH_SEMITONES = [-2, 2] as const;
/** Above 1 is longer. */
const STRETCH = [0.85, 1.15] as const;

/** Overlap-add: pieces of 40 ms, of which each is looked for within 10 ms of where it should begin. */
const PIECE_SAMPLES = 0.04 * SAMPLE_RATE_HZ;
const SEARCH_SAMPLES = 0.01 * SAMPLE_RATE_HZ;

/**
 * A variation of a sound: pitch, tempo, position, noise and gain. What is varied by how much follows from the sound,
 * the seed and the number of the copy alone.
 */
export async function* augmented(
  sound: AsyncIterable<Float32Array>,
  seed: number,
  copy: number,
): AsyncGenerator<Float32Array> {
  const all = await whole(sound);
  const digest = createHash('sha256').update(`${seed},${copy}`).update(all).digest();
  yield vary(all, createRandom(digest.readUInt32LE(0)));
}

/** One variation of a sound at 16 kHz. */
export function vary(sound: Float32Array, random: () => number): Float32Array {
  const between = ([low, high]: readonly [number, number]) => low + (high - low) * random();
  const pitch = 2 ** (between(PITCH_SEMITONES) / 12);
  const longer = between(STRETCH);
  const shift = Math.round(between(SHIFT_SECONDS) * SAMPLE_RATE_HZ);
  const snrDb = between(NOISE_SNR_DB);
  const gain = 10 ** (between(GAIN_DB) / 20);

  // Longer by the pitch, then played faster by it: the tempo stays and the pitch changes.
  const tuned = resample(stretch(sound, longer * pitch), pitch);
  const moved = new Float32Array(shift + tuned.length);
  moved.set(tuned, shift);
  const noise = rms(tuned) * 10 ** (-snrDb / 20) * Math.sqrt(3); // even noise in ±√3 has an RMS of 1
  return moved.map((x) => Math.max(-1, Math.min(1, gain * (x + noise * (2 * random() - 1)))));
}

/**
 * Makes a sound longer or shorter without changing its pitch: waveform-similarity overlap-add
 * (Verhelst and Roelands, 1993).
 *
 * @param factor above 1 is longer
 */
export function stretch(sound: Float32Array, factor: number): Float32Array {
  const half = PIECE_SAMPLES / 2;
  const length = Math.round(sound.length * factor);
  if (sound.length < PIECE_SAMPLES + 2 * SEARCH_SAMPLES) return sound.slice();
  const out = new Float32Array(length + PIECE_SAMPLES);
  let previous = 0;
  for (let at = 0; at < length; at += half) {
    const wanted = Math.round(at / factor);
    const from = at === 0 ? 0 : mostAlike(sound, previous + half, wanted);
    for (let i = 0; i < PIECE_SAMPLES; i++) {
      const fade = at === 0 && i < half ? 1 : 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / PIECE_SAMPLES);
      out[at + i]! += fade * (sound[from + i] ?? 0);
    }
    previous = from;
  }
  return out.slice(0, length);
}

/** The place near `wanted` where the sound goes on as it does at `natural`. */
function mostAlike(sound: Float32Array, natural: number, wanted: number): number {
  let best = { place: wanted, likeness: Number.NEGATIVE_INFINITY };
  for (let place = Math.max(0, wanted - SEARCH_SAMPLES); place <= wanted + SEARCH_SAMPLES; place += 2) {
    let likeness = 0;
    for (let i = 0; i < PIECE_SAMPLES / 2; i += 4)
      likeness += (sound[natural + i] ?? 0) * (sound[place + i] ?? 0);
    if (likeness > best.likeness) best = { place, likeness };
  }
  return best.place;
}

/** Plays a sound `speed` times as fast, with linear interpolation: good enough for two semitones. */
function resample(sound: Float32Array, speed: number): Float32Array {
  return Float32Array.from({ length: Math.round(sound.length / speed) }, (_, i) => {
    const at = Math.floor(i * speed);
    const share = i * speed - at;
    return (1 - share) * (sound[at] ?? 0) + share * (sound[at + 1] ?? 0);
  });
}

function rms(sound: Float32Array): number {
  return Math.sqrt(sound.reduce((sum, x) => sum + x * x, 0) / Math.max(1, sound.length));
}

/** All of a sound, in memory. */
export async function whole(sound: AsyncIterable<Float32Array>): Promise<Float32Array> {
  const blocks: Float32Array[] = [];
  for await (const block of sound) blocks.push(block.slice()); // a decoder may use its block again
  return concatenated(blocks);
}
