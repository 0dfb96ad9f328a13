import { MEL_BANDS, PATCH_FRAMES } from '../../constants.js';
import { SCORE_FLOOR } from '../head.js';
import { type OnnxConstant, type OnnxNode, writeOnnx } from './onnx-writer.js';
import type { ExportPlan, PatchOrder, PlannedPart } from './plan.js';

const OUTPUT_OPS: Record<string, string> = { relu: 'Relu', softmax: 'Softmax', sigmoid: 'Sigmoid' };

/**
 * The network as an ONNX file: input `log_mel`, output `scores`. ONNX has channels before the plane, so the
 * patch is transposed once where it enters.
 */
export function onnxModel(
  { description, labels, backbone, parts, bias, weight }: ExportPlan,
  order: PatchOrder,
): Uint8Array {
  const nodes: OnnxNode[] = [];
  const constants: OnnxConstant[] = [];
  const constant = (shape: readonly number[], data: OnnxConstant['data']): string => {
    const name = `c${constants.length}`;
    constants.push({ name, shape, data });
    return name;
  };
  const ints = (...values: number[]) => constant([values.length], BigInt64Array.from(values, BigInt));
  const step = (op: string, inputs: string[], attributes: OnnxNode['attributes'] = {}): string => {
    const output = `v${nodes.length}`;
    nodes.push({ op, inputs, output: [output], attributes });
    return output;
  };

  const bandsFirst = order === 'bands-frames';
  const shape = bandsFirst ? [1, MEL_BANDS, PATCH_FRAMES, 1] : [1, PATCH_FRAMES, MEL_BANDS, 1];
  let [height, width] = [PATCH_FRAMES, MEL_BANDS];
  let x = step('Transpose', ['log_mel'], { perm: bandsFirst ? [0, 3, 2, 1] : [0, 3, 1, 2] }); // [1,1,96,64]

  const convolution = (name: string, stride: number) => {
    const { shape, data } = weight(`${name}.kernel`);
    const [size = 0, , third = 0, fourth = 0] = shape;
    // [size,size,in,out], or of a depthwise convolution [size,size,C,1], where each channel has an input of its own.
    const depthwise = name.endsWith('.depthwise');
    const [inputs, outputs] = depthwise ? [1, third] : [third, fourth];
    const kernel = constant([outputs, inputs, size, size], toOihw(data, size * size, inputs, outputs));
    const bias = constant([outputs], weight(`${name}.bias`).data);
    const [top, bottom] = samePadding(height, size, stride);
    const [left, right] = samePadding(width, size, stride);
    [height, width] = [Math.ceil(height / stride), Math.ceil(width / stride)];
    const y = step('Conv', [x, kernel, bias], {
      group: depthwise ? outputs : 1,
      kernel_shape: [size, size],
      strides: [stride, stride],
      pads: [top, left, bottom, right],
    });
    x = step('Relu', [y]); // [1,outputs,height,width]
  };
  for (const [i, { type, stride }] of backbone.entries()) {
    if (type === 'conv') convolution(`backbone.${i}`, stride);
    else {
      convolution(`backbone.${i}.depthwise`, stride);
      convolution(`backbone.${i}.pointwise`, 1);
    }
  }
  x = step('ReduceMean', [x], { axes: [2, 3], keepdims: 0 });

  const embedding = x;
  const scoresOf = ({ layers, map }: PlannedPart): string => {
    let x = embedding;
    for (const { activation, kernel, bias } of layers) {
      x = step('Gemm', [x, constant(kernel.shape, kernel.data), constant(bias.shape, bias.data)]);
      const output = OUTPUT_OPS[activation];
      if (output !== undefined) x = step(output, [x], output === 'Softmax' ? { axis: -1 } : {});
    }
    if (map === undefined) return x;
    const classes = x;
    const highest = map.ranges.map(({ begin, size }) => {
      if (size === 0) return constant([1, 1], new Float32Array(1));
      const slice = step('Slice', [classes, ints(begin), ints(begin + size), ints(1)]);
      return step('ReduceMax', [slice], { axes: [1], keepdims: 1 });
    });
    const joined = step('Concat', highest, { axis: 1 });
    const positive = step('Relu', [step('Add', [joined, constant([1, labels.length], map.bias)])]);
    return step('Div', [positive, step('ReduceSum', [positive, ints(1)], { keepdims: 1 })]);
  };
  const opinions = parts.map(scoresOf);
  [x = ''] = opinions;

  if (bias) {
    const floor = constant([1, 1], Float32Array.of(SCORE_FLOOR));
    const pooled = opinions.reduce(
      (sum, opinion, k) => {
        const log = step('Log', [step('Max', [opinion, floor])]);
        const weighted = step('Mul', [log, constant([1, 1], Float32Array.of(parts[k]?.weight ?? 0))]);
        return step('Add', [sum, weighted]);
      },
      constant([1, labels.length], bias),
    );
    x = step('Softmax', [pooled], { axis: -1 });
  }
  nodes.push({ op: 'Identity', inputs: [x], output: ['scores'] });
  const output = { name: 'scores', shape: [1, labels.length] };
  return writeOnnx({ description, input: { name: 'log_mel', shape }, output, nodes, constants });
}

/**
 * What TensorFlow's SAME adds before and after a dimension: just enough for ⌈extent / stride⌉ steps, the odd
 * one at the end. ONNX has a word for it, which not every engine knows.
 */
function samePadding(extent: number, size: number, stride: number): [before: number, after: number] {
  const all = Math.max(0, (Math.ceil(extent / stride) - 1) * stride + size - extent);
  return [Math.floor(all / 2), Math.ceil(all / 2)];
}

/** [area, inputs, outputs] → [outputs, inputs, area] */
function toOihw(data: Float32Array, area: number, inputs: number, outputs: number): Float32Array {
  return data.map((_, i) => {
    const [output, input, place] = [Math.floor(i / (inputs * area)), Math.floor(i / area) % inputs, i % area];
    return data[(place * inputs + input) * outputs + output]!;
  });
}
