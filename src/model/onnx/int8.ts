import type { Quantization } from '../quantization-manifest.js';
import { type Arithmetic, type Convolution, FLOAT32 } from './graph.js';

const LARGEST_WEIGHT = 127;
/** Of ONNX's data types. */
const FLOAT = 1;
const CHANNELS_LAST = [0, 2, 3, 1];
const CHANNELS_FIRST = [0, 3, 1, 2];

/**
 * A backbone whose pointwise convolutions, nearly all of its multiplications, are done in 8-bit integers with 32-bit
 * sums: signed weights of one scale for each output, activations in 255 steps from 0 to the highest of the window.
 * Fixed ranges would have to be wide enough for the loudest sound, and leave a quiet one a handful of steps.
 *
 * The scale is that of everything that goes in at once, so windows must come one by one.
 *
 * @param signed whether weights are multiplied as signed bytes; all processors do so as unsigned ones, with the same
 *   result, but some x86 add signed products in 16 bits, which saturate
 */
export function int8Arithmetic({ convolutions }: Quantization, signed: boolean): Arithmetic {
  return {
    convolve(graph, x, convolution) {
      if (!convolutions.includes(convolution.name)) return FLOAT32.convolve(graph, x, convolution);
      const { weights, scales } = quantizedWeights(convolution);
      const outputs = [scales.length];
      const bytes = signed
        ? { weights, zeros: new Int8Array(scales.length) }
        : {
            weights: Uint8Array.from(weights, (w) => w + 128),
            zeros: new Uint8Array(scales.length).fill(128),
          };
      const shape = [weights.length / scales.length, scales.length];
      const rows = graph.step('Transpose', [x], { perm: CHANNELS_LAST });
      const [activations, scale, zero] = graph.steps('DynamicQuantizeLinear', [rows], 3) as [
        string,
        string,
        string,
      ];
      const sums = graph.step('MatMulInteger', [
        activations,
        graph.constant(shape, bytes.weights),
        zero,
        graph.constant(outputs, bytes.zeros),
      ]);
      const unit = graph.step('Mul', [scale, graph.constant(outputs, scales)]);
      const products = graph.step('Mul', [graph.step('Cast', [sums], { to: FLOAT }), unit]);
      const biased = graph.step('Add', [products, graph.constant(outputs, convolution.bias)]);
      return graph.step('Transpose', [graph.step('Relu', [biased])], { perm: CHANNELS_FIRST });
    },
  };
}

/** @returns weights [inputs,outputs], and by what each output's are to be multiplied */
function quantizedWeights({ kernel: { data }, bias }: Convolution) {
  const [outputs, inputs] = [bias.length, data.length / bias.length];
  const weights = new Int8Array(data.length);
  const scales = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    const begin = output * inputs;
    let highest = 0;
    for (let i = begin; i < begin + inputs; i++) highest = Math.max(highest, Math.abs(data[i]!));
    const scale = Math.max(highest / LARGEST_WEIGHT, 1e-30);
    scales[output] = scale;
    // Not Math.round, which also knows -0 and takes twice as long for it: a million of them at each start.
    for (let input = 0; input < inputs; input++)
      weights[input * outputs + output] = Math.floor(data[begin + input]! / scale + 0.5);
  }
  return { weights, scales };
}
