import { readFileSync } from 'node:fs';
import type { InferenceSession } from 'onnxruntime-node';
import { MEL_BANDS, PATCH_FRAMES, PATCH_VALUES } from '../../constants.js';
import type { Draft } from '../bundle.js';
import { concatenated } from '../concatenated.js';
import type { Network } from '../network.js';
import { type Arithmetic, denseLayers, FLOAT32, LOG_MEL, OnnxGraphBuilder } from '../onnx/graph.js';
import { int8Arithmetic } from '../onnx/int8.js';
import type { Quantization } from '../quantization-manifest.js';
import { require } from './require.js';
import { forbidTelemetry } from './telemetry.js';

const EMBEDDING = 'embedding';
/** One window is too small to share; the second core is for everything else. */
const OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
};

/** A graph in ONNX Runtime. */
export interface OnnxSession {
  /**
   * @param mel windows × 96 × 64 row-major, frame first
   * @returns every output by its name
   */
  run(mel: Float32Array): Promise<(output: string) => Float32Array>;
  close(): Promise<void>;
}

/**
 * The network of a bundle in ONNX Runtime, from a graph that is made in memory.
 *
 * @param wanted heads, of which the dense ones are computed, in float32
 * @param quantization with which the backbone is computed in int8; in float32 when left out
 * @throws Error where the package is not installed or has no library for this machine
 */
export async function createOnnxNetwork(
  bundle: Draft,
  wanted: readonly string[],
  quantization?: Quantization,
): Promise<Network> {
  const { manifest, tensors } = bundle;
  const arithmetic =
    quantization && int8Arithmetic(quantization, process.arch !== 'x64' || multipliesBytes());
  const { graph, embedding } = backboneGraph(bundle, arithmetic);
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
  const session = await openOnnx(graph.write(manifest.name));
  return {
    engine: 'onnxruntime',
    precision: quantization ? 'int8' : 'float32',
    async run(mel) {
      const outputs: ((name: string) => Float32Array)[] = [];
      const atOnce = quantization ? PATCH_VALUES : mel.length; // see int8Arithmetic
      for (let at = 0; at < mel.length; at += atOnce)
        outputs.push(await session.run(mel.subarray(at, at + atOnce)));
      const [first] = outputs;
      const all =
        first && outputs.length === 1
          ? first
          : (name: string) => concatenated(outputs.map((output) => output(name)));
      return {
        embedding: all(EMBEDDING),
        heads: Object.fromEntries(heads.map((name) => [name, all(`head.${name}`)])),
      };
    },
    close: session.close,
  };
}

/** A graph of any number of windows with the backbone in it, its embedding the first output. */
export function backboneGraph(
  { manifest, tensors }: Draft,
  arithmetic: Arithmetic = FLOAT32,
): { graph: OnnxGraphBuilder; embedding: string } {
  const graph = new OnnxGraphBuilder({ batches: true });
  const embedding = graph.backbone(manifest.backbone, (name) => tensors.get(name)!, arithmetic);
  graph.output(EMBEDDING, embedding, manifest.embeddingSize);
  return { graph, embedding };
}

/**
 * @param graph an ONNX file
 * @throws Error where the package is not installed or has no library for this machine
 */
export async function openOnnx(graph: Uint8Array): Promise<OnnxSession> {
  forbidTelemetry();
  const onnxruntime: typeof import('onnxruntime-node') = require('onnxruntime-node');
  const { env, InferenceSession, Tensor } = onnxruntime;
  env.logLevel = 'error'; // what it warns of concerns graphics cards
  const session = await InferenceSession.create(graph, OPTIONS);
  const run: OnnxSession['run'] = async (mel) => {
    const shape = [mel.length / PATCH_VALUES, PATCH_FRAMES, MEL_BANDS, 1];
    const outputs = await session.run({ [LOG_MEL]: new Tensor('float32', mel, shape) });
    return (output) => outputs[output]!.data as Float32Array;
  };
  await run(new Float32Array(PATCH_VALUES)); // allocates: that must not cost the first window its latency
  return { run, close: () => session.release() };
}

/**
 * Whether the processor adds four products of signed bytes at once, without saturating: VNNI of x86, the dot products of
 * arm64. Without them int8 is hardly faster than float32.
 */
export function multipliesBytes(): boolean {
  try {
    return /\b(avx512_vnni|avx_vnni|asimddp)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false; // no Linux
  }
}
