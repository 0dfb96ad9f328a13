import type { InferenceSession } from 'onnxruntime-node';
import { MEL_BANDS, PATCH_FRAMES, PATCH_VALUES } from '../../constants.js';
import type { Bundle } from '../bundle.js';
import type { Network } from '../network.js';
import { denseLayers, LOG_MEL, OnnxGraphBuilder } from '../onnx/graph.js';

const EMBEDDING = 'embedding';
/** One window is too small to share; the second core is for everything else. */
const OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
};

/**
 * The network of a bundle in ONNX Runtime, from a graph that is made in memory.
 *
 * @param wanted heads, of which the dense ones are computed
 * @throws Error where the package is not installed or has no library for this machine
 */
export async function createOnnxNetwork(
  { manifest, tensors }: Bundle,
  wanted: readonly string[],
): Promise<Network> {
  const { env, InferenceSession, Tensor } = await import('onnxruntime-node');
  env.logLevel = 'error'; // what it warns of concerns graphics cards
  const graph = new OnnxGraphBuilder({ batches: true });
  const embedding = graph.backbone(manifest.backbone, (name) => tensors.get(name)!);
  graph.output(EMBEDDING, embedding, manifest.embeddingSize);
  const heads: string[] = [];
  for (const [name, head] of Object.entries(manifest.heads)) {
    if (head.type !== 'dense' || !wanted.includes(name)) continue;
    graph.output(
      `head.${name}`,
      graph.dense(embedding, denseLayers(name, head, tensors)),
      head.labels.length,
    );
    heads.push(name);
  }
  const session = await InferenceSession.create(graph.write(manifest.name), OPTIONS);

  const run: Network['run'] = async (mel) => {
    const shape = [mel.length / PATCH_VALUES, PATCH_FRAMES, MEL_BANDS, 1];
    const outputs = await session.run({ [LOG_MEL]: new Tensor('float32', mel, shape) });
    const values = (name: string) => outputs[name]!.data as Float32Array;
    return {
      embedding: values(EMBEDDING),
      heads: Object.fromEntries(heads.map((name) => [name, values(`head.${name}`)])),
    };
  };
  await run(new Float32Array(PATCH_VALUES)); // allocates: that must not cost the first window its latency
  return { engine: 'onnxruntime', run, close: () => session.release() };
}
