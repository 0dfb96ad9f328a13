import { ExitCode, UserError } from '../../errors.js';
import type { Bundle } from '../bundle.js';
import type { EngineChoice, Network, NetworkOptions, PrecisionChoice } from '../network.js';
import { fittingQuantization, quantizationOf } from '../quantization.js';
import type { Quantization } from '../quantization-manifest.js';
import { notLoaded } from './not-loaded.js';

type CpuEngineChoice = Exclude<EngineChoice, 'neuron'>;

/**
 * Loads an engine and puts the bundle's network on it.
 *
 * @param heads those whose scores are wanted; of the bundle's heads the network computes the dense ones, all when
 *   left out
 * @param options the precision is float32 when left out, as training and comparisons want it
 * @throws UserError unavailable, where the engine that was asked for cannot be loaded, config where it or the bundle
 *   has not the precision that was asked for, bad data where the bundle was quantised with other weights
 */
export async function createNetwork(
  bundle: Bundle,
  engine: EngineChoice = 'auto',
  heads: readonly string[] = Object.keys(bundle.manifest.heads),
  options: NetworkOptions = {},
): Promise<Network> {
  const { precision = 'float32', npu } = options;
  const onCpu = engine === 'neuron' ? 'auto' : engine;
  const cpu = await createCpuNetwork(bundle, onCpu, heads, precision);
  if (npu === false || (engine !== 'auto' && engine !== 'neuron')) return cpu;
  const exact = () => createCpuNetwork(bundle, 'auto', [], 'float32');
  const { withNpu } = await import('./neuron.js');
  return withNpu(bundle, heads, { cpu, exact }, engine === 'neuron', options);
}

/**
 * The same without an NPU.
 *
 * @throws as createNetwork does
 */
async function createCpuNetwork(
  bundle: Bundle,
  engine: CpuEngineChoice,
  heads: readonly string[],
  precision: PrecisionChoice,
): Promise<Network> {
  const asked = precision === 'int8' ? int8Of(bundle, engine) : undefined;
  if (engine === 'auto' || engine === 'onnxruntime') {
    try {
      const { createOnnxNetwork, multipliesBytes } = await import('./onnxruntime.js');
      const faster = precision === 'auto' && multipliesBytes() ? fittingQuantization(bundle) : undefined;
      return await createOnnxNetwork(bundle, heads, asked ?? faster);
    } catch (error) {
      if (engine === 'onnxruntime' || asked)
        throw notLoaded(
          'onnxruntime',
          error,
          () => 'Install it (npm install onnxruntime-node --ignore-scripts; it needs glibc 2.28)',
        );
    }
  }
  const { createTfjsNetwork } = await import('./tfjs.js');
  return createTfjsNetwork(bundle, engine, heads);
}

function int8Of(bundle: Bundle, engine: CpuEngineChoice): Quantization {
  const refused = (what: string, hint: string) =>
    new UserError(ExitCode.config, `model.precision is int8, ${what}`, hint);
  const { name } = bundle.manifest;
  const quantization = quantizationOf(bundle);
  if (!quantization)
    throw refused(
      `but model ${name} is not calibrated for it`,
      `Calibrate it (bathnet2mqtt models quantize ${name} AUDIO) or set model.precision to float32.`,
    );
  if (engine !== 'auto' && engine !== 'onnxruntime')
    throw refused(
      `which ${engine} does not compute`,
      'Set model.engine to onnxruntime, or model.precision to float32.',
    );
  return quantization;
}
