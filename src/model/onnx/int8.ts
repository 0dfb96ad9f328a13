import type { Quantization } from '../quantization.js';
import { type Arithmetic, type Convolution, FLOAT32, type OnnxGraphBuilder } from './graph.js';

/** Real value = scale · (number − zeroPoint). */
interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

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
 * weights of one scale per channel, 32-bit biases. ReLU needs no step of its own: below the zero point of 0 there is
 * nothing. Once the ranges end it goes on in float32, and does not come back: a float32 convolution between two
 * quantisations ONNX Runtime would quantise by itself.
 */
export function int8Arithmetic({ input, ranges }: Quantization): Arithmetic {
  /** Of the value that goes in; undefined once it is float32. */
  let x: Affine | undefined;
  const numbers = (graph: OnnxGraphBuilder, { scale, zeroPoint }: Affine) => [
    graph.constant([], Float32Array.of(scale)),
    graph.constant([], Uint8Array.of(zeroPoint)),
  ];
  const leave = (graph: OnnxGraphBuilder, value: string) => {
    if (!x) return value;
    const real = graph.step('DequantizeLinear', [value, ...numbers(graph, x)]);
    x = undefined;
    return real;
  };
  return {
    enter(graph, patch) {
      x = affineOf(input.low, input.high);
      return graph.step('QuantizeLinear', [patch, ...numbers(graph, x)]);
    },
    convolve(graph, value, convolution) {
      const highest = ranges[convolution.name];
      if (!x || highest === undefined) return FLOAT32.convolve(graph, leave(graph, value), convolution);
      const { weights, scales, biases } = quantizedWeights(convolution, x.scale);
      const y = affineOf(0, highest);
      const channels = [scales.length];
      const inputs = [
        value,
        ...numbers(graph, x),
        graph.constant(convolution.kernel.shape, weights),
        graph.constant(channels, scales),
        graph.constant(channels, new Int8Array(scales.length)),
        ...numbers(graph, y),
        graph.constant(channels, biases),
      ];
      x = y;
      return graph.step('QLinearConv', inputs, convolution.attributes);
    },
    leave,
  };
}

/** Zero is met exactly, because convolutions are padded with it. */
function affineOf(low: number, high: number): Affine {
  const [from, to] = [Math.min(0, low), Math.max(0, high)];
  const scale = Math.max(to - from, Number.MIN_VALUE) / LARGEST_UINT8;
  return { scale, zeroPoint: Math.round(-from / scale) };
}

function quantizedWeights({ kernel, bias, depthwise }: Convolution, inputScale: number) {
  const largest = depthwise ? LARGEST_WEIGHT.depthwise : LARGEST_WEIGHT.dense;
  const size = kernel.data.length / bias.length;
  const weights = new Int8Array(kernel.data.length);
  const scales = new Float32Array(bias.length);
  const biases = new Int32Array(bias.length);
  for (let channel = 0; channel < bias.length; channel++) {
    const begin = channel * size;
    const row = kernel.data.subarray(begin, begin + size);
    const highest = row.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
    // A channel of hardly any weight must not make its bias overflow.
    const scale = Math.max(highest / largest, Math.abs(bias[channel]!) / (inputScale * LARGEST_BIAS), 1e-30);
    scales[channel] = scale;
    for (let i = 0; i < size; i++) weights[begin + i] = Math.round(row[i]! / scale);
    biases[channel] = Math.round(bias[channel]! / (inputScale * scale));
  }
  return { weights, scales, biases };
}
