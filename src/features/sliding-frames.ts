import { MEL_BANDS, PATCH_FRAMES, STFT_HOP_SAMPLES } from '../constants.js';

/** The frames of a window that slides over the sound: those that it shares with the last one stay. */
export class SlidingFrames {
  #startSample = Number.NaN;

  /** @param values 96 frames × 64 bands, frame first */
  constructor(private readonly values: Float32Array | Float64Array) {}

  /**
   * Moves on to a window.
   *
   * @returns its first frame that is to be computed: all after it are, too
   */
  moveTo(startSample: number): number {
    const moved = (startSample - this.#startSample) / STFT_HOP_SAMPLES;
    this.#startSample = startSample;
    if (!(Number.isInteger(moved) && moved > 0 && moved < PATCH_FRAMES)) return 0;
    this.values.copyWithin(0, moved * MEL_BANDS);
    return PATCH_FRAMES - moved;
  }

  /** Nothing is shared with what comes next. */
  forget(): void {
    this.#startSample = Number.NaN;
  }
}
