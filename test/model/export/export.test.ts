import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExitCode } from '../../../src/errors.js';
import { createFrontEnd } from '../../../src/features/create-front-end.js';
import { type Bundle, readBundle } from '../../../src/model/bundle.js';
import { createNetwork } from '../../../src/model/engines/create-network.js';
import { backboneTflite, exportModel } from '../../../src/model/export/export.js';
import type { PatchOrder } from '../../../src/model/export/plan.js';
import { chooseHead } from '../../../src/model/head.js';
import { importTflite } from '../../../src/model/import/import.js';
import { readSafetensors, type Tensor as Weights } from '../../../src/model/safetensors.js';
import { SHIPPED_MODELS } from '../../../src/model/shelf.js';
import { mappingOnly } from '../../support/bundles.js';
import { GOLDEN, maxDifference, readWindow, SYNTHETIC } from '../../support/golden.js';
import { loadLiteRuntime } from '../../support/litert.js';

const SHAPES = { 'frames-bands': [1, 96, 64, 1], 'bands-frames': [1, 64, 96, 1] };
const TOLERANCE = 1e-4;

let mini: Bundle;
let liteRuntime: Awaited<ReturnType<typeof loadLiteRuntime>>;
let dir: string;
beforeAll(async () => {
  mini = mappingOnly(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
  liteRuntime = await loadLiteRuntime();
  dir = await mkdtemp(join(tmpdir(), 'bathnet-export-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const melOf = (name: string) => {
  const mel = new Float32Array(96 * 64);
  createFrontEnd('yamnet-log-mel').compute(readWindow(GOLDEN, name), mel);
  return mel;
};

/** As a model of that input order expects it. */
function ordered(mel: Float32Array, order: PatchOrder): Float32Array {
  return order === 'frames-bands' ? mel : mel.map((_, i) => mel[(i % 96) * 64 + Math.floor(i / 96)]!);
}

async function onnxRuntime(file: Uint8Array, patches: readonly Float32Array[], shape: number[]) {
  const session = await InferenceSession.create(file);
  const { inputNames, outputNames } = session;
  const scores: Float32Array[] = [];
  for (const patch of patches) {
    const result = await session.run({ log_mel: new Tensor('float32', patch, shape) });
    scores.push(result.scores?.data as Float32Array);
  }
  await session.release();
  return { inputNames, outputNames, scores };
}

/** What our own engine and head say. */
async function reference(bundle: Bundle, head: string, mels: Float32Array[]): Promise<Float32Array[]> {
  const network = await createNetwork(bundle, 'tfjs-wasm');
  const { score } = chooseHead(bundle, head);
  const scores: Float32Array[] = [];
  for (const mel of mels) scores.push(score(await network.run(mel)).slice());
  await network.close();
  return scores;
}

const values = (length: number, seed: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * 12.9898 + seed) * 0.5);

/** A bundle of what the shipped one has not: a full convolution inside, even kernels, odd sizes, hidden layers. */
function oddBundle(): Bundle {
  const tensors = new Map<string, Weights>();
  const add = (name: string, shape: number[]) =>
    tensors.set(name, {
      shape,
      data: values(
        shape.reduce((a, b) => a * b, 1),
        tensors.size,
      ),
    });
  add('backbone.0.kernel', [5, 5, 1, 3]);
  add('backbone.0.bias', [3]);
  add('backbone.1.kernel', [4, 4, 3, 6]);
  add('backbone.1.bias', [6]);
  add('backbone.2.depthwise.kernel', [3, 3, 6, 1]);
  add('backbone.2.depthwise.bias', [6]);
  add('backbone.2.pointwise.kernel', [1, 1, 6, 5]);
  add('backbone.2.pointwise.bias', [5]);
  add('heads.games.0.kernel', [5, 7]);
  add('heads.games.0.bias', [7]);
  add('heads.games.1.kernel', [7, 3]);
  add('heads.games.1.bias', [3]);
  add('heads.dark.0.kernel', [5, 3]);
  tensors.set('heads.dark.0.bias', { shape: [3], data: new Float32Array(3).fill(-1e6) });
  add('heads.own.0.kernel', [5, 3]);
  add('heads.own.0.bias', [3]);
  const labels = ['coin', 'jump', 'other'];
  const games = (activation: 'softmax') =>
    [
      { units: 7, activation: 'relu' },
      { units: 3, activation },
    ] as const;
  const map = {
    type: 'map' as const,
    labels: ['never', 'sound', 'rest'],
    classes: { sound: ['jump', 'coin'] },
    rest: 'rest',
  };
  return {
    manifest: {
      ...mini.manifest,
      backbone: [
        { type: 'conv', kernel: 5, stride: 3, filters: 3 },
        { type: 'conv', kernel: 4, stride: 2, filters: 6 },
        { type: 'separable', kernel: 3, stride: 2, filters: 5 },
      ],
      embeddingSize: 5,
      heads: {
        games: { type: 'dense', labels, layers: [...games('softmax')] },
        dark: { type: 'dense', labels, layers: [{ units: 3, activation: 'sigmoid' }] },
        map: { ...map, from: 'games' },
        'dark-map': { ...map, from: 'dark' },
        own: { type: 'dense', labels: map.labels, layers: [{ units: 3, activation: 'softmax' }] },
        blend: {
          type: 'blend',
          labels: map.labels,
          parts: [
            { head: 'map', weight: 0.3 },
            { head: 'own', weight: 1.5 },
            { head: 'dark-map', weight: -0.1 },
          ],
          bias: [2, -0.5, 1],
        },
      },
      defaultHead: 'games',
    },
    tensors,
  };
}

const ORDERS: PatchOrder[] = ['frames-bands', 'bands-frames'];
const cases = ORDERS.flatMap((order) => ['bathnet', 'audioset'].map((head) => ({ order, head })));

/** The largest difference in any score of any window. */
const worst = (actual: Float32Array[], expected: Float32Array[]) =>
  Math.max(...expected.map((scores, i) => maxDifference(actual[i]!, scores)));

describe.each(cases)('head $head with input $order', ({ order, head }) => {
  const mels = SYNTHETIC.map(melOf);
  const patches = mels.map((mel) => ordered(mel, order));
  const shape = SHAPES[order];
  let expected: Float32Array[];
  beforeAll(async () => {
    expected = await reference(mini, head, mels);
  });

  it('as TFLite scores in Google’s runtime as in ours', async () => {
    const { bytes, labels } = await exportModel(mini, 'tflite', { head, order });
    expect(labels).toEqual(mini.manifest.heads[head]?.labels);
    const { inputs, outputs, scores } = await liteRuntime(bytes, patches, shape);
    expect(inputs).toMatchObject([{ name: 'log_mel', dtype: 'float32', shape: Int32Array.from(shape) }]);
    expect(outputs).toMatchObject([{ name: 'scores', shape: Int32Array.of(1, labels.length) }]);
    expect(worst(scores, expected)).toBeLessThan(TOLERANCE);
  });

  it('as ONNX scores in onnxruntime as in ours', async () => {
    const { bytes, labels } = await exportModel(mini, 'onnx', { head, order });
    expect(labels).toEqual(mini.manifest.heads[head]?.labels);
    const { inputNames, outputNames, scores } = await onnxRuntime(bytes, patches, shape);
    expect([inputNames, outputNames]).toEqual([['log_mel'], ['scores']]);
    expect(worst(scores, expected)).toBeLessThan(TOLERANCE);
  });
});

it('the backbone alone gives the embedding in Google’s runtime as in ours', async () => {
  const mels = SYNTHETIC.map(melOf);
  const network = await createNetwork(mini, 'tfjs-wasm');
  const expected: Float32Array[] = [];
  for (const mel of mels) expected.push((await network.run(mel)).embedding.slice());
  await network.close();
  const { outputs, scores } = await liteRuntime(await backboneTflite(mini), mels, [1, 96, 64, 1]);
  expect(outputs).toMatchObject([{ name: 'embedding', shape: Int32Array.of(1, 1024) }]);
  expect(worst(scores, expected)).toBeLessThan(TOLERANCE);
});

describe('a bundle unlike the shipped one', () => {
  // A label without classes, and a head none of whose classes scores at all, are among these.
  it.each(['games', 'map', 'dark-map', 'blend'])(
    'scores with head %s in both runtimes as in ours',
    async (head) => {
      const odd = oddBundle();
      const patches = [values(96 * 64, 7), values(96 * 64, 8)];
      const expected = await reference(odd, head, patches);
      const [tflite, onnx] = [
        await exportModel(odd, 'tflite', { head }),
        await exportModel(odd, 'onnx', { head }),
      ];
      const shape = SHAPES['frames-bands'];
      expect(worst((await liteRuntime(tflite.bytes, patches, shape)).scores, expected)).toBeLessThan(
        TOLERANCE,
      );
      expect(worst((await onnxRuntime(onnx.bytes, patches, shape)).scores, expected)).toBeLessThan(TOLERANCE);
    },
  );
});

describe('an exported TFLite file', () => {
  it('is imported again with the very same weights', async () => {
    const { bytes } = await exportModel(mini, 'tflite', { head: 'audioset' });
    const file = join(dir, 'mini.tflite');
    await writeFile(file, bytes);
    const { manifest, tensors } = await importTflite([file], 'again');
    expect(manifest.backbone).toEqual(mini.manifest.backbone);
    expect([...tensors.keys()].sort()).toEqual([...mini.tensors.keys()].sort());
    for (const [name, { shape, data }] of tensors) {
      const original = mini.tensors.get(name);
      expect(shape, name).toEqual(original?.shape);
      expect(Buffer.from(data.buffer).equals(Buffer.from(original!.data.buffer)), name).toBe(true);
    }
  });

  it('says what it is, and aligns its constants as runtimes want them', async () => {
    const { bytes } = await exportModel(mini, 'tflite', { head: 'bathnet' });
    const text = Buffer.from(bytes).toString('latin1');
    expect(text.slice(4, 8)).toBe('TFL3');
    // Not toContain, which would print all of it.
    const { version } = mini.manifest;
    expect(text.includes(`bathnet-mini ${version}, head bathnet; input yamnet-log-mel`)).toBe(true);
    const { data } = mini.tensors.get('backbone.3.depthwise.kernel') as Weights;
    expect(text.indexOf(Buffer.from(data.buffer).toString('latin1')) % 16).toBe(0);
  });
});

describe('exported weights', () => {
  it('are the backbone and one head in float32, with how they belong together', async () => {
    const { bytes, labels } = await exportModel(mini, 'safetensors', { head: 'bathnet' });
    expect(labels).toEqual(['background', 'water', 'speech', 'abnormal']);
    const tensors = readSafetensors(bytes, 'test');
    expect([...tensors.keys()].sort()).toEqual([...mini.tensors.keys()].sort());
    const header = JSON.parse(
      new TextDecoder().decode(
        bytes.subarray(8, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))),
      ),
    );
    expect(header['backbone.0.kernel']).toMatchObject({ dtype: 'F32', shape: [3, 3, 1, 16] });
    const model = JSON.parse(header.__metadata__['bathnet2mqtt.model']);
    expect(model).toMatchObject({ frontEnd: 'yamnet-log-mel', defaultHead: 'bathnet' });
    expect(Object.keys(model.heads)).toEqual(['audioset', 'bathnet']);
  });

  it('hold all that a blend is made of', async () => {
    const { bytes } = await exportModel(oddBundle(), 'safetensors', { head: 'blend' });
    const heads = [...readSafetensors(bytes, 'test').keys()].filter((name) => name.startsWith('heads.'));
    expect(new Set(heads.map((name) => name.split('.')[1]))).toEqual(new Set(['games', 'dark', 'own']));
    expect(Buffer.from(bytes).toString('latin1')).toContain('dark-map');
  });

  it('leave out other heads', async () => {
    const { bytes } = await exportModel(oddBundle(), 'safetensors', { head: 'games' });
    const names = [...readSafetensors(bytes, 'test').keys()];
    expect(names).toContain('heads.games.1.bias');
    expect(names.some((name) => name.startsWith('heads.dark'))).toBe(false);
  });
});

it('refuses a head that the bundle has not', async () => {
  await expect(exportModel(mini, 'onnx', { head: 'games' })).rejects.toMatchObject({ code: ExitCode.usage });
});
