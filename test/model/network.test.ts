import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExitCode } from '../../src/errors.js';
import { createFrontEnd } from '../../src/features/create-front-end.js';
import { type Bundle, type Manifest, readBundle } from '../../src/model/bundle.js';
import { createNetwork } from '../../src/model/engines/create-network.js';
import { chooseHead } from '../../src/model/head.js';
import type { Network } from '../../src/model/network.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { mappingOnly } from '../support/bundles.js';
import { GOLDEN, maxDifference, readFloats, readWindow, relativeL2, SYNTHETIC } from '../support/golden.js';
import { lacksPackage } from '../support/require.js';

let bundle: Bundle;
beforeAll(async () => {
  bundle = mappingOnly(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
});

const mel = new Float32Array(96 * 64);
const hear = (name: string) => createFrontEnd('yamnet-log-mel').compute(readWindow(GOLDEN, name), mel);

const lacksOnnx = lacksPackage('onnxruntime-node');
const installed = (['tfjs-wasm', 'onnxruntime'] as const).filter(
  (name) => name === 'tfjs-wasm' || !lacksOnnx,
);
describe.each(installed)('bathnet-mini on %s', (engine) => {
  let network: Network;
  beforeAll(async () => {
    network = await createNetwork(bundle, engine);
  });
  afterAll(() => network.close());

  it.each(SYNTHETIC)('gives the reference embedding and AudioSet scores for %s', async (name) => {
    hear(name);
    const { embedding, heads } = await network.run(mel);
    expect(relativeL2(embedding, readFloats(GOLDEN, `${name}.mini-embedding.f32`))).toBeLessThan(1e-3);
    expect(maxDifference(heads.audioset!, readFloats(GOLDEN, `${name}.mini-audioset.f32`))).toBeLessThan(
      1e-3,
    );
  });

  it('gives each of several windows at once what it gives it alone', async () => {
    const mels: Float32Array[] = [];
    const alone: { embedding: Float32Array; audioset: Float32Array }[] = [];
    for (const name of SYNTHETIC) {
      hear(name);
      mels.push(mel.slice());
      const { embedding, heads } = await network.run(mel);
      alone.push({ embedding: embedding.slice(), audioset: heads.audioset!.slice() });
    }
    const together = new Float32Array(mels.length * mel.length);
    for (const [i, each] of mels.entries()) together.set(each, i * mel.length);
    const { embedding, heads } = await network.run(together);
    const rows = (of: (one: (typeof alone)[number]) => Float32Array) => alone.flatMap((one) => [...of(one)]);
    expect([...embedding]).toEqual(rows((one) => one.embedding));
    expect([...heads.audioset!]).toEqual(rows((one) => one.audioset));
  });

  it('computes the dense heads that are asked for, and no others', async () => {
    const without = await createNetwork(bundle, engine, ['bathnet']);
    expect((await without.run(mel)).heads).toEqual({});
    await without.close();
    const { heads } = await network.run(mel);
    expect(Object.keys(heads)).toEqual(['audioset']);
  });
});

it.skipIf(lacksOnnx)('onnxruntime gives what tfjs-wasm gives, for all heads of the bundle', async () => {
  const whole = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
  const [wasm, onnx] = [await createNetwork(whole, 'tfjs-wasm'), await createNetwork(whole, 'onnxruntime')];
  for (const name of SYNTHETIC) {
    hear(name);
    const [wanted, got] = [await wasm.run(mel), await onnx.run(mel)];
    expect(maxDifference(got.embedding, wanted.embedding)).toBeLessThan(1e-4);
    expect(Object.keys(got.heads)).toEqual(Object.keys(wanted.heads));
    for (const [head, scores] of Object.entries(wanted.heads))
      expect(maxDifference(got.heads[head]!, scores)).toBeLessThan(1e-4);
  }
  await Promise.all([wasm.close(), onnx.close()]);
});

it('tfjs-wasm keeps no tensor of a run', async () => {
  const network = await createNetwork(bundle, 'tfjs-wasm');
  const { memory } = await import('@tensorflow/tfjs-core');
  const before = memory().numTensors;
  for (let i = 0; i < 5; i++) await network.run(mel);
  expect(memory().numTensors).toBe(before);
  await network.close();
});

describe('an engine', () => {
  it('that is not installed is refused with what to do', async () => {
    const native = await import('@tensorflow/tfjs-node' as string).catch(() => undefined);
    if (native) return; // it is installed here
    await expect(createNetwork(bundle, 'tfjs-node')).rejects.toMatchObject({ code: ExitCode.unavailable });
  });

  it('is chosen by itself', async () => {
    const chosen = await createNetwork(bundle);
    expect(lacksOnnx ? ['tfjs-wasm', 'tfjs-node'] : ['onnxruntime']).toContain(chosen.engine);
    await chosen.close();
  });
});

describe('a head', () => {
  const scoresOf = (scores: Record<string, number>) => {
    const labels = bundle.manifest.heads.audioset!.labels;
    const head = chooseHead(bundle, 'bathnet');
    const audioset = Float32Array.from(labels, (label) => scores[label] ?? 0);
    const values = head.score({ embedding: new Float32Array(1024), heads: { audioset } });
    return Object.fromEntries(head.labels.map((label, i) => [label, values[i]!]));
  };

  it('that maps takes the highest score of the classes behind each label and divides by the sum', () => {
    const scores = scoresOf({ 'Water tap, faucet': 0.6, Rain: 0.1, Screaming: 0.3, Vehicle: 0.1 });
    expect(scores.water).toBeCloseTo(0.6);
    expect(scores.abnormal).toBeCloseTo(0.3);
    expect(scores.background).toBeCloseTo(0.1);
    expect(scores.speech).toBe(0);
  });

  it('that maps calls it background when nothing at all was recognised', () => {
    expect(scoresOf({})).toEqual({ background: 1, water: 0, speech: 0, abnormal: 0 });
  });

  it('that blends is the softmax of bias and weighted logarithms, wherever its parts come from', () => {
    const labels = ['background', 'water', 'speech', 'abnormal'];
    const parts = [
      { head: 'bathnet', weight: 0.5 },
      { head: 'own', weight: 2 },
    ];
    const heads: Manifest['heads'] = {
      ...bundle.manifest.heads,
      own: { type: 'dense', labels, layers: [{ units: 4, activation: 'softmax' }] },
      blend: { type: 'blend', labels, parts, bias: [0.1, -0.2, 0.3, 0] },
    };
    const blend = chooseHead({ ...bundle, manifest: { ...bundle.manifest, heads } }, 'blend');
    const audioset = Float32Array.from(heads.audioset!.labels, (label) =>
      label === 'Water' ? 0.6 : label === 'Speech' ? 0.2 : 0,
    );
    const own = Float32Array.of(0.1, 0.2, 0.7, 0); // the last is taken for 1e-6, as in the mapping
    const scores = [...blend.score({ embedding: new Float32Array(1024), heads: { audioset, own } })];

    const mapped = [1e-6, 0.75, 0.25, 1e-6];
    const unnormalised = [
      Math.exp(0.1) * mapped[0]! ** 0.5 * 0.1 ** 2,
      Math.exp(-0.2) * mapped[1]! ** 0.5 * 0.2 ** 2,
      Math.exp(0.3) * mapped[2]! ** 0.5 * 0.7 ** 2,
      mapped[3]! ** 0.5 * 1e-6 ** 2,
    ];
    const sum = unnormalised.reduce((a, b) => a + b);
    expect(scores).toEqual(unnormalised.map((each) => expect.closeTo(each / sum, 6)));
    expect(blend.labels).toEqual(labels);
  });

  it('that the bundle has not is refused with those it has', () => {
    expect(() => chooseHead(bundle, 'games')).toThrow(/has no head "games"/);
  });
});
