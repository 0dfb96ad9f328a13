import type { Bundle } from '../bundle.js';
import type { EngineChoice, Network, NpuOptions } from '../network.js';
import { notLoaded } from './not-loaded.js';

/**
 * Loads an engine and puts the bundle's network on it.
 *
 * @param heads those whose scores are wanted; of the bundle's heads the network computes the dense ones, all when
 *   left out
 * @param npu where the parts of an NPU lie, and who is told that the CPU has taken over
 * @throws UserError unavailable, where the engine that was asked for cannot be loaded
 */
export async function createNetwork(
  bundle: Bundle,
  engine: EngineChoice = 'auto',
  heads: readonly string[] = Object.keys(bundle.manifest.heads),
  npu: NpuOptions = {},
): Promise<Network> {
  if (engine !== 'auto' && engine !== 'neuron') return createCpuNetwork(bundle, engine, heads);
  const cpu = await createCpuNetwork(bundle, 'auto', heads);
  const { withNpu } = await import('./neuron.js');
  return withNpu(bundle, heads, cpu, engine === 'neuron', npu);
}

async function createCpuNetwork(
  bundle: Bundle,
  engine: Exclude<EngineChoice, 'neuron'>,
  heads: readonly string[],
): Promise<Network> {
  if (engine === 'auto' || engine === 'onnxruntime') {
    const { createOnnxNetwork } = await import('./onnxruntime.js');
    try {
      return await createOnnxNetwork(bundle, heads);
    } catch (error) {
      if (engine === 'onnxruntime')
        throw notLoaded(
          engine,
          error,
          () => 'Install it (npm install onnxruntime-node --ignore-scripts; it needs glibc 2.28)',
        );
    }
  }
  const { createTfjsNetwork } = await import('./tfjs.js');
  return createTfjsNetwork(bundle, engine, heads);
}
