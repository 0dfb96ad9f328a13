/** Turns a window of sound into what a network was trained to see. */
export interface FrontEnd {
  readonly name: string;
  /**
   * Allocates nothing.
   *
   * @param samples 15 600 samples in −1…1
   * @param out 96 frames × 64 bands, frame first
   */
  compute(samples: Float32Array, out: Float32Array): void;
}
