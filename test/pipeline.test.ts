import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SENSE_OFF } from '../src/alarm/sense.js';
import { decodeFile } from '../src/audio/decode.js';
import { PRECISIONS, WINDOW_SAMPLES } from '../src/constants.js';
import { ExitCode } from '../src/errors.js';
import { type Bundle, readBundle } from '../src/model/bundle.js';
import type { Network } from '../src/model/network.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { Pipeline } from '../src/pipeline.js';
import type { NetworkOutput } from '../src/types.js';
import { SCENE } from './support/daemon.js';
import { GOLDEN, readSamples } from './support/golden.js';
import { lacksPackage } from './support/require.js';
import { collect } from './support/sound.js';

const lacksOnnx = lacksPackage('onnxruntime-node');

let bundle: Bundle;
beforeAll(async () => {
  bundle = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
});

const windowOf = (name: string, startSample = 0) => ({
  samples: readSamples(GOLDEN, name),
  startSample,
  endAtMs: 1000,
});

function all({ embedding, heads }: NetworkOutput, change: (values: Float32Array) => void): void {
  for (const values of [embedding, ...Object.values(heads)]) change(values);
}

describe('the pipeline', () => {
  it('scores a window: label, scores, level, place in the stream, best AudioSet classes', async () => {
    const pipeline = await Pipeline.create(bundle);
    const { scored, event } = await pipeline.process(windowOf('white-noise', 16_000));
    expect(event).toBeUndefined();
    const { label, confidence, scores } = scored;
    expect(scores[label]).toBe(confidence);
    expect(confidence).toBe(Math.max(...Object.values(scores)));
    expect(scored).toMatchObject({
      startSeconds: 1,
      endSeconds: 1 + WINDOW_SAMPLES / 16_000,
      endAtMs: 1000,
    });
    expect(scored.rmsDbfs).toBeCloseTo(-14, 0);
    expect(Object.keys(scores)).toEqual(['background', 'water', 'speech', 'abnormal']);
    const [first, second, third] = scored.audioset.map(([, score]) => score);
    expect([third, second, first]).toEqual([first, second, third].toSorted());
    expect((await pipeline.process(windowOf('silence'))).scored.audioset[0]?.[0]).toBe('Silence');
    await pipeline.close();
  });

  it.each<[string, (output: NetworkOutput) => void]>([
    ['no numbers', (output) => all(output, (values) => values.fill(Number.NaN))],
    ['none of one class', ({ heads }) => heads.audioset!.fill(Number.NaN, 7, 8)],
    // In the event head's sums they are infinite, and their differences none.
    ['numbers beyond all bounds', ({ embedding }) => embedding.fill(3e38)],
  ])('fails where the engine gives %s', async (_, spoil) => {
    const pipeline = await Pipeline.create(bundle);
    const network = Reflect.get(Reflect.get(pipeline, 'hearing'), 'network') as Network;
    const { run } = network;
    const broken = async (mel: Float32Array) => {
      const output = await run(mel);
      spoil(output);
      return output;
    };
    Object.assign(network, { run: broken });
    await expect(pipeline.process(windowOf('silence'))).rejects.toThrow(/engine \S+ gives no numbers/);
    await pipeline.close();
  });

  it.each(PRECISIONS)('fails in %s where the sound is no number', async (precision) => {
    const pipeline = await Pipeline.create(bundle, { precision: lacksOnnx ? 'float32' : precision });
    const { samples, ...place } = windowOf('white-noise');
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken = { ...place, samples: samples.slice().fill(value, 7000, 7001) };
      await expect(pipeline.process(broken)).rejects.toThrow(/engine \S+ gives no numbers/);
    }
    await pipeline.close();
  });

  it('takes the default rule, under the bundle’s, under the configuration’s', async () => {
    const head = bundle.manifest.heads.bathnet!;
    const calibrated: Bundle = {
      ...bundle,
      manifest: {
        ...bundle.manifest,
        heads: {
          ...bundle.manifest.heads,
          bathnet: { ...head, alarm: { labels: ['speech'], threshold: 0.8, hits: 3 } },
        },
      },
    };
    const { rule } = await Pipeline.create(calibrated, { alarm: { threshold: 0.5, hits: undefined } });
    expect(rule).toMatchObject({ labels: ['speech'], threshold: 0.5, hits: 3, window: 3, releaseSeconds: 5 });
  });

  it('raises no alarm with a head that lacks the default label', async () => {
    const { model, rule } = await Pipeline.create(bundle, { head: 'audioset' });
    expect(model.labels).toHaveLength(521);
    expect(rule.labels).toEqual([]);
  });

  it('begins a new stream with the rule that was set, and nothing else of the last one', async () => {
    const sense = { ...SENSE_OFF, waterLabels: ['water'] };
    const pipeline = await Pipeline.create(bundle, { sense });
    pipeline.sense.setRule({ threshold: 0.7 });
    const tap = (await collect(decodeFile(SCENE))).subarray(2 * 16_000, 6 * 16_000);
    for (let startSample = 0; startSample + WINDOW_SAMPLES <= tap.length; startSample += 7680) {
      const samples = tap.subarray(startSample, startSample + WINDOW_SAMPLES);
      await pipeline.process({ samples, startSample, endAtMs: 0 });
    }
    expect(pipeline.sense.state).toEqual({ waterRunning: true, speech: false });
    pipeline.reset();
    expect(pipeline.rule).toMatchObject({ threshold: 0.7 });
    expect(pipeline.sense.state).toEqual({ waterRunning: false, speech: false });
    await pipeline.close();
  });

  it.each([
    [{ alarm: { labels: ['fire'] } }, /head "bathnet" of model bathnet-mini has no class fire/],
    [{ alarm: { hits: 4, window: 3 } }, /alarm\.hits is 4, more than alarm\.window, 3/],
  ])('refuses a rule that cannot work: %j', async (options, message) => {
    const error = await Pipeline.create(bundle, options).catch((reason) => reason);
    expect(error).toMatchObject({ code: ExitCode.config, message: expect.stringMatching(message) });
  });
});
