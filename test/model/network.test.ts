import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExitCode } from '../../src/errors.js';
import { createFrontEnd } from '../../src/features/front-end.js';
import { type Bundle, readBundle } from '../../src/model/bundle.js';
import { chooseHead } from '../../src/model/head.js';
import { createNetwork, type Network } from '../../src/model/network.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { GOLDEN, maxDifference, readFloats, readSamples, relativeL2, SYNTHETIC } from '../support/golden.js';

let bundle: Bundle;
let network: Network;

beforeAll(async () => {
  bundle = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
  network = await createNetwork(bundle, 'tfjs-wasm');
});
afterAll(() => network.close());

describe('bathnet-mini on tfjs-wasm', () => {
  it.each(SYNTHETIC)('gives the reference embedding and AudioSet scores for %s', async (name) => {
    const mel = new Float32Array(96 * 64);
    createFrontEnd('yamnet-log-mel').compute(readSamples(GOLDEN, name), mel);
    const { embedding, heads } = await network.run(mel);
    expect(relativeL2(embedding, readFloats(GOLDEN, `${name}.mini-embedding.f32`))).toBeLessThan(1e-3);
    expect(maxDifference(heads.audioset!, readFloats(GOLDEN, `${name}.mini-audioset.f32`))).toBeLessThan(
      1e-3,
    );
  });

  it('keeps no tensor of a run', async () => {
    const { memory } = await import('@tensorflow/tfjs-core');
    const before = memory().numTensors;
    for (let i = 0; i < 5; i++) await network.run(new Float32Array(96 * 64));
    expect(memory().numTensors).toBe(before);
  });
});

describe('an engine', () => {
  it('that is not installed is refused with what to do', async () => {
    const native = await import('@tensorflow/tfjs-node' as string).catch(() => undefined);
    if (native) return; // it is installed here
    await expect(createNetwork(bundle, 'tfjs-node')).rejects.toMatchObject({ code: ExitCode.unavailable });
  });

  it('is chosen by itself', async () => {
    const chosen = await createNetwork(bundle);
    expect(['tfjs-wasm', 'tfjs-node']).toContain(chosen.engine);
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

  it('that the bundle has not is refused with those it has', () => {
    expect(() => chooseHead(bundle, 'games')).toThrow(/has no head "games"/);
  });
});
