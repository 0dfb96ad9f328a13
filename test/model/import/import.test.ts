import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExitCode } from '../../../src/errors.js';
import { createLibrosaMel } from '../../../src/features/librosa-mel.js';
import { type Draft, type Manifest, readBundle, writeBundle } from '../../../src/model/bundle.js';
import { createNetwork } from '../../../src/model/engines/create-network.js';
import { importTflite } from '../../../src/model/import/import.js';
import type { Network } from '../../../src/model/network.js';
import { SHIPPED_MODELS } from '../../../src/model/shelf.js';
import { maxDifference, readFloats, readWindow, relativeL2, SYNTHETIC } from '../../support/golden.js';
import { sharedFolder } from '../../support/require.js';
import { type SmallOptions, smallNetwork } from '../../support/tflite-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bathnet-import-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: Uint8Array | SmallOptions): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content instanceof Uint8Array ? content : smallNetwork(content));
  return path;
}

/** As the command does: written and read back. */
async function stored({ manifest, tensors }: Draft) {
  const path = join(folder, `${manifest.name}-${manifest.version}`);
  await writeBundle(path, manifest, tensors);
  return readBundle(path);
}

describe('importTflite of one network with four outputs', () => {
  it('gives a whole bundle in BATHNet’s manner', async () => {
    const { manifest, tensors } = await stored(await importTflite([await file('a.tflite', {})], 'small'));
    expect(manifest).toMatchObject({
      name: 'small',
      frontEnd: 'librosa-db-mel',
      backbone: [
        { type: 'conv', kernel: 3, stride: 2, filters: 4 },
        { type: 'separable', kernel: 3, stride: 2, filters: 8 },
      ],
      embeddingSize: 8,
      heads: {
        bathnet: {
          labels: ['background', 'water', 'speech', 'abnormal'],
          layers: [{ units: 4, activation: 'softmax' }],
          alarm: { labels: ['abnormal'] },
        },
      },
      defaultHead: 'bathnet',
    });
    expect(manifest.source).toMatch(/^a\.tflite \(SHA-256 [0-9a-f]{64}\)$/);
    // TFLite stores [filters, 1, 1, channels] as i·37 mod 255 − 127, scaled by filter + 1.
    const pointwise = tensors.get('backbone.1.pointwise.kernel');
    expect(pointwise?.shape).toEqual([1, 1, 4, 8]);
    expect(pointwise?.data[2 * 8 + 5]).toBe(6 * ((((5 * 4 + 2) * 37) % 255) - 127));
    // [units, inputs], scale 0.125, zero point 3.
    expect(tensors.get('heads.bathnet.0.kernel')?.data[7 * 4 + 1]).toBe(
      0.125 * (((15 * 37) % 255) - 127 - 3),
    );
  });
});

describe('importTflite of a backbone and an AudioSet layer', () => {
  it('takes each from its file, labels and map from what is shipped', async () => {
    const files = [
      await file('b.tflite', {}),
      await file('c.tflite', {
        units: 521,
        bandsFirst: false,
        // the same backbone, quantised otherwise
        change: (tensors) => Object.assign(tensors[9] ?? {}, { scales: [9] }),
      }),
    ];
    const { manifest, tensors } = await stored(await importTflite(files, 'full'));
    const { audioset, bathnet } = manifest.heads;
    expect(manifest).toMatchObject({ frontEnd: 'yamnet-log-mel', defaultHead: 'bathnet' });
    expect(audioset).toMatchObject({ type: 'dense', layers: [{ units: 521, activation: 'sigmoid' }] });
    expect(audioset?.labels.slice(0, 2)).toEqual(['Speech', 'Child speech, kid speaking']);
    expect(bathnet).toMatchObject({ type: 'map', from: 'audioset', alarm: { labels: ['abnormal'] } });
    expect(manifest.source).toMatch(/^b\.tflite .*, c\.tflite /);
    expect(tensors.get('backbone.1.pointwise.kernel')?.data[0]).toBe(-127);
    expect(tensors.get('heads.audioset.0.kernel')?.shape).toEqual([8, 521]);
  });

  it('refuses a layer that belongs to another backbone', async () => {
    const first = await file('d.tflite', {});
    const other = await file('e.tflite', { units: 521, bandsFirst: false, bias: 0.5 });
    await expect(importTflite([first, other], 'x')).rejects.toThrow(/trained apart/);
  });

  it('refuses a second file without the AudioSet layer', async () => {
    const files = [await file('f.tflite', {}), await file('g.tflite', {})];
    await expect(importTflite(files, 'x')).rejects.toThrow(/ends in 4 softmax, expected YAMNet.*521 sigmoid/);
  });
});

describe('importTflite refuses with one error that says what was expected and found', () => {
  it.each<[string, Uint8Array | SmallOptions, RegExp]>([
    ['a file that is no TFLite', new TextEncoder().encode('RIFF....WAVE'), /not a TensorFlow Lite file/],
    ['seven outputs', { units: 7 }, /ends in 7 softmax, expected .*521 sigmoid.*4 softmax/],
    [
      'a patch of another shape',
      { change: (t) => Object.assign(t[2] ?? {}, { shape: [1, 224, 224, 1] }) },
      /sees \[1,224,224,1\], expected frames × bands \[1,96,64,1\]/,
    ],
    [
      'another activation',
      { change: (_, o) => Object.assign(o[1] ?? {}, { bytes: { 3: 3 } }) },
      /activation 3; expected relu/,
    ],
    [
      'padding “valid”',
      { change: (_, o) => Object.assign(o[3] ?? {}, { bytes: { 0: 1, 3: 1 } }) },
      /padding valid.*expected padding same/,
    ],
    [
      'an operator between the convolutions',
      { change: (_, o) => Object.assign(o[3] ?? {}, { op: 17 }) },
      /MAX_POOL_2D where CONV_2D was expected/,
    ],
    [
      'another mean',
      { change: (t) => Object.assign(t[12] ?? {}, { data: Int32Array.of(1, 3) }) },
      /expected the MEAN over the plane/,
    ],
    [
      'a kernel for other channels',
      { change: (t) => Object.assign(t[9] ?? {}, { shape: [8, 1, 2, 2] }) },
      /kernel \[8,1,2,2\], expected square ones over 4 channels/,
    ],
    [
      'weights of an unsupported type',
      { change: (t) => Object.assign(t[3] ?? {}, { type: 'int64' }) },
      /type 4, not float32/,
    ],
    [
      'a graph that branches',
      { change: (_, o) => o.push({ op: 25, inputs: [8], outputs: [17] }) },
      /branches after DEPTHWISE_CONV_2D/,
    ],
    ['no dense layer', { change: (_, o) => o.splice(5) }, /no dense layer/],
  ])('%s', async (_, content, message) => {
    const path = await file('wrong.tflite', content);
    const refusal = importTflite([path], 'x');
    await expect(refusal).rejects.toThrow(message);
    await expect(refusal).rejects.toMatchObject({ name: 'UserError', code: ExitCode.badData });
    await expect(refusal).rejects.toThrow(path);
  });

  it('a file that is not there, and a folder', async () => {
    for (const path of [join(folder, 'none.tflite'), folder])
      await expect(importTflite([path], 'x')).rejects.toMatchObject({ code: ExitCode.noInput });
  });

  it('a name that is no folder name, no files, and three files', async () => {
    const path = await file('h.tflite', {});
    for (const [files, name] of [
      [[path], '../x'],
      [[path], ''],
      [[], 'x'],
      [[path, path, path], 'x'],
    ] as const)
      await expect(importTflite(files, name)).rejects.toMatchObject({ code: ExitCode.usage });
  });
});

const shared = sharedFolder();
describe.skipIf(shared === undefined)('the imported networks on the reference clips (needs shared)', () => {
  const models = join(shared ?? '', 'models');
  const golden = join(shared ?? '', 'golden');
  interface Clip {
    name: string;
    bathnet_probabilities: Record<string, number>;
    audioset_top3: [string, number][];
  }
  let clips: Clip[];
  let bathnet: Network;
  let yamnet: Network;
  let manifest: Manifest;
  let classes: string[];
  beforeAll(async () => {
    clips = JSON.parse(await readFile(join(golden, 'index.json'), 'utf8'));
    const small = join(models, 'bathnet.tflite');
    const full = await stored(
      await importTflite([small, join(models, 'yamnet-dynamic-range.tflite')], 'yamnet'),
    );
    bathnet = await createNetwork(await stored(await importTflite([small], 'bathnet')), 'tfjs-wasm');
    yamnet = await createNetwork(full, 'tfjs-wasm');
    manifest = full.manifest;
    classes = manifest.heads.audioset?.labels ?? [];
  });
  afterAll(async () => {
    await bathnet?.close();
    await yamnet?.close();
  });

  it('YAMNet has the shipped heads for it', async () => {
    const path = join(SHIPPED_MODELS, 'yamnet', 'heads.json');
    const { heads, defaultHead } = JSON.parse(await readFile(path, 'utf8'));
    expect(manifest.heads).toEqual({ audioset: manifest.heads.audioset, ...heads });
    expect(manifest.defaultHead).toBe(defaultHead);
    expect(manifest).not.toHaveProperty('event');
    expect(manifest.eventModel).toBe('bathnet-mini');
  });

  it('the backbone’s embeddings equal the reference within 1e-3 in relative L2 norm', async () => {
    for (const { name } of clips) {
      const { embedding } = await yamnet.run(readFloats(golden, `${name}.logmel.f32`));
      expect(relativeL2(embedding, readFloats(golden, `${name}.embedding.f32`)), name).toBeLessThan(1e-3);
    }
  });

  // Reference scores come from quantised arithmetic on coarser weights: good for orientation only.
  it('the AudioSet layer has the reference’s clear first class among its first five', async () => {
    for (const { name, audioset_top3 } of clips) {
      const [label, score] = audioset_top3[0] ?? ['', 0];
      if (score < 0.2) continue;
      const scores = (await yamnet.run(readFloats(golden, `${name}.logmel.f32`))).heads.audioset ?? [];
      const found = scores[classes.indexOf(label)] ?? 0;
      expect(Array.from(scores).filter((each) => each > found).length, `${name}: ${label}`).toBeLessThan(5);
    }
  });

  it('BATHNet’s probabilities from sound equal the reference within 0.2', async () => {
    for (const { name, bathnet_probabilities } of clips) {
      const expected = Object.values(bathnet_probabilities);
      expect(maxDifference(await probabilities(name), expected), name).toBeLessThan(0.2);
    }
  });

  it('BATHNet’s top class is the reference’s on recorded clips, but for one tie', async () => {
    for (const { name, bathnet_probabilities } of clips.filter(isRecorded)) {
      const expected = Object.values(bathnet_probabilities);
      const top = topOf(await probabilities(name));
      // The reference was made with quantised arithmetic, which leaves 0.501 : 0.498 between background and
      // singing here; float arithmetic moves either by up to 0.2 and comes down on singing.
      if (name === 'singing-speech_150') expect([0, 2], name).toContain(top);
      else expect(top, name).toBe(topOf(expected));
    }
  });

  async function probabilities(name: string): Promise<Float32Array> {
    const patch = new Float32Array(96 * 64);
    createLibrosaMel().compute(readWindow(golden, name), patch);
    const { heads } = await bathnet.run(patch);
    return heads.bathnet ?? new Float32Array();
  }
});

function isRecorded({ name }: { name: string }): boolean {
  return !(SYNTHETIC as readonly string[]).includes(name);
}

function topOf(scores: ArrayLike<number>): number {
  return Array.from(scores).indexOf(Math.max(...Array.from(scores)));
}
