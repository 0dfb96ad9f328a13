import * as tf from '@tensorflow/tfjs-core';
import { crossEntropy } from './cross-entropy.js';
import { dense, kernelOf, type Layer, scoped } from './layers.js';
import { balanced, batchOf, type Samples } from './samples.js';
import type { Scaling } from './scaling.js';

/** Mean cross entropy, every class counting the same, and the share of samples that are right. */
export function validate(layers: readonly Layer[], samples: Samples, scaling: Scaling) {
  const { features, classes } = batchOf(samples, [...samples.classes.keys()], scaling);
  const count = classes.length;
  const scores = scoped(() => {
    const input = tf.tensor2d(features, [count, features.length / count]);
    const run = (x: tf.Tensor2D, layer: Layer) => dense(layer, kernelOf(layer), x);
    const last = layers.slice(0, -1).reduce((x, layer) => tf.relu(run(x, layer)), input);
    return tf.softmax(run(last, layers.at(-1) as Layer)).dataSync<'float32'>();
  });
  const { loss, correct } = crossEntropy(scores, classes, balanced(classes, scores.length / count));
  return { loss: loss / count, accuracy: correct / count };
}
