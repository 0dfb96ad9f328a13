import { setImmediate } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import type { DenseHead } from '../model/manifest.js';
import type { Tensor } from '../model/safetensors.js';
import { createRandom, shuffled } from './random.js';

/** What a head learns from: one embedding and the index of its class per row. */
export interface Samples {
  /** n × size, row-major */
  readonly features: Float32Array;
  readonly classes: Int32Array;
}

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

/** Adam's own defaults: Kingma and Ba, 2015. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
/** A validation loss counts as lower by this much at least: less only makes a head more certain than it may be. */
const MIN_IMPROVEMENT = 1e-3;
/** Keeps the loss finite where a score is 0 in a float. */
const MIN_SCORE = 1e-30;

interface Layer {
  readonly inputs: number;
  readonly units: number;
  readonly kernel: Parameter;
  readonly bias: Parameter;
}

/** Weights in plain memory, with Adam's two moments of each. */
interface Parameter {
  readonly values: Float32Array;
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

/**
 * Trains dense layers with softmax on embeddings: Adam on the cross entropy, dropout on the hidden layers, early
 * stopping that goes back to the best weights. On whatever backend TensorFlow.js runs, which must be set; the same
 * seed and engine give the same weights to the last bit.
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
    const checked = validation.classes.length > 0 ? evaluate(layers, validation, scaling) : undefined;
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

/**
 * One batch forward and backward. The gradients of dense layers are written out, because the build of TensorFlow.js
 * for Node registers none.
 *
 * @returns loss and number of right answers of the batch, and the gradients of kernel and bias of each layer in turn
 */
function backPropagate(
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

  // The gradient of the weighted cross entropy of a softmax is (scores − truth) × weight.
  const classCount = error.length / count;
  let [loss, correct] = [0, 0];
  for (const [n, truth] of batch.classes.entries()) {
    const row = error.subarray(n * classCount, (n + 1) * classCount);
    const weight = weights?.[truth] ?? 1;
    loss -= weight * Math.log(Math.max(row[truth]!, MIN_SCORE));
    if (indexOfHighest(row) === truth) correct++;
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

/** A step of Adam. In plain memory: on the WASM backend it would take longer than all the rest. */
function adam(
  { values, mean, square }: Parameter,
  gradient: Float32Array,
  rate: number,
  steps: number,
): void {
  const { beta1, beta2, epsilon } = ADAM;
  const [correction1, correction2] = [1 - beta1 ** steps, 1 - beta2 ** steps];
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i]!;
    const m = beta1 * mean[i]! + (1 - beta1) * g;
    const v = beta2 * square[i]! + (1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    values[i]! -= (rate * m) / correction1 / (Math.sqrt(v / correction2) + epsilon);
  }
}

/** Mean cross entropy, every class counting the same, and the share of samples that are right. */
function evaluate(layers: readonly Layer[], samples: Samples, scaling: Scaling) {
  const { features, classes } = batchOf(samples, [...samples.classes.keys()], scaling);
  const count = classes.length;
  const scores = scoped(() => {
    const input = tf.tensor2d(features, [count, features.length / count]);
    const run = (x: tf.Tensor2D, layer: Layer) => dense(layer, kernelOf(layer), x);
    const last = layers.slice(0, -1).reduce((x, layer) => tf.relu(run(x, layer)), input);
    return tf.softmax(run(last, layers.at(-1) as Layer)).dataSync<'float32'>();
  });
  const classCount = scores.length / count;
  const weights = balanced(classes, classCount);
  let [loss, correct] = [0, 0];
  for (const [n, truth] of classes.entries()) {
    const row = scores.subarray(n * classCount, (n + 1) * classCount);
    loss -= weights[truth]! * Math.log(Math.max(row[truth]!, MIN_SCORE));
    if (indexOfHighest(row) === truth) correct++;
  }
  return { loss: loss / count, accuracy: correct / count };
}

/** `tf.tidy` for what returns plain arrays, in whose every value it would look for tensors. */
function scoped<T>(action: () => T): T {
  const engine = tf.engine();
  engine.startScope();
  try {
    return action();
  } finally {
    engine.endScope();
  }
}

function kernelOf({ kernel, inputs, units }: Layer): tf.Tensor2D {
  return tf.tensor2d(kernel.values, [inputs, units]);
}

function dense({ bias }: Layer, kernel: tf.Tensor2D, input: tf.Tensor2D): tf.Tensor2D {
  return tf.fused.matMul({ a: input, b: kernel, bias: tf.tensor1d(bias.values) }) as tf.Tensor2D;
}

/** Glorot's uniform initialisation; biases are zero. */
function createLayers(sizes: readonly number[], random: () => number): Layer[] {
  return sizes.slice(1).map((units, i) => {
    const inputs = sizes[i] as number;
    const limit = Math.sqrt(6 / (inputs + units));
    const kernel = parameter(inputs * units);
    for (let k = 0; k < kernel.values.length; k++) kernel.values[k] = (2 * random() - 1) * limit;
    return { inputs, units, kernel, bias: parameter(units) };
  });
}

const parameter = (length: number): Parameter => ({
  values: new Float32Array(length),
  mean: new Float32Array(length),
  square: new Float32Array(length),
});

interface Scaling {
  readonly mean: Float64Array;
  /** Of all values together: dimensions that hardly vary shall not be blown up. */
  readonly scale: number;
}

/** Embeddings that vary less than this (of values around 1) do not vary at all. */
const MIN_SCALE = 1e-6;

function scalingOf(features: Float32Array, size: number): Scaling {
  const mean = new Float64Array(size);
  const rows = features.length / size;
  for (let i = 0; i < features.length; i++) mean[i % size]! += features[i]! / rows;
  let square = 0;
  for (let i = 0; i < features.length; i++) square += (features[i]! - mean[i % size]!) ** 2;
  const scale = Math.sqrt(square / features.length);
  return { mean, scale: scale > MIN_SCALE ? scale : 1 };
}

/** softmax(W·(x − mean)/scale + b) = softmax(W/scale·x + (b − mean·W/scale)) */
function foldScaling(layers: readonly Layer[], values: readonly Float32Array[], { mean, scale }: Scaling) {
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

/** samples / (classes × samples of the class); 0 for a class that does not occur */
function balanced(classes: Int32Array, classCount: number): Float32Array {
  const counts = new Float32Array(classCount);
  for (const each of classes) counts[each]! += 1;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count > 0 ? classes.length / (present * count) : 0));
}

function batchOf({ features, classes }: Samples, rows: readonly number[], { mean, scale }: Scaling): Samples {
  const size = mean.length;
  const out = new Float32Array(rows.length * size);
  for (const [n, row] of rows.entries())
    for (let i = 0; i < size; i++) out[n * size + i] = (features[row * size + i]! - mean[i]!) / scale;
  return { features: out, classes: Int32Array.from(rows, (row) => classes[row]!) };
}

function indexOfHighest(row: Float32Array): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if (row[c]! > row[best]!) best = c;
  return best;
}
