import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import '@tensorflow/tfjs-backend-wasm';
import type { Bundle } from '../../src/model/bundle.js';
import { denseScores } from '../../src/model/head.js';
import { type Epoch, type FitOptions, type FittedHead, fitHead } from '../../src/training/fit/fit-head.js';
import type { Samples } from '../../src/training/fit/samples.js';
import { createRandom } from '../../src/training/random.js';

beforeAll(async () => {
  expect(await tf.setBackend('wasm')).toBe(true);
});

const SIZE = 12;
const options: FitOptions = {
  hidden: [16],
  epochs: 30,
  batchSize: 32,
  learningRate: 0.01,
  dropout: 0.2,
  patience: 10,
  classWeights: true,
  seed: 1,
};

/** Clouds around one corner per class, far from zero and much larger in one dimension than in the others. */
function clouds(counts: readonly number[], seed: number): Samples {
  const random = createRandom(seed);
  const rows = counts.flatMap((count, c) =>
    Array.from({ length: count }, () => ({
      c,
      row: Array.from({ length: SIZE }, (_, i) => 5 + (i % counts.length === c ? 1 : 0) + random() * 0.9),
    })),
  );
  return {
    features: Float32Array.from(rows.flatMap(({ row }) => row)),
    classes: Int32Array.from(rows, ({ c }) => c),
  };
}

/** What is right depends on two dimensions at once: no linear classifier can learn it. */
function xor(count: number, seed: number): Samples {
  const random = createRandom(seed);
  const rows = Array.from({ length: count }, () =>
    Array.from({ length: SIZE }, () => (random() < 0.5 ? -1 : 1)),
  );
  return {
    features: Float32Array.from(rows.flat()),
    classes: Int32Array.from(rows, ([a = 0, b = 0]) => (a * b > 0 ? 1 : 0)),
  };
}

const NOTHING: Samples = { features: new Float32Array(), classes: new Int32Array() };

/** What the weights, as a bundle has them, say of samples: n × classes. */
function scoresOf({ layers, tensors }: FittedHead, features: Float32Array): Float32Array {
  const labels = Array.from({ length: layers.at(-1)?.units ?? 0 }, (_, i) => `${i}`);
  const bundle = {
    manifest: { embeddingSize: SIZE, heads: { x: { type: 'dense', labels, layers } } },
    tensors: new Map([...tensors].map(([key, tensor]) => [`heads.x.${key}`, tensor])),
  } as unknown as Bundle;
  return denseScores(bundle, 'x', features);
}

/** Share of the samples that are right. */
function accuracy(fitted: FittedHead, { features, classes }: Samples): number {
  const scores = scoresOf(fitted, features);
  const count = scores.length / classes.length;
  const right = [...classes].filter((truth, n) => {
    const row = [...scores.subarray(n * count, (n + 1) * count)];
    return row.indexOf(Math.max(...row)) === truth;
  });
  return right.length / classes.length;
}

describe('training a head', () => {
  it.each([
    ['one hidden layer', [16]],
    ["BATHNet's layers", [16, 16, 16]],
    ['no hidden layer', []],
  ])('learns classes that can be told apart, with %s', async (_, hidden) => {
    const fitted = await fitHead(clouds([60, 60, 60], 1), clouds([20, 20, 20], 2), SIZE, 3, {
      ...options,
      hidden,
      dropout: 0,
    });
    expect(accuracy(fitted, clouds([50, 50, 50], 3))).toBeGreaterThan(0.98);
    expect(fitted.layers.map(({ units, activation }) => [units, activation])).toEqual([
      ...hidden.map((units) => [units, 'relu']),
      [3, 'softmax'],
    ]);
    expect([...fitted.tensors].map(([key, { shape }]) => [key, shape])).toEqual(
      [...hidden, 3].flatMap((units, l) => [
        [`${l}.kernel`, [[SIZE, ...hidden][l], units]],
        [`${l}.bias`, [units]],
      ]),
    );
  });

  it('learns through its hidden layer what no linear classifier can', async () => {
    const learned = { ...options, hidden: [32], epochs: 60, patience: 60, dropout: 0 };
    const deep = await fitHead(xor(600, 1), NOTHING, SIZE, 2, learned);
    const linear = await fitHead(xor(600, 1), NOTHING, SIZE, 2, { ...learned, hidden: [] });
    expect(accuracy(deep, xor(300, 2))).toBeGreaterThan(0.95);
    expect(accuracy(linear, xor(300, 2))).toBeLessThan(0.7);
  });

  it('gives the same weights for the same seed, to the last bit, and others for another', async () => {
    const weights = async (seed: number) =>
      [
        ...(
          await fitHead(clouds([40, 40], 1), clouds([9, 9], 2), SIZE, 2, { ...options, seed })
        ).tensors.values(),
      ].map(({ data }) => [...data]);
    expect(await weights(1)).toEqual(await weights(1));
    expect(await weights(2)).not.toEqual(await weights(1));
  });

  it('says loss and accuracy of every epoch, as the weights that it returns have them', async () => {
    const seen: Epoch[] = [];
    const validation = clouds([20, 20], 2);
    const fitted = await fitHead(clouds([40, 40], 1), validation, SIZE, 2, {
      ...options,
      epochs: 5,
      onEpoch: (epoch) => seen.push(epoch),
    });
    expect(seen).toEqual(fitted.epochs);
    expect(seen.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5]);
    expect(seen.at(-1)?.loss).toBeLessThan(seen[0]?.loss ?? 0);
    expect(accuracy(fitted, validation)).toBeCloseTo(seen[fitted.bestEpoch - 1]?.validationAccuracy ?? -1, 5);
  });

  it('stops when validation gets no better, and goes back to the best weights', async () => {
    // Validation says the opposite of training: every epoch makes it worse.
    const training = clouds([40, 40], 1);
    const validation = { ...training, classes: training.classes.map((c) => 1 - c) };
    const fitted = await fitHead(training, validation, SIZE, 2, { ...options, patience: 3 });
    expect(fitted.bestEpoch).toBe(1);
    expect(fitted.epochs).toHaveLength(4);
    const first = await fitHead(training, validation, SIZE, 2, { ...options, epochs: 1 });
    expect(fitted.tensors).toEqual(first.tensors);
  });

  it('lets a rare class count as much as a frequent one, unless told otherwise', async () => {
    // Both classes look the same, so the score of the rare one is its share.
    const training = clouds([90, 10], 1);
    training.features.fill(1);
    const score = async (classWeights: boolean) => {
      const fitted = await fitHead(training, NOTHING, SIZE, 2, { ...options, hidden: [], classWeights });
      return scoresOf(fitted, training.features)[1];
    };
    expect(await score(true)).toBeCloseTo(0.5, 1);
    expect(await score(false)).toBeLessThan(0.25);
  });

  it('leaves no tensor behind, also when it is stopped', async () => {
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    await fitHead(clouds([40, 40], 1), clouds([9, 9], 2), SIZE, 2, { ...options, epochs: 2 });
    const stopped = fitHead(clouds([40, 40], 1), NOTHING, SIZE, 2, {
      ...options,
      signal: controller.signal,
      onEpoch: () => controller.abort(),
    });
    await expect(stopped).rejects.toThrow('abort');
    expect(tf.memory().numTensors).toBe(before);
  });
});
