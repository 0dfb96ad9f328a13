import type { ENGINES } from '../constants.js';
import type { NetworkOutput } from '../types.js';

/** The narrow seam between the pipeline and whatever runs the network. */
export interface Network {
  readonly engine: EngineName;
  /**
   * @param mel windows × 96 × 64 row-major, frame first; what a window gets does not depend on those beside it
   * @throws Error when the engine fails
   */
  run(mel: Float32Array): Promise<NetworkOutput>;
  close(): Promise<void>;
}

export type EngineName = (typeof ENGINES)[number];
/** `auto` takes the first of them that is installed; WASM is everywhere. */
export type EngineChoice = EngineName | 'auto';
