import { ExitCode, UserError } from '../errors.js';
import type { Bundle } from './bundle.js';
import { createNetwork } from './engines/create-network.js';
import { EventHead } from './event-head.js';
import { chooseHead } from './head.js';
import type { Network } from './network.js';
import { quantizationOf } from './quantization.js';

/**
 * Runs one patch through the network, every head of a bundle and its event head.
 *
 * @param mel 96 × 64 row-major, frame first
 * @returns the engine that ran it, and in which precisions
 * @throws UserError bad data, where an output has not its size or is no number, the quantisation is that of other
 *   weights, or an NPU does not do with what was compiled of the bundle
 */
export async function verifyOutputs(bundle: Bundle, mel: Float32Array): Promise<string> {
  let npuFailure: UserError | undefined;
  const onFallback = (failure: UserError) => {
    npuFailure = failure;
  };
  const network = await createNetwork(bundle, 'auto', undefined, { onFallback });
  await verifyNetwork(network, bundle, mel);
  if (npuFailure)
    throw new UserError(ExitCode.badData, npuFailure.message, npuFailure.hint, { cause: npuFailure });
  const { engine } = network;
  if (!quantizationOf(bundle)) return engine;
  const int8 = await createNetwork(bundle, 'onnxruntime', undefined, { precision: 'int8' }).catch((error) => {
    if (engine === 'onnxruntime') throw error;
    return undefined; // it is not installed
  });
  if (!int8) return engine;
  await verifyNetwork(int8, bundle, mel);
  return engine === int8.engine
    ? `${engine} in float32 and int8`
    : `${engine}, and on ${int8.engine} in int8`;
}

/** Closes the network. */
async function verifyNetwork(network: Network, bundle: Bundle, mel: Float32Array): Promise<void> {
  const { name, heads, embeddingSize, event } = bundle.manifest;
  try {
    const output = await network.run(mel);
    const check = (what: string, values: Float32Array, size: number) => {
      const wrong = values.find((value) => !Number.isFinite(value));
      if (values.length === size && wrong === undefined) return;
      throw new UserError(
        ExitCode.badData,
        `model ${name}: its ${what} has ${wrong === undefined ? `${values.length} values instead of ${size}` : `the value ${wrong}`}`,
        'Get the model again, or train it again.',
      );
    };
    check('embedding', output.embedding, embeddingSize);
    for (const [head, { labels }] of Object.entries(heads))
      check(`head ${head}`, chooseHead(bundle, head).score(output), labels.length);
    if (event && !bundle.events) {
      const levels = new Float32Array(event.levels.blocks);
      const logOdds = new EventHead(event, bundle.tensors).push(output.embedding, levels, 0);
      check('event head', logOdds, event.kinds.length);
    }
  } finally {
    await network.close();
  }
}
