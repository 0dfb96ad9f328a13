import { ExitCode, UserError } from '../../errors.js';
import type { Bundle } from '../bundle.js';
import type { EngineChoice, Network, PrecisionChoice } from '../network.js';
import { type Quantization, quantizationOf } from '../quantization.js';
import { fasterOf } from './faster-of.js';
import { notLoaded } from './not-loaded.js';

/**
 * Loads an engine and puts the bundle's network on it.
 *
 * @param heads those whose scores are wanted; of the bundle's heads the network computes the dense ones, all when
 *   left out
 * @param precision of the backbone; float32 when left out, as training and comparisons want it
 * @throws UserError unavailable, where the engine that was asked for cannot be loaded, config where it or the bundle
 *   has not the precision that was asked for, bad data where the bundle was quantised with other weights
 */
export async function createNetwork(
  bundle: Bundle,
  engine: EngineChoice = 'auto',
  heads: readonly string[] = Object.keys(bundle.manifest.heads),
  precision: PrecisionChoice = 'float32',
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
  const int8 = quantization && (await createOnnxNetwork(bundle, heads, quantization));
  if (int8 && precision === 'int8') return int8;
  const float32 = await createOnnxNetwork(bundle, heads);
  return int8 ? fasterOf(float32, int8) : float32;
}

function checkInt8({ manifest }: Bundle, engine: EngineChoice, quantization: Quantization | undefined): void {
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
