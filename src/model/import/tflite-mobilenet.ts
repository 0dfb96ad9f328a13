import { MEL_BANDS, PATCH_FRAMES } from '../../constants.js';
import type { DenseHead, Manifest } from '../manifest.js';
import type { Tensor } from '../safetensors.js';
import { transpose } from '../transpose.js';
import type { TfliteModel, TfliteOperator } from './tflite.js';

/** A MobileNetV1 and the dense layers behind its mean, in the layouts and names of a bundle. */
export interface MobileNet {
  readonly backbone: Manifest['backbone'];
  readonly layers: DenseHead['layers'];
  /** `backbone.…` */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** `N.kernel` and `N.bias`, to be put below a head's name. */
  readonly headTensors: ReadonlyMap<string, Tensor>;
  /** The patch enters as bands × frames and is transposed before the first convolution. */
  readonly bandsFirst: boolean;
}

/** Four times as many as MobileNetV1 has. */
const MAX_LAYERS = 64;

/** They change how values are laid out or stored, not what a vector of them says. */
const TRANSPARENT = ['RESHAPE', 'SQUEEZE', 'QUANTIZE', 'DEQUANTIZE'];

const OUTPUT_ACTIVATIONS: Record<string, 'softmax' | 'sigmoid'> = { SOFTMAX: 'softmax', LOGISTIC: 'sigmoid' };

/**
 * Follows the graph from its first convolution to its output and takes it apart: a convolution, pairs of
 * depthwise and pointwise ones, the mean over the plane, dense layers. Names of tensors play no part.
 *
 * @param unsuitable makes the error for a graph that is anything else
 */
export function readMobileNet(model: TfliteModel, unsuitable: (what: string) => Error): MobileNet {
  const graph = follow(model, unsuitable);
  const tensors = new Map<string, Tensor>();
  const headTensors = new Map<string, Tensor>();
  const backbone: Manifest['backbone'] = [];
  const layers: DenseHead['layers'] = [];

  const { bandsFirst } = graph;
  let op = graph.next();
  const first = convolution(op, 1);
  tensors.set('backbone.0.kernel', toHwio(first.kernel)).set('backbone.0.bias', first.bias);
  let channels = first.filters;
  backbone.push({ type: 'conv', kernel: first.size, stride: first.stride, filters: channels });

  for (op = graph.next(); op?.op === 'DEPTHWISE_CONV_2D'; op = graph.next()) {
    const layer = `backbone.${backbone.length}`;
    const depthwise = convolution(op, channels);
    const pointwise = convolution(graph.next('CONV_2D'), channels);
    if (pointwise.size !== 1 || pointwise.stride !== 1)
      throw unsuitable(`${layer} has a ${pointwise.size}×${pointwise.size} convolution, expected 1×1`);
    const { size, stride, kernel } = depthwise;
    tensors
      .set(`${layer}.depthwise.kernel`, { shape: [size, size, channels, 1], data: kernel.data })
      .set(`${layer}.depthwise.bias`, depthwise.bias)
      .set(`${layer}.pointwise.kernel`, toHwio(pointwise.kernel))
      .set(`${layer}.pointwise.bias`, pointwise.bias);
    channels = pointwise.filters;
    backbone.push({ type: 'separable', kernel: size, stride, filters: channels });
    if (backbone.length > MAX_LAYERS) throw unsuitable(`more than ${MAX_LAYERS} layers`);
  }

  if (op?.op !== 'MEAN' || graph.constant(op, 1).data.join() !== '1,2')
    throw unsuitable(`${op?.op ?? 'nothing'} after its convolutions, expected the MEAN over the plane`);

  for (op = graph.next(); op !== undefined; op = graph.next()) {
    const last = layers.at(-1);
    const activation = OUTPUT_ACTIVATIONS[op.op];
    if (TRANSPARENT.includes(op.op)) continue;
    if (op.op === 'FULLY_CONNECTED') layers.push(dense(op, last?.units ?? channels, layers.length));
    else if (activation && last?.activation === 'linear') last.activation = activation;
    else throw unsuitable(`${op.op} after its mean, expected dense layers`);
    if (layers.length > MAX_LAYERS) throw unsuitable(`more than ${MAX_LAYERS} layers`);
  }
  if (layers.length === 0) throw unsuitable('no dense layer after its mean');
  return { backbone, layers, tensors, headTensors, bandsFirst };

  /** Checks a convolution, full or depthwise, and reads its constants. */
  function convolution(op: TfliteOperator | undefined, channels: number) {
    if (op === undefined) throw unsuitable('it ends within its convolutions');
    const kernel = graph.constant(op, 1);
    const [filters = 0, height = 0, width = 0, inputs] = kernel.shape;
    const [stride = 0, strideWidth] = op.stride;
    const depthwise = op.op === 'DEPTHWISE_CONV_2D';
    if (kernel.shape.length !== 4 || height < 1 || height !== width || inputs !== channels)
      throw unsuitable(
        `${op.op} has the kernel [${kernel.shape}], expected square ones over ${channels} channels`,
      );
    if (depthwise ? filters !== 1 : filters < 1)
      throw unsuitable(`${op.op} has the kernel [${kernel.shape}], with ${filters} filters`);
    const found = `padding ${op.padding}, stride ${op.stride}, dilation ${op.dilation}, ${op.activation}`;
    if (op.padding !== 'same' || stride < 1 || stride !== strideWidth || op.dilation.join() !== '1,1')
      throw unsuitable(`${op.op} has ${found}; expected padding same, one stride, no dilation`);
    if (op.activation !== 'relu') throw unsuitable(`${op.op} has ${found}; expected relu`);
    const bias = biasOf(op, depthwise ? channels : filters);
    return { kernel, bias, filters, size: height, stride };
  }

  function dense(op: TfliteOperator, inputs: number, index: number): DenseHead['layers'][number] {
    const { shape, data } = graph.constant(op, 1);
    const [units = 0, columns] = shape;
    const { activation } = op;
    if (shape.length !== 2 || units < 1 || columns !== inputs)
      throw unsuitable(`a dense layer has the kernel [${shape}], expected [units,${inputs}]`);
    if (activation !== 'linear' && activation !== 'relu')
      throw unsuitable(`a dense layer has ${activation}, expected none or relu`);
    const kernel = { shape: [inputs, units], data: transpose(data, units, inputs) };
    headTensors.set(`${index}.kernel`, kernel).set(`${index}.bias`, biasOf(op, units));
    return { units, activation };
  }

  function biasOf(op: TfliteOperator, count: number): Tensor {
    if ((op.inputs[2] ?? -1) === -1) return { shape: [count], data: new Float32Array(count) };
    const bias = graph.constant(op, 2);
    if (bias.shape.join() !== `${count}`)
      throw unsuitable(`${op.op} has the bias [${bias.shape}], expected [${count}]`);
    return bias;
  }
}

/** A walk along the one line of operators that starts with the first convolution. */
function follow({ operators, tensors, inputs, constant }: TfliteModel, unsuitable: (what: string) => Error) {
  const producerOf = (tensor: number | undefined) =>
    operators.find(({ outputs }) => outputs.includes(tensor ?? -1));
  const start = operators.findIndex(({ op }) => op === 'CONV_2D');
  const patch = operators[start]?.inputs[0];
  const expected = `[1,${PATCH_FRAMES},${MEL_BANDS},1]`;
  const shape = tensors[patch ?? -1]?.shape;
  if (start < 0) throw unsuitable('it has no convolution, so it is no MobileNet');
  if (`[${shape}]` !== expected)
    throw unsuitable(`its first convolution sees [${shape}], expected frames × bands ${expected}`);

  const before = producerOf(patch);
  const bandsFirst =
    before?.op === 'TRANSPOSE' &&
    inputs.includes(before.inputs[0] ?? -1) &&
    constantOf(before, 1).data.join() === '0,2,1,3';

  /** An operator's constant input; one stored in fewer bits may come through a DEQUANTIZE. */
  function constantOf(op: TfliteOperator, input: number): Tensor {
    const index = op.inputs[input];
    const producer = producerOf(index);
    return constant((producer?.op === 'DEQUANTIZE' ? producer.inputs[0] : index) ?? -1);
  }

  let at = -1;
  /** The operator that takes the last one's output; undefined after the last. Operators stand in the order they run. */
  function next(wanted?: string): TfliteOperator | undefined {
    if (at < 0) at = start;
    else {
      const output = operators[at]?.outputs[0] ?? -1;
      const takers = operators.flatMap(({ inputs }, i) => (i > at && inputs.includes(output) ? [i] : []));
      if (takers.length > 1) throw unsuitable(`its graph branches after ${operators[at]?.op}`);
      at = takers[0] ?? operators.length;
    }
    const op = operators[at];
    if (wanted !== undefined && op?.op !== wanted)
      throw unsuitable(`${op?.op ?? 'nothing'} where ${wanted} was expected`);
    return op;
  }
  return { next, constant: constantOf, bandsFirst };
}

/** [filters, height, width, channels] → [height, width, channels, filters] */
function toHwio({ shape, data }: Tensor): Tensor {
  const [filters = 0, ...rest] = shape;
  return { shape: [...rest, filters], data: transpose(data, filters, data.length / filters) };
}
