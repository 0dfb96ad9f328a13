import { MEL_BANDS, PATCH_FRAMES, STFT_HOP_SAMPLES } from '../constants.js';
import type { MelWindow } from '../types.js';

/** Frames that are kept, 20 s: a power of two, so that a place in the ring is a mask away. */
const KEPT_FRAMES = 2048;
/** A hop as long as a window leaves out a frame or two between them; more is lost sound. */
const BRIDGED_FRAMES = 2;

/** The level of each mel band over the last seconds, of which any mean is two numbers away. Frames count from the stream's start. */
export class BandLevels {
  /** Of each frame and band the sum of all levels before it, decibels: [2048 × 64], frame first. */
  readonly sums = new Float64Array(KEPT_FRAMES * MEL_BANDS);
  /** The first frame that is known. */
  begin = 0;
  /** After the last one. */
  end = 0;

  /**
   * Takes what is new in the next window. Where it does not follow the last one, what was before is forgotten.
   *
   * @returns whether it follows
   */
  push({ mel, unitDb, zeroDb, startSample }: MelWindow): boolean {
    const end = Math.round(startSample / STFT_HOP_SAMPLES) + PATCH_FRAMES;
    const frames = mel.length / MEL_BANDS;
    const added = end - this.end;
    const follows = added >= 0 && added <= PATCH_FRAMES + BRIDGED_FRAMES;
    if (!follows) this.#beginAt(end - frames);
    for (let frame = this.end; frame < end; frame++) {
      const values = Math.max(0, frame - end + frames) * MEL_BANDS;
      const at = this.row(frame);
      const next = this.row(frame + 1);
      for (let band = 0; band < MEL_BANDS; band++)
        this.sums[next + band] = this.sums[at + band]! + mel[values + band]! * unitDb + zeroDb;
    }
    this.end = end;
    this.begin = Math.max(this.begin, end - KEPT_FRAMES + 1);
    return follows;
  }

  /** Where the sums up to a frame lie. */
  row(frame: number): number {
    return (frame & (KEPT_FRAMES - 1)) * MEL_BANDS;
  }

  /** Another stream begins: whatever comes next does not follow. */
  forget(): void {
    this.#beginAt(Number.NEGATIVE_INFINITY);
  }

  #beginAt(frame: number): void {
    this.begin = this.end = frame;
    if (Number.isFinite(frame)) this.sums.fill(0, this.row(frame), this.row(frame) + MEL_BANDS);
  }
}

/** From one frame to before another. */
export type Stretch = readonly [from: number, to: number];

/** Stretches of time that are laid anywhere, all at once; the mean level of each. Allocates nothing. */
export class Stretches {
  readonly length: number;
  /** First frames and those after the last ones, each from where they are laid and as rows; and one over their lengths. */
  readonly #frames: Int32Array;
  readonly #rows: Int32Array;
  readonly #shares: Float64Array;

  constructor(
    private readonly levels: BandLevels,
    stretches: readonly Stretch[],
  ) {
    this.length = stretches.length;
    this.#frames = Int32Array.from(stretches.flat());
    this.#rows = new Int32Array(2 * this.length);
    this.#shares = Float64Array.from(stretches, ([from, to]) => 1 / (to - from));
  }

  /** @param frame from which their own count */
  layAt(frame: number): void {
    for (let i = 0; i < this.#rows.length; i++) this.#rows[i] = this.levels.row(frame + this.#frames[i]!);
  }

  /** Of one of them in a band, decibels. */
  mean(i: number, band: number): number {
    const { sums } = this.levels;
    const sum = sums[this.#rows[2 * i + 1]! + band]! - sums[this.#rows[2 * i]! + band]!;
    return sum * this.#shares[i]!;
  }

  /** Of all of them, each counting the same. */
  meanOfAll(band: number): number {
    let sum = 0;
    for (let i = 0; i < this.length; i++) sum += this.mean(i, band);
    return sum / this.length;
  }
}
