import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { File, type Group, ready } from 'h5wasm/node';
import type { Bundle } from '../../src/model/bundle.js';
import type { Tensor } from '../../src/model/safetensors.js';

/** Ways in which versions of Keras name what they save. */
export const NESTINGS = {
  /** The layer's name, then the variable's, which begins with the layer's again. */
  repeated: (layer: string, variable: string) => `${layer}/${layer}/${variable}:0`,
  plain: (layer: string, variable: string) => `${layer}/${variable}:0`,
  'within a whole model': (layer: string, variable: string) =>
    `model_weights/${layer}/${layer}/${variable}:0`,
} as const;
export type Nesting = keyof typeof NESTINGS;

export interface KerasOptions {
  readonly nesting?: Nesting;
  /** Last say on the weights by path, before they are written. */
  readonly change?: (weights: Map<string, Tensor>) => void;
}

const EPSILON = 1e-4;

/**
 * Weights of a bundle as Keras would have saved them before batch normalisation was folded: for statistics made up
 * here, the kernels and offsets that give the bundle's own when they are folded.
 */
export async function kerasFile(
  { manifest, tensors }: Bundle,
  { nesting = 'repeated', change }: KerasOptions = {},
): Promise<Uint8Array> {
  const weights = new Map<string, Tensor>();
  const path = NESTINGS[nesting];
  const add = (layer: string, variable: string, tensor: Tensor) => weights.set(path(layer, variable), tensor);
  const get = (name: string) => tensors.get(name) as Tensor;
  const convolution = (layer: string, variable: string, name: string) => {
    const kernel = get(`${name}.kernel`);
    const { shape, data } = get(`${name}.bias`);
    const channels = data.length;
    const mean = data.map((_, i) => Math.sin(i + 1));
    const variance = data.map((_, i) => 1.2 + Math.cos(i * 3));
    const deviation = Float64Array.from(variance, (value) => Math.sqrt(value + EPSILON));
    add(layer, variable, {
      shape: kernel.shape,
      data: kernel.data.map((value, i) => value * deviation[i % channels]!),
    });
    add(`${layer}/bn`, 'beta', { shape, data: data.map((value, i) => value + mean[i]! / deviation[i]!) });
    add(`${layer}/bn`, 'moving_mean', { shape, data: mean });
    add(`${layer}/bn`, 'moving_variance', { shape, data: variance });
  };
  for (const [i, { type }] of manifest.backbone.entries()) {
    if (type === 'conv') convolution(`layer${i + 1}/conv`, 'kernel', `backbone.${i}`);
    else {
      convolution(`layer${i + 1}/depthwise_conv`, 'depthwise_kernel', `backbone.${i}.depthwise`);
      convolution(`layer${i + 1}/pointwise_conv`, 'kernel', `backbone.${i}.pointwise`);
    }
  }
  add('logits', 'kernel', get('heads.audioset.0.kernel'));
  add('logits', 'bias', get('heads.audioset.0.bias'));
  change?.(weights);
  return writeHdf5(weights);
}

async function writeHdf5(weights: ReadonlyMap<string, Tensor>): Promise<Uint8Array> {
  await ready;
  const place = join(tmpdir(), `bathnet-keras-${process.pid}.h5`);
  const file = new File(place, 'w');
  for (const [path, { shape, data }] of weights) {
    const names = path.split('/');
    const variable = names.pop() as string;
    const group = names.reduce<Group>(
      (parent, name) =>
        parent.keys().includes(name) ? (parent.get(name) as Group) : parent.create_group(name),
      file,
    );
    group.create_dataset({ name: variable, data, shape: [...shape], dtype: '<f4' });
  }
  file.close();
  try {
    return await readFile(place);
  } finally {
    await rm(place);
  }
}
