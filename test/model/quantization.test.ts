import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { ExitCode } from '../../src/errors.js';
import { createFrontEnd } from '../../src/features/create-front-end.js';
import { type Bundle, readBundle } from '../../src/model/bundle.js';
import { calibrate } from '../../src/model/calibrate.js';
import { createNetwork } from '../../src/model/engines/create-network.js';
import { checkReferences } from '../../src/model/manifest.js';
import type { Network } from '../../src/model/network.js';
import { LEAST_COSINE } from '../../src/model/quantization.js';
import { type Quantization, quantizationProblems } from '../../src/model/quantization-manifest.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { createRandom } from '../../src/training/random.js';
import { calibrationSounds } from '../support/calibration-sounds.js';
import { GOLDEN, readWindow, relativeL2, SYNTHETIC } from '../support/golden.js';
import { evenly, quantizedBy } from '../support/quantized.js';
import { lacksPackage } from '../support/require.js';

const lacksOnnx = lacksPackage('onnxruntime-node');
const PATCH = 96 * 64;
const never = new AbortController().signal;

let mini: Bundle;
beforeAll(async () => {
  mini = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
});

async function embeddingOf(network: Network, mel: Float32Array): Promise<Float32Array> {
  const { embedding } = await network.run(mel);
  await network.close();
  return embedding.slice();
}

describe.skipIf(lacksOnnx)('calibration', () => {
  let quantization: Quantization;
  let signalled: Bundle;
  beforeAll(async () => {
    const frontEnd = createFrontEnd(mini.manifest.frontEnd);
    const patches = calibrationSounds().map((sound) => {
      const mel = new Float32Array(PATCH);
      frontEnd.forget();
      frontEnd.compute({ samples: sound.subarray(0, 15_600), startSample: 0 }, mel);
      return mel;
    });
    const heldBack = patches.filter((_, i) => i % 4 === 3);
    quantization = await calibrate(
      mini,
      { calibration: patches.filter((_, i) => i % 4 !== 3), heldBack },
      never,
    );
    signalled = quantizedBy(mini, quantization);
  });

  it('finds ranges for a backbone that then runs in int8 and gives nearly the same embedding', async () => {
    expect(() => checkReferences(signalled.manifest, 'model.json')).not.toThrow();
    expect(quantization.agreement.meanCosine).toBeGreaterThanOrEqual(LEAST_COSINE);
    expect(quantization.agreement.windows).toBe(6);
    const frontEnd = createFrontEnd(mini.manifest.frontEnd);
    const mel = new Float32Array(PATCH);
    for (const name of SYNTHETIC.filter((each) => each !== 'silence')) {
      frontEnd.forget();
      frontEnd.compute(readWindow(GOLDEN, name), mel);
      const exact = await embeddingOf(await createNetwork(signalled, 'onnxruntime'), mel);
      const network = await createNetwork(signalled, 'onnxruntime', undefined, { precision: 'int8' });
      expect(network.precision).toBe('int8');
      const difference = relativeL2(await embeddingOf(network, mel), exact);
      expect(difference).toBeGreaterThan(1e-6); // it did compute in int8
      expect(difference).toBeLessThan(0.25);
    }
  });

  it('ends with its signal', async () => {
    const patches = [new Float32Array(PATCH)];
    await expect(
      calibrate(mini, { calibration: patches, heldBack: patches }, AbortSignal.abort()),
    ).rejects.toThrow(/abort/);
  });

  it('refuses a model whose numbers do not fit into eight bits', async () => {
    const patches = [new Float32Array(PATCH).fill(-5), new Float32Array(PATCH).fill(3)];
    // Its two channels differ by so much that one of them is lost in the steps of the other, and only that one goes on.
    const odd = constantBackbone([1e5, 1], [0, 1]);
    await expect(calibrate(odd, { calibration: patches, heldBack: patches }, never)).rejects.toMatchObject({
      code: ExitCode.badData,
      message: expect.stringMatching(/loses too much in int8/),
    });
  });
});

/** A conv with a channel for each of `first`, then a separable whose pointwise weights are `last`. */
function constantBackbone(first: readonly number[], last: readonly number[]): Bundle {
  const channels = first.length;
  const tensor = (shape: number[], value: (i: number) => number) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i)),
  });
  const center = (i: number) => (Math.floor(i / channels) === 4 ? 1 : 0); // of 3 × 3
  return {
    manifest: {
      ...mini.manifest,
      backbone: [
        { type: 'conv', kernel: 3, stride: 2, filters: channels },
        { type: 'separable', kernel: 3, stride: 1, filters: 1 },
      ],
      embeddingSize: 1,
      heads: {},
    },
    tensors: new Map([
      ['backbone.0.kernel', tensor([3, 3, 1, channels], (i) => center(i) * first[i % channels]!)],
      ['backbone.0.bias', tensor([channels], () => 0)],
      ['backbone.1.depthwise.kernel', tensor([3, 3, channels, 1], center)],
      ['backbone.1.depthwise.bias', tensor([channels], () => 0)],
      ['backbone.1.pointwise.kernel', tensor([1, 1, channels, 1], (i) => last[i]!)],
      ['backbone.1.pointwise.bias', tensor([1], () => 0)],
    ]),
  };
}

describe.skipIf(lacksOnnx)('int8', () => {
  it('does not saturate on any processor: the highest activations times the highest weights are right', async () => {
    const many = Array.from({ length: 64 }, () => 1);
    const bundle = constantBackbone(many, many);
    const [high, mel] = [5, new Float32Array(PATCH).fill(5)];
    const wide = {
      ...evenly(bundle, high),
      ranges: { 'backbone.0': 5, 'backbone.1.depthwise': 5, 'backbone.1.pointwise': 400 },
    };
    const network = await createNetwork(quantizedBy(bundle, wide), 'onnxruntime', [], { precision: 'int8' });
    const [sum] = await embeddingOf(network, mel);
    expect(sum! / (64 * high)).toBeCloseTo(1, 2);
  });

  it('ends where its ranges end: what comes after is float32, and clips nothing', async () => {
    const bundle = constantBackbone([1], [1000]);
    const first = { ...evenly(bundle, 5), ranges: { 'backbone.0': 5, 'backbone.1.depthwise': 5 } };
    const network = await createNetwork(quantizedBy(bundle, first), 'onnxruntime', [], { precision: 'int8' });
    const [value] = await embeddingOf(network, new Float32Array(PATCH).fill(3.01));
    expect(value! / 3010).toBeCloseTo(1, 1);
    expect(value).not.toBeCloseTo(3010, 0); // what came before did round
  });

  it('gives a window in a batch what it gives it alone', async () => {
    const network = await createNetwork(mini, 'onnxruntime', [], { precision: 'int8' });
    const random = createRandom(1);
    const batch = Float32Array.from({ length: 3 * PATCH }, () => 6 * random() - 6);
    const alone: number[] = [];
    for (let i = 0; i < 3; i++)
      alone.push(...(await network.run(batch.slice(i * PATCH, (i + 1) * PATCH))).embedding);
    expect([...(await network.run(batch)).embedding]).toEqual(alone);
    await network.close();
  });

  it('begins where its ranges begin: what comes before is float32, and clips nothing', async () => {
    const bundle = constantBackbone([1000], [0.001]);
    const later = {
      ...evenly(bundle, 5),
      ranges: { 'backbone.1.depthwise': 5000, 'backbone.1.pointwise': 5 },
    };
    expect(quantizationProblems(later, bundle.manifest.backbone)).toEqual([]);
    const network = await createNetwork(quantizedBy(bundle, later), 'onnxruntime', [], { precision: 'int8' });
    const [value] = await embeddingOf(network, new Float32Array(PATCH).fill(3.01));
    expect(value).toBeCloseTo(3.01, 1);
    expect(value).not.toBeCloseTo(3.01, 4); // what came after did round
  });

  it('clips at its ranges, and below zero', async () => {
    const bundle = constantBackbone([1], [1]);
    const network = await createNetwork(quantizedBy(bundle, evenly(bundle, 2)), 'onnxruntime', [], {
      precision: 'int8',
    });
    const at = async (value: number) =>
      (await network.run(new Float32Array(PATCH).fill(value))).embedding[0]!;
    expect(await at(1)).toBeCloseTo(1, 1);
    expect(await at(4)).toBeCloseTo(2, 5);
    expect(await at(-6)).toBe(0);
    await network.close();
  });
});

describe('a precision', () => {
  it('of int8 is refused where the bundle is not calibrated, or the engine has none', async () => {
    const { quantization: _, ...manifest } = mini.manifest;
    await expect(
      createNetwork({ ...mini, manifest }, 'auto', [], { precision: 'int8' }),
    ).rejects.toMatchObject({
      code: ExitCode.config,
      hint: expect.stringMatching(/models quantize bathnet-mini/),
    });
    await expect(
      createNetwork(quantizedBy(mini, evenly(mini, 6)), 'tfjs-wasm', [], { precision: 'int8' }),
    ).rejects.toMatchObject({ code: ExitCode.config, message: expect.stringMatching(/tfjs-wasm/) });
  });

  it('is float32 unless another is asked for', async () => {
    const precisionOf = async (precision?: 'int8') => {
      const network = await createNetwork(quantizedBy(mini, evenly(mini, 6)), 'auto', [], { precision });
      await network.close();
      return network.precision;
    };
    expect(await precisionOf()).toBe('float32');
    expect(await precisionOf('int8')).toBe('int8');
    expect(configSchema.parse({}).model.precision).toBe('float32');
  });

  it('is refused where the calibration was made for other weights, but float32 runs', async () => {
    const stale = quantizedBy(mini, { ...evenly(mini, 6), backbone: '0'.repeat(64) });
    await expect(createNetwork(stale, 'auto', [], { precision: 'int8' })).rejects.toMatchObject({
      code: ExitCode.badData,
      message: expect.stringMatching(/other weights/),
    });
    await (await createNetwork(stale, 'auto', [])).close();
  });
});

describe('a manifest', () => {
  it.each([
    [
      'ranges of a layer that it has not',
      { ranges: { 'backbone.77': 1 } },
      /ranges are those of backbone\.77/,
    ],
    [
      'ranges with a gap',
      { ranges: { 'backbone.0': 1, 'backbone.1.pointwise': 1 } },
      /not of backbone\.0, backbone\.1\.depthwise/,
    ],
    ['no ranges', { ranges: {} }, /those of nothing/],
    [
      'the first range alone',
      { ranges: { 'backbone.0': 1 } },
      /not of backbone\.0, backbone\.1\.depthwise$/m,
    ],
  ])('with %s is refused', (_, part, message) => {
    const { manifest } = quantizedBy(mini, { ...evenly(mini, 6), ...part } as Quantization);
    expect(() => checkReferences(manifest, 'model.json')).toThrow(message);
  });
});
