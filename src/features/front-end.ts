import type { Window } from '../types.js';

/** Turns a window of sound into what a network was trained to see. */
export interface FrontEnd {
  readonly name: string;
  /** Silence, and the loudest that is usual, in its unit. */
  readonly range: readonly [low: number, high: number];
  /** Decibels of 1, in its unit. */
  readonly unitDb: number;
  /** The mel band whose middle is at a frequency, with a fraction between two. */
  bandOf(hz: number): number;
  /**
   * Takes the next window. What it shares with the last one, as its position says, is computed once. Allocates nothing.
   *
   * @param window 15 600 samples in −1…1
   * @param out 96 frames × 64 bands, frame first
   * @returns what 0 in `out` stands for, decibels: levels of different windows compare where it is added
   */
  compute(window: Pick<Window, 'samples' | 'startSample'>, out: Float32Array): number;
  /** Another stream begins: no window shares anything with the last one. */
  forget(): void;
}
