import { setImmediate } from 'node:timers/promises';
import { getBackend } from '@tensorflow/tfjs-core';
import { startTfjs } from '../../model/engines/tfjs.js';
import type { DenseHead } from '../../model/manifest.js';
import type { Tensor } from '../../model/safetensors.js';
import { createRandom, shuffled } from '../random.js';
import { adam } from './adam.js';
import { backPropagate } from './back-propagation.js';
import { createLayers, scoped } from './layers.js';
import { balanced, batchOf, type Samples } from './samples.js';
import { foldScaling, scalingOf } from './scaling.js';
import { validate } from './validation.js';

export interface FitOptions {
  /** Units of the hidden layers; none makes a linear classifier. */
  readonly hidden: readonly number[];
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Share of the hidden units that each batch leaves out, 0…1. */
  readonly dropout: number;
  /** Training stops after so many epochs without a lower validation loss. */
  readonly patience: number;
  /** Rare classes count more, so that all together count the same. */
  readonly classWeights: boolean;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEpoch?: ((epoch: Epoch) => void) | undefined;
}

export interface Epoch {
  /** From 1. */
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  /** Missing without validation data. */
  readonly validationLoss?: number;
  readonly validationAccuracy?: number;
}

export interface FittedHead {
  readonly layers: DenseHead['layers'];
  /** `0.kernel` [size, units], `0.bias` [units], `1.kernel` …, as a bundle has them under `heads.NAME.` */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly epochs: readonly Epoch[];
  /** The epoch whose weights these are. */
  readonly bestEpoch: number;
}

/** A validation loss counts as lower by this much at least: less only makes a head more certain than it may be. */
const MIN_IMPROVEMENT = 1e-3;

/**
 * Trains dense layers with softmax on embeddings: Adam on the cross entropy, dropout on the hidden layers, early
 * stopping that goes back to the best weights. On the backend that TensorFlow.js runs on, if it does; the same
 * seed and backend give the same weights to the last bit.
 *
 * Embeddings are centred and scaled for training; the first layer that is returned has that folded in.
 *
 * @param size of an embedding
 * @param classCount number of classes; every one must occur in `training`
 * @param validation without samples there is no early stopping: the last weights are taken
 */
export async function fitHead(
  training: Samples,
  validation: Samples,
  size: number,
  classCount: number,
  options: FitOptions,
): Promise<FittedHead> {
  const { hidden, epochs, batchSize, learningRate, dropout, patience, seed, signal, onEpoch } = options;
  if (!getBackend()) await startTfjs('auto');
  const random = createRandom(seed);
  const scaling = scalingOf(training.features, size);
  const weights = options.classWeights ? balanced(training.classes, classCount) : undefined;
  const layers = createLayers([size, ...hidden, classCount], random);
  const parameters = layers.flatMap(({ kernel, bias }) => [kernel, bias]);
  const history: Epoch[] = [];
  let best = { loss: Number.POSITIVE_INFINITY, epoch: 0, values: [] as Float32Array[] };
  let steps = 0;
  for (let epoch = 1; epoch <= epochs && epoch - best.epoch <= patience; epoch++) {
    const order = shuffled(training.classes.keys(), random);
    let [loss, correct] = [0, 0];
    for (let at = 0; at < order.length; at += batchSize) {
      const batch = batchOf(training, order.slice(at, at + batchSize), scaling);
      const result = scoped(() => backPropagate(layers, batch, weights, dropout, random));
      steps++;
      for (const [i, parameter] of parameters.entries())
        adam(parameter, result.gradients[i] as Float32Array, learningRate, steps);
      loss += result.loss;
      correct += result.correct;
    }
    const checked = validation.classes.length > 0 ? validate(layers, validation, scaling) : undefined;
    const done: Epoch = {
      epoch,
      loss: loss / order.length,
      accuracy: correct / order.length,
      ...(checked && { validationLoss: checked.loss, validationAccuracy: checked.accuracy }),
    };
    history.push(done);
    onEpoch?.(done);
    if (!checked || checked.loss < best.loss - MIN_IMPROVEMENT)
      best = { loss: checked?.loss ?? 0, epoch, values: parameters.map(({ values }) => values.slice()) };
    await setImmediate(); // lets signals through
    signal?.throwIfAborted();
  }
  return {
    layers: layers.map(({ units }, l) => ({
      units,
      activation: l < layers.length - 1 ? ('relu' as const) : ('softmax' as const),
    })),
    tensors: foldScaling(layers, best.values, scaling),
    epochs: history,
    bestEpoch: best.epoch,
  };
}
