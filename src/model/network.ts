import type { NetworkOutput } from '../types.js';
import type { Bundle } from './bundle.js';

/** The narrow seam between the pipeline and whatever runs the network. */
export interface Network {
  readonly engine: EngineName;
  /**
   * @param mel 96 × 64 row-major, frame first
   * @throws Error when the engine fails
   */
  run(mel: Float32Array): Promise<NetworkOutput>;
  close(): Promise<void>;
}

export type EngineName = 'tfjs-wasm' | 'tfjs-node';
/** `auto` takes the native engine where it is installed, WASM everywhere else. */
export type EngineChoice = EngineName | 'auto';

/**
 * Loads an engine and puts the bundle's network on it.
 *
 * @param heads those whose scores are wanted; of the bundle's heads the network computes the dense ones, all when
 *   left out
 * @throws UserError unavailable, where the engine that was asked for cannot be loaded
 */
export async function createNetwork(
  bundle: Bundle,
  engine: EngineChoice = 'auto',
  heads?: readonly string[],
): Promise<Network> {
  const { createTfjsNetwork } = await import('./tfjs.js');
  return createTfjsNetwork(bundle, engine, heads);
}
