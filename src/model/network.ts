import type { ENGINES, PRECISIONS } from '../constants.js';
import type { NetworkOutput } from '../types.js';

/** The narrow seam between the pipeline and whatever runs the network. */
export interface Network {
  readonly engine: EngineName;
  /** In which numbers the backbone is computed. */
  readonly precision: Precision;
  /**
   * @param mel 96 × 64 row-major, frame first
   * @throws Error when the engine fails
   */
  run(mel: Float32Array): Promise<NetworkOutput>;
  close(): Promise<void>;
}

export type EngineName = (typeof ENGINES)[number];
/** `auto` takes the first of them that is installed; WASM is everywhere. */
export type EngineChoice = EngineName | 'auto';

type Precision = (typeof PRECISIONS)[number];
/** `auto` takes int8 where engine and bundle have it and it is faster on this machine. */
export type PrecisionChoice = Precision | 'auto';
