import { MEL_BANDS, PATCH_FRAMES } from '../../constants.js';
import { SCORE_FLOOR } from '../head.js';
import { transpose } from '../transpose.js';
import type { ExportPlan, PatchOrder, PlannedPart } from './plan.js';
import { Op, type OperatorSpec, type TensorSpec, writeTflite } from './tflite-writer.js';

/** `enum ActivationFunctionType` */
const RELU = 1;
const OUTPUT_OPS: Record<string, number> = { softmax: Op.SOFTMAX, sigmoid: Op.LOGISTIC };

/** `beta`: the softmax everyone means. */
const SOFTMAX = { floats: { 0: 1 } };

/** Index of a tensor. */
type Value = number;
type Options = Pick<OperatorSpec, 'bytes' | 'ints' | 'floats'>;

/**
 * The network as a TensorFlow Lite file. Input `log_mel`, output `scores`, of the backbone alone `embedding`;
 * operators that any NPU knows, except that some may leave the slices and maxima of a map head and the logarithms of
 * a blend to the CPU.
 */
export function tfliteModel(
  { description, labels, backbone, parts, bias, weight }: ExportPlan,
  order: PatchOrder,
) {
  const tensors: TensorSpec[] = [];
  const operators: OperatorSpec[] = [];
  const add = (tensor: TensorSpec): Value => tensors.push(tensor) - 1;
  const floats = (shape: readonly number[], data: Float32Array) => add({ shape, data });
  const ints = (...values: number[]) =>
    add({ shape: [values.length], type: 'int32', data: Int32Array.from(values) });
  /** Adds an operator and the tensor that it computes. */
  const step = (op: number, inputs: Value[], shape: readonly number[], options: Options = {}): Value => {
    const output = add({ shape });
    operators.push({ op, inputs, outputs: [output], ...options });
    return output;
  };

  const bandsFirst = order === 'bands-frames';
  let [height, width] = [PATCH_FRAMES, MEL_BANDS];
  const input = add({ name: 'log_mel', shape: bandsFirst ? [1, width, height, 1] : [1, height, width, 1] });
  let x = bandsFirst ? step(Op.TRANSPOSE, [input, ints(0, 2, 1, 3)], [1, height, width, 1]) : input;

  const convolution = (name: string, stride: number) => {
    const { shape, data } = weight(`${name}.kernel`);
    const [size = 0, , inputs = 0, outputs = 0] = shape;
    const bias = weight(`${name}.bias`);
    const depthwise = name.endsWith('.depthwise');
    // [size,size,C,1] is [1,size,size,C] in memory; any other kernel goes from [size,size,in,out] to [out,size,size,in].
    const kernel = depthwise
      ? floats([1, size, size, inputs], data)
      : floats([outputs, size, size, inputs], transpose(data, size * size * inputs, outputs));
    [height, width] = [Math.ceil(height / stride), Math.ceil(width / stride)];
    const operands = [x, kernel, floats(bias.shape, bias.data)];
    const channels = depthwise ? inputs : outputs;
    // Padding is SAME (0), which options leave out.
    x = depthwise
      ? step(Op.DEPTHWISE_CONV_2D, operands, [1, height, width, channels], {
          ints: { 1: stride, 2: stride, 3: 1 },
          bytes: { 4: RELU },
        })
      : step(Op.CONV_2D, operands, [1, height, width, channels], {
          ints: { 1: stride, 2: stride },
          bytes: { 3: RELU },
        });
  };
  for (const [i, { type, stride }] of backbone.entries()) {
    if (type === 'conv') convolution(`backbone.${i}`, stride);
    else {
      convolution(`backbone.${i}.depthwise`, stride);
      convolution(`backbone.${i}.pointwise`, 1);
    }
  }
  const embedding = step(Op.MEAN, [x, ints(1, 2)], [1, backbone.at(-1)?.filters ?? 0]);

  const shape = [1, labels.length];
  const scoresOf = ({ layers, map }: PlannedPart): Value => {
    let classes = embedding;
    for (const { activation, kernel, bias } of layers) {
      const [inputs = 0, units = 0] = kernel.shape;
      const operands = [
        classes,
        floats([units, inputs], transpose(kernel.data, inputs, units)),
        floats(bias.shape, bias.data),
      ];
      classes = step(Op.FULLY_CONNECTED, operands, [1, units], {
        bytes: { 0: activation === 'relu' ? RELU : 0 },
      });
      const output = OUTPUT_OPS[activation];
      if (output !== undefined)
        classes = step(output, [classes], [1, units], output === Op.SOFTMAX ? SOFTMAX : {});
    }
    if (map === undefined) return classes;
    const highest = map.ranges.map(({ begin, size }) => {
      if (size === 0) return floats([1, 1], new Float32Array(1));
      const slice = step(Op.SLICE, [classes, ints(0, begin), ints(1, size)], [1, size]);
      return step(Op.REDUCE_MAX, [slice, ints(1)], [1, 1], { bytes: { 0: 1 } });
    });
    const joined = step(Op.CONCATENATION, highest, shape, { ints: { 0: 1 } });
    const positive = step(Op.ADD, [joined, floats(shape, map.bias)], shape, { bytes: { 0: RELU } });
    const sum = step(Op.SUM, [positive, ints(1)], [1, 1], { bytes: { 0: 1 } });
    return step(Op.DIV, [positive, sum], shape);
  };
  const opinions = parts.map(scoresOf);
  let [result = embedding] = opinions;

  if (bias) {
    const floor = floats([1, 1], Float32Array.of(SCORE_FLOOR));
    const pooled = opinions.reduce(
      (sum, opinion, k) => {
        const log = step(Op.LOG, [step(Op.MAXIMUM, [opinion, floor], shape)], shape);
        const weighted = step(Op.MUL, [log, floats([1, 1], Float32Array.of(parts[k]?.weight ?? 0))], shape);
        return step(Op.ADD, [sum, weighted], shape);
      },
      floats(shape, bias),
    );
    result = step(Op.SOFTMAX, [pooled], shape, SOFTMAX);
  }
  tensors[result] = { ...(tensors[result] as TensorSpec), name: parts.length > 0 ? 'scores' : 'embedding' };
  return writeTflite(tensors, operators, { inputs: [input], outputs: [result], description });
}
