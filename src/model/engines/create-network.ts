import { ExitCode, UserError } from '../../errors.js';
import type { Bundle } from '../bundle.js';
import type { EngineChoice, Network, NetworkOptions, PrecisionChoice } from '../network.js';
import { isWorthwhile, quantizationOf } from '../quantization.js';
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
  const quantization = precision === 'float32' ? undefined : quantizationOf(bundle);
  if (precision === 'int8') checkInt8(bundle, engine, quantization);
  if (engine === 'auto' || engine === 'onnxruntime') {
    try {
      return await onOnnxRuntime(bundle, heads, precision, quantization);
    } catch (error) {
      if (engine === 'onnxruntime' || precision === 'int8')
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

async function onOnnxRuntime(
  bundle: Bundle,
  heads: readonly string[],
  precision: PrecisionChoice,
  quantization: Quantization | undefined,
): Promise<Network> {
  const { createOnnxNetwork } = await import('./onnxruntime.js');
  const taken =
    quantization && (precision === 'int8' || isWorthwhile(quantization, bundle.manifest.backbone));
  return createOnnxNetwork(bundle, heads, taken ? quantization : undefined);
}

function checkInt8(
  { manifest }: Bundle,
  engine: CpuEngineChoice,
  quantization: Quantization | undefined,
): void {
  const refused = (what: string, hint: string) =>
    new UserError(ExitCode.config, `model.precision is int8, ${what}`, hint);
  if (!quantization)
    throw refused(
      `but model ${manifest.name} is not calibrated for it`,
      `Calibrate it (bathnet2mqtt models quantize ${manifest.name} AUDIO) or set model.precision to auto.`,
    );
  if (engine !== 'auto' && engine !== 'onnxruntime')
    throw refused(
      `which ${engine} does not compute`,
      'Set model.engine to onnxruntime, or model.precision to auto.',
    );
}
