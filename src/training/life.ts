import { createHash } from 'node:crypto';
import { ONGOING_TIMES } from '../alarm/ongoing.js';
import { SAMPLE_RATE_HZ, WINDOW_SECONDS } from '../constants.js';
import { whole } from './augment.js';
import { createRandom } from './random.js';
import { createTone } from './room.js';

/** Long enough that the noise floor of the room is known and the event head remembers it when the clip begins; where, is chance. */
const BEFORE_SECONDS = [4.5, 7] as const;
/** So far back the event head hears: an alarm may start for so long after the clip's end, and the silence after an impact begin. */
const MEMORY_SECONDS = 3.4;
/** Peak of the clip: from behind a door to right below the microphone. */
const PEAK_DBFS = [-36, -3] as const;
/** RMS level of an empty room, by a good microphone and by a cheap one. */
const ROOM_DBFS = [-70, -50] as const;
/** A cut makes no click. */
const FADE_SECONDS = 0.01;
/** What is kept of recordings that clips are laid into: 64 pieces of 20 s are 82 MB. */
const PIECE_SECONDS = 20;
const MAX_PIECES = 64;

/** A clip as life has it: some room or ordinary sound, the clip in it, and more of the same. */
export interface LaidClip {
  /** Mono at 16 kHz. */
  readonly samples: Float32Array;
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** Ordinary sound in which clips are laid; with no pieces they lie in room tone. */
export interface Surroundings {
  readonly seed: number;
  /** The longest silence after an impact that is to make it an alarm: there is room for it after the clip; 0 is none. */
  readonly silenceSeconds: number;
  readonly pieces: readonly Float32Array[];
}

/**
 * Lays a clip into room tone, or into a random place of ordinary sound, at a random time and level, so that how the
 * file was cut and how loud it was recorded decide nothing. The same seed and name give the same.
 *
 * @param sound mono at 16 kHz, in blocks; all of it is held in memory
 */
export async function layInLife(
  sound: AsyncIterable<Float32Array>,
  name: string,
  { seed, silenceSeconds, pieces }: Surroundings,
): Promise<LaidClip> {
  const random = createRandom(createHash('sha256').update(`${seed} ${name}`).digest().readUInt32LE(0));
  const between = ([low, high]: readonly [number, number]) => low + (high - low) * random();
  const clip = faded(await whole(sound));
  const before = Math.round(between(BEFORE_SECONDS) * SAMPLE_RATE_HZ);
  const peak = clip.reduce((highest, x) => Math.max(highest, Math.abs(x)), 0);
  const gain = peak > 0 ? 10 ** (between(PEAK_DBFS) / 20) / peak : 0;
  const roomDbfs = between(ROOM_DBFS);
  const piece = pieces[Math.floor(random() * pieces.length)];
  const waitSeconds = (piece ? ONGOING_TIMES : 1) * silenceSeconds;
  const after = Math.round((MEMORY_SECONDS + waitSeconds + WINDOW_SECONDS) * SAMPLE_RATE_HZ);
  const length = before + clip.length + after;
  const samples = piece ? goingOn(piece, length, random) : createTone(random)(length, roomDbfs);
  for (const [i, x] of clip.entries())
    samples[before + i] = Math.max(-1, Math.min(1, samples[before + i]! + gain * x));
  const startSeconds = before / SAMPLE_RATE_HZ;
  return { samples, startSeconds, endSeconds: startSeconds + clip.length / SAMPLE_RATE_HZ };
}

/** Chooses pieces of recordings of any length, each as likely as another (reservoir sampling), in bounded memory. */
export class Pieces {
  readonly chosen: Float32Array[] = [];
  readonly #random: () => number;
  #piece = new Float32Array(PIECE_SECONDS * SAMPLE_RATE_HZ);
  #filled = 0;
  #seen = 0;

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  push(block: Float32Array): void {
    for (let at = 0; at < block.length; ) {
      const part = block.subarray(at, at + this.#piece.length - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#piece.length) this.#take();
    }
  }

  /** Ends a recording: what is left of it is a piece if it is long enough to lay anything in. */
  end(): void {
    if (this.#filled >= SAMPLE_RATE_HZ) this.#take();
    this.#filled = 0;
  }

  #take(): void {
    const at = this.#seen < MAX_PIECES ? this.#seen : Math.floor(this.#random() * (this.#seen + 1));
    if (at < MAX_PIECES) this.chosen[at] = this.#piece.slice(0, this.#filled);
    this.#seen++;
    this.#filled = 0;
  }
}

/** From anywhere in a piece on, to its end and back, so that no two ends meet. */
function goingOn(piece: Float32Array, length: number, random: () => number): Float32Array {
  const turn = 2 * (piece.length - 1);
  const from = Math.floor(random() * Math.max(1, piece.length - length));
  return Float32Array.from({ length }, (_, i) => {
    const at = (from + i) % turn;
    return piece[at < piece.length ? at : turn - at]!;
  });
}

function faded(clip: Float32Array): Float32Array {
  const fade = Math.min(FADE_SECONDS * SAMPLE_RATE_HZ, Math.floor(clip.length / 2));
  return clip.map((x, i) => x * Math.min(1, (i + 0.5) / fade, (clip.length - i - 0.5) / fade));
}
