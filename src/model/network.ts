import type { ENGINES, PRECISIONS } from '../constants.js';
import type { UserError } from '../errors.js';
import type { NetworkOutput } from '../types.js';

/** The narrow seam between the pipeline and whatever runs the network. */
export interface Network {
  /** What computes now: where an NPU fails, the CPU takes over. */
  readonly engine: EngineName;
  /** In which numbers the backbone is computed now; half precision is the NPU's. */
  readonly precision: Precision | 'float16';
  /** An NPU is, or was, to compute. */
  readonly npu?: boolean;
  /**
   * @param mel windows × 96 × 64 row-major, frame first; what a window gets does not depend on those beside it
   * @throws Error when the engine fails
   */
  run(mel: Float32Array): Promise<NetworkOutput>;
  close(): Promise<void>;
}

export type EngineName = (typeof ENGINES)[number];
/** `auto` takes the first of them that is there; WASM is everywhere. */
export type EngineChoice = EngineName | 'auto';

export type Precision = (typeof PRECISIONS)[number];
/** `auto` takes int8 where the bundle is calibrated for it and the CPU is faster by it. */
export type PrecisionChoice = Precision | 'auto';

/** What the engine `neuron` needs beyond the bundle. */
export interface NpuOptions {
  /** What dlopen(3) understands; `libneuron_runtime.so` when left out. */
  readonly neuronLibrary?: string | undefined;
  /** Path of the compiled backbone; `backbone.dla` in the bundle's folder when left out. */
  readonly neuronNetwork?: string | undefined;
  /** The NPU was to compute, and does not, or no longer; the CPU does. */
  readonly onFallback?: ((failure: UserError) => void) | undefined;
}

/** How a network is computed, whatever the engine. */
export interface NetworkOptions extends NpuOptions {
  /** False: a CPU computes, whatever the engine that is asked for. */
  readonly npu?: false | undefined;
  /** Of the backbone on a CPU, also on one that stands by; float32 when left out. */
  readonly precision?: PrecisionChoice | undefined;
}
