import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { ExitCode } from '../../src/errors.js';
import { createFrontEnd } from '../../src/features/create-front-end.js';
import { type Bundle, readBundle } from '../../src/model/bundle.js';
import { calibrate } from '../../src/model/calibrate.js';
import { createNetwork } from '../../src/model/engines/create-network.js';
import { backboneGraph, multipliesBytes, openOnnx } from '../../src/model/engines/onnxruntime.js';
import { checkReferences } from '../../src/model/manifest.js';
import type { EngineChoice, Network, PrecisionChoice } from '../../src/model/network.js';
import { int8Arithmetic } from '../../src/model/onnx/int8.js';
import { LEAST_COSINE } from '../../src/model/quantization.js';
import {
  type Quantization,
  quantization as quantizationSchema,
} from '../../src/model/quantization-manifest.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { createRandom } from '../../src/training/random.js';
import { calibrationSounds } from '../support/calibration-sounds.js';
import { GOLDEN, readWindow, relativeL2, SYNTHETIC } from '../support/golden.js';
import { quantizedBy, wholly } from '../support/quantized.js';
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

  it('finds what of a backbone then runs in int8 and gives nearly the same embedding', async () => {
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
      expect(difference).toBeLessThan(0.05);
    }
  });

  it('ends with its signal', async () => {
    const patches = [new Float32Array(PATCH)];
    await expect(
      calibrate(mini, { calibration: patches, heldBack: patches }, AbortSignal.abort()),
    ).rejects.toThrow(/abort/);
  });

  it('leaves out what harms most: sums of which a part is lost in the steps of another', async () => {
    const bundle = constantBackbone(CANCELLING);
    const patches = [1, 2, 3, 4, 5].map((value) => new Float32Array(PATCH).fill(value));
    const found = await calibrate(bundle, { calibration: patches, heldBack: patches }, never);
    expect(found.convolutions).toEqual(['backbone.2.pointwise']);
    expect(found.agreement.meanCosine).toBeGreaterThanOrEqual(LEAST_COSINE);
  });

  it('refuses a model of which nothing fits into eight bits, or that is too small to gain by it', async () => {
    const patches = [1, 2, 3].map((value) => new Float32Array(PATCH).fill(value));
    const refused = (bundle: Bundle, message: RegExp) =>
      expect(calibrate(bundle, { calibration: patches, heldBack: patches }, never)).rejects.toMatchObject({
        code: ExitCode.badData,
        message: expect.stringMatching(message),
      });
    const { manifest, tensors } = constantBackbone(CANCELLING);
    const one = { ...manifest, backbone: manifest.backbone.slice(0, 2) };
    await refused({ manifest: one, tensors }, /loses too much in int8/);
    await refused(constantBackbone({ first: [1, 1], second: () => 1 }), /too small/);
  });
});

interface Constants {
  readonly first: readonly number[];
  readonly second: (input: number, output: number) => number;
}

/** The first 64 of the inputs are so high that the others are lost in their steps, and cancel each other out. */
const CANCELLING: Constants = {
  first: Array.from({ length: 128 }, (_, i) => (i < 64 ? 1e5 : 1)),
  second: (input, output) => (input < 64 ? (input % 2 === 0 ? 1 : -1) : 1 + ((input + output) % 5)),
};

/**
 * A conv with a channel for each of `first`, by which it multiplies; then two separables of as many, whose pointwise
 * weights are `second`, and those of the unit matrix.
 */
function constantBackbone({ first, second }: Constants): Bundle {
  const channels = first.length;
  const tensor = (shape: number[], value: (i: number) => number) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i)),
  });
  const center = (i: number) => (Math.floor(i / channels) === 4 ? 1 : 0); // of 3 × 3
  const square = (value: (input: number, output: number) => number) =>
    tensor([1, 1, channels, channels], (i) => value(Math.floor(i / channels), i % channels));
  const bias = tensor([channels], () => 0);
  const depthwise = tensor([3, 3, channels, 1], center);
  return {
    manifest: {
      ...mini.manifest,
      backbone: [
        { type: 'conv', kernel: 3, stride: 2, filters: channels },
        { type: 'separable', kernel: 3, stride: 1, filters: channels },
        { type: 'separable', kernel: 3, stride: 1, filters: channels },
      ],
      embeddingSize: channels,
      heads: {},
    },
    tensors: new Map([
      ['backbone.0.kernel', tensor([3, 3, 1, channels], (i) => center(i) * first[i % channels]!)],
      ['backbone.0.bias', bias],
      ['backbone.1.depthwise.kernel', depthwise],
      ['backbone.1.depthwise.bias', bias],
      ['backbone.1.pointwise.kernel', square(second)],
      ['backbone.1.pointwise.bias', bias],
      ['backbone.2.depthwise.kernel', depthwise],
      ['backbone.2.depthwise.bias', bias],
      ['backbone.2.pointwise.kernel', square((input, output) => (input === output ? 1 : 0))],
      ['backbone.2.pointwise.bias', bias],
    ]),
  };
}

describe.skipIf(lacksOnnx)('int8', () => {
  const patchOf = (value: number) => new Float32Array(PATCH).fill(value);
  const ones = (length: number) => Array.from({ length }, () => 1);
  const inInt8 = (bundle: Bundle) =>
    createNetwork(quantizedBy(bundle, wholly(bundle)), 'onnxruntime', [], { precision: 'int8' });

  it('does not saturate on any processor: the highest activations times the highest weights are right', async () => {
    const bundle = constantBackbone({ first: ones(128), second: () => 1 });
    const network = await inInt8(bundle);
    const embedding = await embeddingOf(network, patchOf(5));
    for (const sum of embedding) expect(sum / (128 * 5)).toBeCloseTo(1, 3);
  });

  it('gives the same with signed bytes, where the processor has them, and with unsigned ones', async () => {
    const random = createRandom(2);
    const mel = Float32Array.from({ length: PATCH }, () => 8 * random() - 6);
    const of = async (signed: boolean) => {
      const arithmetic = int8Arithmetic(wholly(mini), signed);
      const session = await openOnnx(backboneGraph(mini, arithmetic).graph.write('mini'));
      const embedding = (await session.run(mel))('embedding').slice();
      await session.close();
      return embedding;
    };
    const network = await inInt8(mini);
    expect(relativeL2(await embeddingOf(network, mel), await of(false))).toBeLessThan(1e-6);
  });

  it.each([
    ['quiet', 1e-4],
    ['loud', 1e4],
  ])('rounds what is %s in as fine steps', async (_, level) => {
    const bundle = constantBackbone({
      first: Array.from({ length: 128 }, (_, i) => (1 + (i % 7)) * level),
      second: (input, output) => ((input * output) % 11) - 4,
    });
    const exact = await embeddingOf(await createNetwork(bundle, 'onnxruntime', []), patchOf(3));
    const difference = relativeL2(await embeddingOf(await inInt8(bundle), patchOf(3)), exact);
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(0.02);
  });

  it('gives silence for silence', async () => {
    const bundle = constantBackbone({ first: ones(128), second: () => 1 });
    const network = await inInt8(bundle);
    expect([...(await embeddingOf(network, patchOf(-6)))]).toEqual(ones(128).map(() => 0));
  });

  it('gives a window in a batch what it gives it alone, whatever else is in it', async () => {
    const network = await createNetwork(mini, 'onnxruntime', undefined, { precision: 'int8' });
    const random = createRandom(1);
    const batch = Float32Array.from({ length: 3 * PATCH }, (_, i) => (i < PATCH ? 1 : 8) * (random() - 0.7));
    const alone = [];
    for (let i = 0; i < 3; i++) {
      const { embedding, heads } = await network.run(batch.slice(i * PATCH, (i + 1) * PATCH));
      alone.push({ embedding: [...embedding], audioset: [...heads.audioset!] });
    }
    const together = await network.run(batch);
    expect([...together.embedding]).toEqual(alone.flatMap(({ embedding }) => embedding));
    expect([...together.heads.audioset!]).toEqual(alone.flatMap(({ audioset }) => audioset));
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
      createNetwork(quantizedBy(mini, wholly(mini)), 'tfjs-wasm', [], { precision: 'int8' }),
    ).rejects.toMatchObject({ code: ExitCode.config, message: expect.stringMatching(/tfjs-wasm/) });
  });

  it('is float32 unless another is asked for; the daemon takes int8 where that is faster', async () => {
    const calibrated = quantizedBy(mini, wholly(mini));
    const { quantization: _, ...manifest } = mini.manifest;
    const precisionOf = async (
      bundle: Bundle,
      precision?: PrecisionChoice,
      engine: EngineChoice = 'auto',
    ) => {
      const network = await createNetwork(bundle, engine, [], { precision });
      await network.close();
      return network.precision;
    };
    expect(await precisionOf(calibrated)).toBe('float32');
    if (!lacksOnnx) expect(await precisionOf(calibrated, 'int8')).toBe('int8');
    expect(configSchema.parse({}).model.precision).toBe('auto');
    const isFaster = !lacksOnnx && multipliesBytes();
    expect(await precisionOf(calibrated, 'auto')).toBe(isFaster ? 'int8' : 'float32');
    expect(await precisionOf(calibrated, 'auto', 'tfjs-wasm')).toBe('float32');
    expect(await precisionOf({ ...mini, manifest }, 'auto')).toBe('float32');
    const stale = quantizedBy(mini, { ...wholly(mini), backbone: '0'.repeat(64) });
    expect(await precisionOf(stale, 'auto')).toBe('float32');
  });

  it('is refused where the calibration was made for other weights, but float32 runs', async () => {
    const stale = quantizedBy(mini, { ...wholly(mini), backbone: '0'.repeat(64) });
    await expect(createNetwork(stale, 'auto', [], { precision: 'int8' })).rejects.toMatchObject({
      code: ExitCode.badData,
      message: expect.stringMatching(/other weights/),
    });
    await (await createNetwork(stale, 'auto', [])).close();
  });
});

describe('a manifest', () => {
  const parsed = (part: object) => {
    const { convolutions: _, ...rest } = wholly(mini);
    return quantizationSchema.parse({ ...rest, ...part });
  };

  it.each([
    ['a layer that it has not', ['backbone.77.pointwise'], /no pointwise convolution backbone\.77/],
    ['one that is not pointwise', ['backbone.3.depthwise'], /no pointwise convolution backbone\.3\.depth/],
  ])('with %s in int8 is refused', (_, convolutions, message) => {
    const { manifest } = quantizedBy(mini, parsed({ convolutions }));
    expect(() => checkReferences(manifest, 'model.json')).toThrow(message);
  });

  it.each([
    ['some', { 'backbone.2.pointwise': 4, 'backbone.3.depthwise': 5 }],
    ['none', { 'backbone.0': 4, 'backbone.1.depthwise': 5 }],
  ])('with ranges, %s of pointwise convolutions, can be read again where it was written', (_, ranges) => {
    const quantization = parsed({ ranges });
    expect(quantizationSchema.parse(JSON.parse(JSON.stringify(quantization)))).toEqual(quantization);
  });

  it('of a version with ranges is taken: of its convolutions those that are pointwise', async () => {
    const ranges = { 'backbone.2.pointwise': 4, 'backbone.3.depthwise': 5, 'backbone.3.pointwise': 6 };
    const quantization = parsed({ ranges });
    expect(quantization.convolutions).toEqual(['backbone.2.pointwise', 'backbone.3.pointwise']);
    const bundle = quantizedBy(mini, quantization);
    expect(() => checkReferences(bundle.manifest, 'model.json')).not.toThrow();
    if (lacksOnnx) return;
    const network = await createNetwork(bundle, 'onnxruntime', [], { precision: 'int8' });
    expect(network.precision).toBe('int8');
    await network.close();
  });
});
