import type { Mixing } from '../types.js';

/** A measurement. */
export const MEASURE_SECONDS = 2;
/** −90 dBFS: below it there is nothing to lose. */
const AUDIBLE_POWER = 1e-9;

/** Measures how much of the loudest channel is left in the mean of all. Constant parts do not count. */
export class MixWatch {
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  #mixSum = 0;
  #mixSquares = 0;
  #frames = 0;
  #mixing: Mixing | undefined;

  constructor(
    channels: number,
    private readonly sampleRateHz: number,
  ) {
    this.#sums = new Float64Array(channels);
    this.#squares = new Float64Array(channels);
  }

  /** One value of a frame. @param channel from 0 */
  add(channel: number, value: number): void {
    this.#sums[channel]! += value;
    this.#squares[channel]! += value * value;
  }

  /** The frame's mean, after its values. */
  mixed(value: number): void {
    this.#mixSum += value;
    this.#mixSquares += value * value;
    if (++this.#frames >= MEASURE_SECONDS * this.sampleRateHz) this.#measure();
  }

  /** The last measurement, once. */
  take(): Mixing | undefined {
    const mixing = this.#mixing;
    this.#mixing = undefined;
    return mixing;
  }

  #measure(): void {
    const power = (sum: number, squares: number) =>
      Math.max(0, squares / this.#frames - (sum / this.#frames) ** 2);
    const powers = [...this.#sums].map((sum, channel) => power(sum, this.#squares[channel]!));
    const loudest = Math.max(...powers);
    const mix = Math.max(power(this.#mixSum, this.#mixSquares), loudest * 1e-12);
    if (loudest >= AUDIBLE_POWER)
      this.#mixing = { lossDb: 10 * Math.log10(loudest / mix), loudest: powers.indexOf(loudest) + 1 };
    this.#sums.fill(0);
    this.#squares.fill(0);
    this.#mixSum = this.#mixSquares = this.#frames = 0;
  }
}
