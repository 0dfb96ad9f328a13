import type { Window } from '../types.js';
import { type Moments, momentsOf, powerOf } from './level.js';

export interface LevelHistoryOptions {
  /** How many levels are given. */
  readonly blocks: number;
  /** Of one level; a multiple of 80. */
  readonly blockSamples: number;
  /** The floor is the lowest mean power of so many blocks in a row. */
  readonly floorBlocks: number;
  /** Decibels above the floor that are 1. */
  readonly scaleDb: number;
  /** No level is more. */
  readonly limit: number;
}

/** 5 ms: divides window, hop and block alike, so each sample is summed once. */
const STEP_SAMPLES = 80;
/** Power of digital silence, so that its level is a number. */
const POWER_FLOOR = 1e-10;
const NOTHING: Moments = { count: 0, sum: 0, squares: 0 };

/**
 * How the level of each of the last blocks of sound stands above the floor, whatever the gain of the microphone.
 * The newest block ends with the newest window.
 */
export class LevelHistory {
  readonly #options: LevelHistoryOptions;
  readonly #stepsPerBlock: number;
  /** A ring of steps. */
  readonly #moments: Moments[];
  readonly #powers: Float64Array;
  readonly #levels: Float32Array;
  /** Steps since the last `forget`. */
  #steps = 0;
  #endSample = 0;

  constructor(options: LevelHistoryOptions) {
    this.#options = options;
    this.#stepsPerBlock = options.blockSamples / STEP_SAMPLES;
    this.#moments = Array.from({ length: options.blocks * this.#stepsPerBlock }, () => NOTHING);
    this.#powers = new Float64Array(options.blocks);
    this.#levels = new Float32Array(options.blocks);
  }

  /**
   * Takes the next window; it must overlap the last one or follow it at once.
   *
   * @returns [blocks], oldest first, 0…limit; 0 for blocks before the first sound, and for all of them while there
   *   are fewer than the floor takes. The array is reused by the next call.
   */
  push({ samples, startSample }: Pick<Window, 'samples' | 'startSample'>): Float32Array {
    const endSample = startSample + samples.length;
    const elapsed = this.#steps === 0 ? samples.length : endSample - this.#endSample;
    // Where the hop is no multiple of 5 ms, steps overlap or leave out less than half of one.
    const steps = Math.min(Math.round(elapsed / STEP_SAMPLES), Math.floor(samples.length / STEP_SAMPLES));
    this.#endSample = endSample;
    for (let step = steps; step > 0; step--) this.#add(samples, samples.length - step * STEP_SAMPLES);
    return this.#describe();
  }

  /** Sound was lost, or another stream begins. */
  forget(): void {
    this.#steps = 0;
  }

  #add(samples: Float32Array, from: number): void {
    this.#moments[this.#steps++ % this.#moments.length] = momentsOf(samples, from, from + STEP_SAMPLES);
  }

  #describe(): Float32Array {
    const { blocks, floorBlocks, scaleDb, limit } = this.#options;
    const known = Math.min(blocks, Math.floor(this.#steps / this.#stepsPerBlock));
    const first = blocks - known;
    this.#levels.fill(0);
    if (known < floorBlocks) return this.#levels;
    for (let block = first; block < blocks; block++) this.#powers[block] = this.#power(blocks - block);
    const floorDb = decibels(lowestMean(this.#powers, first, floorBlocks));
    for (let block = first; block < blocks; block++) {
      const level = (decibels(this.#powers[block]!) - floorDb) / scaleDb;
      this.#levels[block] = Math.min(limit, Math.max(0, level));
    }
    return this.#levels;
  }

  /**
   * Mean square without the constant part, which is the microphone's own.
   *
   * @param back 1 is the newest block
   */
  #power(back: number): number {
    let [sum, squares] = [0, 0];
    const from = this.#steps - back * this.#stepsPerBlock;
    for (let step = from; step < from + this.#stepsPerBlock; step++) {
      const moments = this.#moments[step % this.#moments.length]!;
      sum += moments.sum;
      squares += moments.squares;
    }
    return powerOf({ count: this.#options.blockSamples, sum, squares });
  }
}

/** The lowest mean of `count` neighbours from `first` on. */
function lowestMean(values: Float64Array, first: number, count: number): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = first; i + count <= values.length; i++) {
    let sum = 0;
    for (let k = i; k < i + count; k++) sum += values[k]!;
    lowest = Math.min(lowest, sum / count);
  }
  return lowest;
}

function decibels(power: number): number {
  return 10 * Math.log10(power + POWER_FLOOR);
}
