import type { Quantization } from '../quantization-manifest.js';
import { type Arithmetic, type Convolution, FLOAT32, type OnnxGraphBuilder } from './graph.js';

const LARGEST_UINT8 = 255;
/** Leaves room for what is added to a bias. */
const LARGEST_BIAS = 2 ** 30;

/**
 * Largest weights. Where x86 processors multiply bytes without VNNI they add two products in 16 bits, which
 * saturate: 2 · 255 · 64 does not, so every processor computes the same. Depthwise kernels add in 32 bits.
 */
const LARGEST_WEIGHT = { depthwise: 127, dense: 64 };

/**
 * A backbone in 8-bit integers (Jacob et al. 2018, arXiv:1712.05877): unsigned activations of one scale each, signed
 * weights of one scale per channel, 32-bit biases. ReLU needs no step of its own: below 0 there is nothing.
 *
 * It begins in float32: the convolution whose range comes first gives the first integers. Once the ranges end it goes
 * on in float32, and does not come back: a float32 convolution between two quantisations ONNX Runtime would quantise
 * by itself.
 */
export function int8Arithmetic({ ranges }: Quantization): Arithmetic {
  /** Of the value that goes in, a multiple of it; undefined where it is float32. */
  let scale: number | undefined;
  const numbers = (graph: OnnxGraphBuilder, of: number) => [
    graph.constant([], Float32Array.of(of)),
    graph.constant([], Uint8Array.of(0)),
  ];
  const leave = (graph: OnnxGraphBuilder, value: string) => {
    if (scale === undefined) return value;
    const real = graph.step('DequantizeLinear', [value, ...numbers(graph, scale)]);
    scale = undefined;
    return real;
  };
  return {
    enter: (_, patch) => patch,
    convolve(graph, value, convolution) {
      const highest = ranges[convolution.name];
      const [from, to] = [scale, highest && highest / LARGEST_UINT8];
      if (from === undefined || to === undefined) {
        const real = FLOAT32.convolve(graph, leave(graph, value), convolution);
        scale = to;
        return to === undefined ? real : graph.step('QuantizeLinear', [real, ...numbers(graph, to)]);
      }
      const { weights, scales, biases } = quantizedWeights(convolution, from);
      const channels = [scales.length];
      const inputs = [
        value,
        ...numbers(graph, from),
        graph.constant(convolution.kernel.shape, weights),
        graph.constant(channels, scales),
        graph.constant(channels, new Int8Array(scales.length)),
        ...numbers(graph, to),
        graph.constant(channels, biases),
      ];
      scale = to;
      return graph.step('QLinearConv', inputs, convolution.attributes);
    },
    leave,
  };
}

function quantizedWeights({ kernel: { data }, bias, depthwise }: Convolution, inputScale: number) {
  const largest = depthwise ? LARGEST_WEIGHT.depthwise : LARGEST_WEIGHT.dense;
  const size = data.length / bias.length;
  const weights = new Int8Array(data.length);
  const scales = new Float32Array(bias.length);
  const biases = new Int32Array(bias.length);
  for (let channel = 0; channel < bias.length; channel++) {
    const begin = channel * size;
    let highest = 0;
    for (let i = begin; i < begin + size; i++) highest = Math.max(highest, Math.abs(data[i]!));
    // A channel of hardly any weight must not make its bias overflow.
    const scale = Math.max(highest / largest, Math.abs(bias[channel]!) / (inputScale * LARGEST_BIAS), 1e-30);
    scales[channel] = scale;
    // Not Math.round, which also knows -0 and takes twice as long for it: a million of them at each start.
    for (let i = begin; i < begin + size; i++) weights[i] = Math.floor(data[i]! / scale + 0.5);
    biases[channel] = Math.round(bias[channel]! / (inputScale * scale));
  }
  return { weights, scales, biases };
}
