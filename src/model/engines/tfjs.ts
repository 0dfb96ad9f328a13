import type * as Tf from '@tensorflow/tfjs-core';
import { MEL_BANDS, PATCH_FRAMES, PATCH_VALUES } from '../../constants.js';
import { ExitCode, UserError } from '../../errors.js';
import type { NetworkOutput } from '../../types.js';
import type { Bundle } from '../bundle.js';
import type { DenseHead, Manifest } from '../manifest.js';
import type { EngineChoice, EngineName, Network } from '../network.js';
import { notLoaded } from './not-loaded.js';
import { require } from './require.js';

const tf: typeof Tf = require('@tensorflow/tfjs-core');

type Layer = (x: Tf.Tensor) => Tf.Tensor;

/**
 * The MobileNetV1 of a bundle, built from fused TensorFlow.js operations.
 *
 * @param wanted heads, of which the dense ones are computed
 */
export async function createTfjsNetwork(
  { manifest, tensors }: Bundle,
  choice: EngineChoice,
  wanted: readonly string[],
): Promise<Network> {
  const engine = await startTfjs(choice);
  const onDevice = new Map(
    [...tensors]
      .filter(([name]) => !name.startsWith('event.')) // computed outside the engine: src/model/event-head.ts
      .map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])] as const),
  );
  const weight = (name: string) => onDevice.get(name) as Tf.Tensor;
  const backbone = backboneLayers(manifest, weight);
  const heads = Object.entries(manifest.heads).flatMap(([name, head]) =>
    head.type === 'dense' && wanted.includes(name) ? [[name, denseLayers(name, head, weight)] as const] : [],
  );

  const run = (mel: Float32Array): NetworkOutput =>
    tf.tidy(() => {
      const patch = tf.tensor4d(mel, [mel.length / PATCH_VALUES, PATCH_FRAMES, MEL_BANDS, 1]);
      const features = backbone.reduce<Tf.Tensor>((x, layer) => layer(x), patch); // [windows, h, w, C]
      const embedding = tf.mean(features, [1, 2]); // [windows, C]
      const scores: Record<string, Float32Array> = {};
      for (const [name, layers] of heads)
        scores[name] = layers.reduce((x, layer) => layer(x), embedding).dataSync<'float32'>();
      return { embedding: embedding.dataSync<'float32'>(), heads: scores };
    });
  // The first run compiles and allocates; it must not cost the first window its latency.
  run(new Float32Array(PATCH_VALUES));

  return {
    engine,
    precision: 'float32',
    run: async (mel) => run(mel),
    async close() {
      for (const tensor of onDevice.values()) tensor.dispose();
    },
  };
}

function backboneLayers(manifest: Manifest, weight: (name: string) => Tf.Tensor): Layer[] {
  return manifest.backbone.flatMap(({ type, stride }, i): Layer[] => {
    const layer = `backbone.${i}`;
    const convolution =
      (name: string, strides: number): Layer =>
      (x) =>
        tf.fused.conv2d({
          x: x as Tf.Tensor4D,
          filter: weight(`${name}.kernel`) as Tf.Tensor4D,
          bias: weight(`${name}.bias`),
          strides,
          pad: 'same',
          activation: 'relu',
        });
    if (type === 'conv') return [convolution(layer, stride)];
    const depthwise: Layer = (x) =>
      tf.fused.depthwiseConv2d({
        x: x as Tf.Tensor4D,
        filter: weight(`${layer}.depthwise.kernel`) as Tf.Tensor4D,
        bias: weight(`${layer}.depthwise.bias`),
        strides: stride,
        pad: 'same',
        activation: 'relu',
      });
    return [depthwise, convolution(`${layer}.pointwise`, 1)];
  });
}

function denseLayers(head: string, { layers }: DenseHead, weight: (name: string) => Tf.Tensor): Layer[] {
  return layers.map(({ activation }, i) => (x) => {
    const y = tf.fused.matMul({
      a: x as Tf.Tensor2D,
      b: weight(`heads.${head}.${i}.kernel`) as Tf.Tensor2D,
      bias: weight(`heads.${head}.${i}.bias`),
      activation: activation === 'softmax' ? 'linear' : activation,
    });
    return activation === 'softmax' ? tf.softmax(y as Tf.Tensor2D) : y;
  });
}

/**
 * Starts TensorFlow.js, which has one backend for the whole process.
 *
 * @throws UserError unavailable, where it cannot
 */
export async function startTfjs(choice: EngineChoice): Promise<EngineName> {
  if (choice !== 'tfjs-wasm') {
    try {
      await import('@tensorflow/tfjs-node' as string); // registers itself; types are not always installed
      if (await tf.setBackend('tensorflow')) return 'tfjs-node';
      throw new Error('its backend does not start');
    } catch (error) {
      if (choice === 'tfjs-node')
        throw notLoaded(choice, error, (installed) =>
          installed
            ? 'Build it again (npm rebuild @tensorflow/tfjs-node --build-addon-from-source)'
            : 'Install it (npm install @tensorflow/tfjs-node)',
        );
    }
  }
  const wasm: typeof import('@tensorflow/tfjs-backend-wasm') = require('@tensorflow/tfjs-backend-wasm');
  wasm.setThreadsCount(1); // one window is too small to share; the second core is for everything else
  if (!(await tf.setBackend('wasm')))
    throw new UserError(
      ExitCode.unavailable,
      'the WASM engine does not start',
      'Node 20 or newer with WebAssembly is needed: run bathnet2mqtt doctor.',
    );
  return 'tfjs-wasm';
}
