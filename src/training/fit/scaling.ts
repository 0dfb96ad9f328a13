import type { Tensor } from '../../model/safetensors.js';
import type { Layer } from './layers.js';

/** How embeddings are centred and scaled while a head is trained on them. */
export interface Scaling {
  readonly mean: Float64Array;
  /** Of all values together: dimensions that hardly vary shall not be blown up. */
  readonly scale: number;
}

/** Embeddings that vary less than this (of values around 1) do not vary at all. */
const MIN_SCALE = 1e-6;

export function scalingOf(features: Float32Array, size: number): Scaling {
  const mean = new Float64Array(size);
  const rows = features.length / size;
  for (let i = 0; i < features.length; i++) mean[i % size]! += features[i]! / rows;
  let square = 0;
  for (let i = 0; i < features.length; i++) square += (features[i]! - mean[i % size]!) ** 2;
  const scale = Math.sqrt(square / features.length);
  return { mean, scale: scale > MIN_SCALE ? scale : 1 };
}

/**
 * The trained values as tensors that take embeddings as they are, with the scaling in the first layer:
 * softmax(W·(x − mean)/scale + b) = softmax(W/scale·x + (b − mean·W/scale))
 *
 * @param values kernel and bias of each layer in turn
 */
export function foldScaling(
  layers: readonly Layer[],
  values: readonly Float32Array[],
  { mean, scale }: Scaling,
) {
  const tensors = new Map<string, Tensor>();
  for (const [l, { inputs, units }] of layers.entries()) {
    const weights = Float32Array.from(values[2 * l] as Float32Array);
    const offsets = Float32Array.from(values[2 * l + 1] as Float32Array);
    for (let i = 0; l === 0 && i < weights.length; i++) {
      weights[i] = weights[i]! / scale;
      offsets[i % units]! -= weights[i]! * mean[Math.floor(i / units)]!;
    }
    tensors.set(`${l}.kernel`, { shape: [inputs, units], data: weights });
    tensors.set(`${l}.bias`, { shape: [units], data: offsets });
  }
  return tensors;
}
