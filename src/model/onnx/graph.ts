import { MEL_BANDS, PATCH_FRAMES } from '../../constants.js';
import type { DenseHead, Manifest } from '../manifest.js';
import type { Tensor } from '../safetensors.js';
import { type OnnxConstant, type OnnxNode, writeOnnx } from './writer.js';

/** A dense layer with its weights. */
export interface DenseLayer {
  readonly activation: DenseHead['layers'][number]['activation'];
  /** [in, units] */
  readonly kernel: Tensor;
  readonly bias: Tensor;
}

/** The layers of a head with their weights. @param tensors of the bundle */
export function denseLayers(
  head: string,
  { layers }: DenseHead,
  tensors: ReadonlyMap<string, Tensor>,
): DenseLayer[] {
  return layers.map(({ activation }, i) => ({
    activation,
    kernel: tensors.get(`heads.${head}.${i}.kernel`) as Tensor,
    bias: tensors.get(`heads.${head}.${i}.bias`) as Tensor,
  }));
}

/** A convolution with its weights, batch normalisation folded, in ONNX's layout. */
export interface Convolution {
  /** As its tensors in the bundle: `backbone.3.pointwise`. */
  readonly name: string;
  /** [outputs,inputs,size,size] */
  readonly kernel: Tensor;
  /** [outputs] */
  readonly bias: Float32Array;
  readonly attributes: OnnxNode['attributes'];
}

/** The numbers in which a backbone is computed; what goes from one convolution to the next is float32. */
export interface Arithmetic {
  /** Convolution and ReLU. */
  convolve(graph: OnnxGraphBuilder, x: string, convolution: Convolution): string;
}

export const FLOAT32: Arithmetic = {
  convolve(graph, x, { kernel, bias, attributes }) {
    const weights = [graph.constant(kernel.shape, kernel.data), graph.constant([bias.length], bias)];
    return graph.step('Relu', [graph.step('Conv', [x, ...weights], attributes)]);
  },
};

/** Name of the input. */
export const LOG_MEL = 'log_mel';

const OUTPUT_OPS: Record<string, string> = { relu: 'Relu', softmax: 'Softmax', sigmoid: 'Sigmoid' };

/**
 * Builds the graph of a network, step by step; values go by their names. ONNX has channels before the plane, so the
 * patch is transposed once where it enters.
 */
export class OnnxGraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxConstant[] = [];
  readonly #outputs: { name: string; shape: readonly (number | string)[] }[] = [];
  readonly #bandsFirst: boolean;
  readonly #windows: number | string;

  /**
   * @param options.bandsFirst the patch enters as [1,64,96,1] instead of [1,96,64,1]
   * @param options.batches any number of windows at once
   */
  constructor({ bandsFirst = false, batches = false } = {}) {
    this.#bandsFirst = bandsFirst;
    this.#windows = batches ? 'windows' : 1;
  }

  constant(shape: readonly number[], data: OnnxConstant['data']): string {
    const name = `c${this.#constants.length}`;
    this.#constants.push({ name, shape, data });
    return name;
  }

  ints(...values: number[]): string {
    return this.constant([values.length], BigInt64Array.from(values, BigInt));
  }

  /** Applies an operator; returns its value. */
  step(op: string, inputs: readonly string[], attributes: OnnxNode['attributes'] = {}): string {
    return this.steps(op, inputs, 1, attributes)[0]!;
  }

  /** Applies an operator that has several values. */
  steps(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: OnnxNode['attributes'] = {},
  ): string[] {
    const output = Array.from({ length: outputs }, (_, i) => `v${this.#nodes.length}${'abc'[i]}`);
    this.#nodes.push({ op, inputs, output, attributes });
    return output;
  }

  /**
   * The backbone from the input on.
   *
   * @param weight of the bundle, by name
   * @returns the embedding, float32 [windows,C]
   */
  backbone(
    layers: Manifest['backbone'],
    weight: (name: string) => Tensor,
    arithmetic: Arithmetic = FLOAT32,
  ): string {
    const perm = this.#bandsFirst ? [0, 3, 2, 1] : [0, 3, 1, 2];
    let x = this.step('Transpose', [LOG_MEL], { perm }); // [windows,1,96,64]
    for (const convolution of convolutions(layers, weight)) x = arithmetic.convolve(this, x, convolution);
    return this.step('ReduceMean', [x], { axes: [2, 3], keepdims: 0 });
  }

  dense(x: string, layers: readonly DenseLayer[]): string {
    for (const { activation, kernel, bias } of layers) {
      const weights = [this.constant(kernel.shape, kernel.data), this.constant(bias.shape, bias.data)];
      x = this.step('Gemm', [x, ...weights]);
      const output = OUTPUT_OPS[activation];
      if (output !== undefined) x = this.step(output, [x], output === 'Softmax' ? { axis: -1 } : {});
    }
    return x;
  }

  /** Makes a float32 value [windows,size] an output under this name. */
  output(name: string, value: string, size: number): void {
    this.#nodes.push({ op: 'Identity', inputs: [value], output: [name] });
    this.#outputs.push({ name, shape: [this.#windows, size] });
  }

  /** The ONNX file. @param description one line */
  write(description: string): Uint8Array {
    const plane = this.#bandsFirst ? [MEL_BANDS, PATCH_FRAMES] : [PATCH_FRAMES, MEL_BANDS];
    const shape = [this.#windows, ...plane, 1];
    const input = { name: LOG_MEL, shape };
    return writeOnnx({
      description,
      input,
      outputs: this.#outputs,
      nodes: this.#nodes,
      constants: this.#constants,
    });
  }
}

/** The convolutions of a backbone in their order: of a separable one the depthwise and the pointwise. */
function* convolutions(
  layers: Manifest['backbone'],
  weight: (name: string) => Tensor,
): Iterable<Convolution> {
  let [height, width] = [PATCH_FRAMES, MEL_BANDS];
  const convolution = (name: string, stride: number): Convolution => {
    const { shape, data } = weight(`${name}.kernel`);
    const [size = 0, , third = 0, fourth = 0] = shape;
    // [size,size,in,out], or of a depthwise convolution [size,size,C,1], where each channel has an input of its own.
    const depthwise = name.endsWith('.depthwise');
    const [inputs, outputs] = depthwise ? [1, third] : [third, fourth];
    const [top, bottom] = samePadding(height, size, stride);
    const [left, right] = samePadding(width, size, stride);
    [height, width] = [Math.ceil(height / stride), Math.ceil(width / stride)];
    return {
      name,
      kernel: { shape: [outputs, inputs, size, size], data: toOihw(data, size * size, inputs, outputs) },
      bias: weight(`${name}.bias`).data,
      attributes: {
        group: depthwise ? outputs : 1,
        kernel_shape: [size, size],
        strides: [stride, stride],
        pads: [top, left, bottom, right],
      },
    };
  };
  for (const [i, { type, stride }] of layers.entries()) {
    if (type === 'conv') yield convolution(`backbone.${i}`, stride);
    else {
      yield convolution(`backbone.${i}.depthwise`, stride);
      yield convolution(`backbone.${i}.pointwise`, 1);
    }
  }
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
  const turned = new Float32Array(data.length);
  let i = 0;
  for (let output = 0; output < outputs; output++)
    for (let input = 0; input < inputs; input++)
      for (let place = 0; place < area; place++)
        turned[i++] = data[(place * inputs + input) * outputs + output]!;
  return turned;
}
