import type { Bundle } from '../bundle.js';
import type { EngineChoice, Network } from '../network.js';

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
