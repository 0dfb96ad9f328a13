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
 * @throws UserError bad data, where an output has not its size or is no number, or the quantisation is that of other
 *   weights
 */
export async function verifyOutputs(bundle: Bundle, mel: Float32Array): Promise<string> {
  const float32 = await createNetwork(bundle);
  await verifyNetwork(float32, bundle, mel);
  if (!quantizationOf(bundle) || float32.engine !== 'onnxruntime') return float32.engine;
  await verifyNetwork(await createNetwork(bundle, 'onnxruntime', undefined, 'int8'), bundle, mel);
  return `${float32.engine} in float32 and int8`;
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
    if (event) {
      const levels = new Float32Array(event.levels.blocks);
      const logOdds = new EventHead(event, bundle.tensors).push(output.embedding, levels, 0);
      check('event head', logOdds, event.kinds.length);
    }
  } finally {
    await network.close();
  }
}
