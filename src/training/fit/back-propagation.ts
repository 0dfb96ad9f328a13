import * as tf from '@tensorflow/tfjs-core';
import { crossEntropy } from './cross-entropy.js';
import { dense, kernelOf, type Layer } from './layers.js';
import type { Samples } from './samples.js';

/**
 * One batch forward and backward. The gradients of dense layers are written out, because the build of TensorFlow.js
 * for Node registers none.
 *
 * @returns loss and number of right answers of the batch, and the gradients of kernel and bias of each layer in turn
 */
export function backPropagate(
  layers: readonly Layer[],
  batch: Samples,
  weights: Float32Array | undefined,
  dropout: number,
  random: () => number,
) {
  const count = batch.classes.length;
  const kernels = layers.map(kernelOf);
  const inputs = [tf.tensor2d(batch.features, [count, batch.features.length / count])];
  const masks: tf.Tensor2D[] = [];
  for (const [l, layer] of layers.slice(0, -1).entries()) {
    const active = tf.relu(dense(layer, kernels[l] as tf.Tensor2D, inputs[l] as tf.Tensor2D));
    const kept = Float32Array.from({ length: active.size }, () =>
      random() < dropout ? 0 : 1 / (1 - dropout),
    );
    // 0 where the unit is off or dropped: the same factor forward and backward
    const mask = tf.mul(tf.step(active), tf.tensor2d(kept, active.shape)) as tf.Tensor2D;
    masks.push(mask);
    inputs.push(tf.mul(active, mask) as tf.Tensor2D);
  }
  const last = layers.length - 1;
  const output = dense(layers[last] as Layer, kernels[last] as tf.Tensor2D, inputs[last] as tf.Tensor2D);
  const error = tf.softmax(output).dataSync<'float32'>().slice();
  const { loss, correct } = crossEntropy(error, batch.classes, weights);

  // The gradient of the weighted cross entropy of a softmax is (scores − truth) × weight.
  const classCount = error.length / count;
  for (const [n, truth] of batch.classes.entries()) {
    const row = error.subarray(n * classCount, (n + 1) * classCount);
    const weight = weights?.[truth] ?? 1;
    row[truth] = row[truth]! - 1;
    for (let c = 0; c < row.length; c++) row[c] = (row[c]! * weight) / count;
  }
  let gradient = tf.tensor2d(error, [count, classCount]);
  const gradients: Float32Array[] = [];
  for (let l = last; l >= 0; l--) {
    // Transposed first: matMul's own transposition takes a slow path on the WASM backend.
    const ofKernel = tf.matMul(tf.transpose(inputs[l] as tf.Tensor2D), gradient);
    gradients.unshift(ofKernel.dataSync<'float32'>(), tf.sum(gradient, 0).dataSync<'float32'>());
    if (l > 0) {
      const before = tf.matMul(gradient, tf.transpose(kernels[l] as tf.Tensor2D));
      gradient = tf.mul(before, masks[l - 1] as tf.Tensor2D);
    }
  }
  return { loss, correct, gradients };
}
