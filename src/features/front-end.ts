import { createLibrosaMel } from './librosa-mel.js';
import { createYamnetMel } from './yamnet-mel.js';

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

const factories = {
  'yamnet-log-mel': createYamnetMel,
  'librosa-db-mel': createLibrosaMel,
} as const satisfies Record<string, () => FrontEnd>;

/** The front end that a bundle names. */
export function createFrontEnd(name: keyof typeof factories): FrontEnd {
  return factories[name]();
}
