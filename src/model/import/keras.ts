import { Dataset, File, Group } from 'jsfive';
import { messageOf } from '../../errors.js';
import type { Manifest } from '../manifest.js';
import { allFinite, type Tensor } from '../safetensors.js';

/** YAMNet's weights in the layouts and names of a bundle, batch normalisation folded in. */
export interface KerasYamnet {
  readonly backbone: Manifest['backbone'];
  /** Of the dense layer behind the mean. */
  readonly units: number;
  /** `backbone.…` and `heads.audioset.0.…` */
  readonly tensors: Map<string, Tensor>;
}

/**
 * What the weights do not say: `_YAMNET_LAYER_DEFS` and `batchnorm_epsilon` of
 * https://github.com/tensorflow/models/tree/master/research/audioset/yamnet
 */
const STRIDES = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1];
const BATCH_NORM_EPSILON = 1e-4;

/** Deeper than Keras nests, and the end for a file whose groups contain each other. */
const MAX_DEPTH = 10;

/** YAMNet's largest weights are 1024 × 1024; a damaged shape asks for any memory before the file turns out too short. */
const MAX_VALUES = 2 ** 22;

/** `layer3/depthwise_conv/…`, however often Keras repeats it. */
const LAYER = /.*\/layer(\d+)\/((?:depthwise_|pointwise_)?conv)\//;

/**
 * Reads Keras weights of YAMNet (HDF5). Datasets are found by the end of their path – layer, kind, variable –
 * because versions of Keras nest groups differently: `layer1/conv/kernel:0`,
 * `layer1/conv/layer1/conv/kernel:0`, `model_weights/layer1/conv/bn/…/beta:0`.
 *
 * @param bytes the whole file
 * @param unsuitable makes the error for a file that is anything else
 */
export function readKerasYamnet(bytes: Uint8Array, unsuitable: (what: string) => Error): KerasYamnet {
  const variables = readVariables(bytes, unsuitable);
  const tensors = new Map<string, Tensor>();
  const backbone: Manifest['backbone'] = [];

  let channels = 1;
  for (const [i, stride] of STRIDES.entries()) {
    if (i === 0) {
      const { size, outputs } = convolution(`${i + 1}/conv`, 'kernel', 'backbone.0', channels);
      backbone.push({ type: 'conv', kernel: size, stride, filters: outputs });
    } else {
      const layer = `backbone.${i}`;
      const { size } = convolution(
        `${i + 1}/depthwise_conv`,
        'depthwise_kernel',
        `${layer}.depthwise`,
        channels,
      );
      const pointwise = convolution(`${i + 1}/pointwise_conv`, 'kernel', `${layer}.pointwise`, channels);
      if (pointwise.size !== 1) throw unsuitable(`layer ${i + 1}: its pointwise kernel is not 1×1`);
      backbone.push({ type: 'separable', kernel: size, stride, filters: pointwise.outputs });
    }
    channels = backbone.at(-1)?.filters ?? 0;
  }
  const kernel = take('dense/kernel');
  const [inputs, units = 0] = kernel.shape;
  const bias = take('dense/bias', [units]);
  if (kernel.shape.length !== 2 || inputs !== channels)
    throw unsuitable(`its dense layer has the kernel [${kernel.shape}], expected [${channels},classes]`);
  tensors.set('heads.audioset.0.kernel', kernel).set('heads.audioset.0.bias', bias);
  const [unknown] = variables.keys();
  if (unknown !== undefined) throw unsuitable(`it has layer ${unknown}, which YAMNet has not`);
  return { backbone, units, tensors };

  /** A convolution without bias and the batch normalisation behind it become a convolution with bias. */
  function convolution(key: string, variable: string, name: string, channels: number) {
    const kernel = take(`${key}/${variable}`);
    const [size = 0, width, inputs = 0, last = 0] = kernel.shape;
    const depthwise = variable === 'depthwise_kernel';
    if (kernel.shape.length !== 4 || size !== width || inputs !== channels || (depthwise && last !== 1))
      throw unsuitable(
        `layer ${key} has the kernel [${kernel.shape}], expected one over ${channels} channels`,
      );
    const outputs = depthwise ? inputs : last;
    const [beta, mean, variance] = ['beta', 'moving_mean', 'moving_variance'].map(
      (each) => take(`${key}/${each}`, [outputs]).data,
    ) as [Float32Array, Float32Array, Float32Array];
    const scale = Float64Array.from(variance, (value) => 1 / Math.sqrt(value + BATCH_NORM_EPSILON));
    // The channel that is normalised is the last dimension; that of a depthwise kernel's C × 1 is C.
    tensors.set(`${name}.kernel`, {
      shape: kernel.shape,
      data: kernel.data.map((value, i) => value * scale[i % outputs]!),
    });
    tensors.set(`${name}.bias`, {
      shape: [outputs],
      data: beta.map((value, i) => value - mean[i]! * scale[i]!),
    });
    return { size, outputs };
  }

  function take(key: string, shape?: readonly number[]): Tensor {
    const tensor = variables.get(key);
    if (tensor === undefined) throw unsuitable(`layer ${key} is missing`);
    if (shape && tensor.shape.join() !== shape.join())
      throw unsuitable(`layer ${key} is [${tensor.shape}], expected [${shape}]`);
    if (!allFinite(tensor.data)) throw unsuitable(`layer ${key} has values that are no numbers`);
    variables.delete(key);
    return tensor;
  }
}

/** All weights by `N/kind/variable`, or `dense/variable` for those of no numbered layer. */
function readVariables(bytes: Uint8Array, unsuitable: (what: string) => Error): Map<string, Tensor> {
  const variables = new Map<string, Tensor>();
  for (const { path, shape, dtype, value } of readDatasets(bytes, unsuitable)) {
    if (dtype !== '<f4') throw unsuitable(`${path} has type ${dtype}, expected float32`);
    const [, number, kind] = LAYER.exec(path) ?? [];
    const variable = path.replace(/.*\//, '').replace(/:\d+$/, '');
    const name = `${number ? `${number}/${kind}` : 'dense'}/${variable}`;
    if (variables.has(name)) throw unsuitable(`it has layer ${name} twice`);
    if (!Array.isArray(value) || value.length !== valuesIn(shape))
      throw unsuitable(`${path} [${shape}] does not have its shape's size: the file is damaged`);
    variables.set(name, { shape: [...shape], data: Float32Array.from(value) });
  }
  return variables;
}

interface FoundDataset extends Pick<Dataset, 'shape' | 'dtype' | 'value'> {
  readonly path: string;
}

function readDatasets(bytes: Uint8Array, unsuitable: (what: string) => Error): FoundDataset[] {
  const found: FoundDataset[] = [];
  const visit = (group: Group, parent: string, depth: number) => {
    for (const key of group.keys) {
      const item = group.get(key);
      const path = `${parent}/${key}`;
      if (item instanceof Dataset) {
        const { shape, dtype } = item;
        if (valuesIn(shape) > MAX_VALUES) throw new Error(`${path} [${shape}] is too large`);
        found.push({ path, shape, dtype, value: item.value });
      } else if (item instanceof Group && depth < MAX_DEPTH && key !== 'optimizer_weights')
        visit(item, path, depth + 1);
    }
  };
  try {
    const { buffer } = new Uint8Array(bytes); // a copy, because it wants a buffer of its own
    visit(new File(buffer, ''), '', 0);
  } catch (error) {
    throw unsuitable(`no HDF5 file that can be read (${messageOf(error)})`);
  }
  return found;
}

function valuesIn(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
