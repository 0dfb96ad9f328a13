import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExitCode, UserError } from '../../src/errors.js';
import { expectedTensors, type Manifest, readBundle, writeBundle } from '../../src/model/bundle.js';
import { fromFloat16, readSafetensors, type Tensor, writeSafetensors } from '../../src/model/safetensors.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { mappingManifest } from '../support/bundles.js';

let dir: string;
let folder: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bathnet-bundle-'));
  folder = join(dir, 'bathnet-mini');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const part = (head: string) => ({ head, weight: 1 });
/** The shipped bundle's mapping as the only part of a blend, which then differs in one thing. */
const blended =
  (change: Record<string, unknown>) =>
  ({ heads }: Manifest) => {
    const { labels } = heads.bathnet!;
    Object.assign(heads, {
      blend: { type: 'blend', labels, parts: [part('bathnet')], bias: labels.map(() => 0), ...change },
    });
  };

/** The shipped bundle with a mapping as its only other head, and one of its files changed. */
async function damaged(change: {
  manifest?: (manifest: Manifest) => void;
  weights?: (bytes: Buffer) => Uint8Array;
}): Promise<string> {
  await cp(join(SHIPPED_MODELS, 'bathnet-mini'), folder, { recursive: true });
  const manifestPath = join(folder, 'model.json');
  const manifest = mappingManifest(JSON.parse(await readFile(manifestPath, 'utf8')));
  change.manifest?.(manifest);
  await writeFile(manifestPath, JSON.stringify(manifest));
  const weightsPath = join(folder, 'weights.safetensors');
  if (change.weights) await writeFile(weightsPath, change.weights(await readFile(weightsPath)));
  return folder;
}

async function errorOf(promise: Promise<unknown>): Promise<UserError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe('a bundle', () => {
  it('is read whole: the shipped one has every tensor that its manifest describes', async () => {
    const { manifest, tensors } = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
    for (const [name, shape] of expectedTensors(manifest)) expect(tensors.get(name)?.shape).toEqual(shape);
  });

  it('is refused when a bit of its weights has changed', async () => {
    const path = await damaged({
      weights: (bytes) => {
        bytes[bytes.length - 5]! ^= 1;
        return bytes;
      },
    });
    const error = await errorOf(readBundle(path));
    expect(error).toMatchObject({ code: ExitCode.badData });
    expect(error.message).toMatch(/weights\.safetensors: SHA-256 is/);
  });

  it('is refused when its weights are truncated', async () => {
    const error = await errorOf(
      readBundle(await damaged({ weights: (bytes) => bytes.subarray(0, 100_000) })),
    );
    expect(error.message).toMatch(/100000 bytes, model\.json says/);
  });

  it('is refused when a file is missing', async () => {
    await damaged({});
    await rm(join(folder, 'weights.safetensors'));
    expect(await errorOf(readBundle(folder))).toMatchObject({ code: ExitCode.noInput });
  });

  it.each<[string, (manifest: Manifest) => void, RegExp]>([
    ['an unknown key', (m) => Object.assign(m, { script: 'x' }), /Unrecognized key.*script/],
    ['another format', (m) => Object.assign(m, { format: 2 }), /format/],
    [
      'a layer that is not in the weights',
      (m) => m.backbone.push(...m.backbone.slice(-1)),
      /backbone\.14\.depthwise\.kernel \[3,3,1024,1\] is missing/,
    ],
    [
      'another width',
      (m) => Object.assign(m.backbone[3]!, { filters: 65 }),
      /backbone\.3\.pointwise\.kernel is \[1,1,(\d+),\d+\], expected \[1,1,\1,65\]/,
    ],
    [
      'a default head it has not',
      (m) => Object.assign(m, { defaultHead: 'x' }),
      /defaultHead "x" is none of its heads/,
    ],
    [
      'a default head of a name that every object has',
      (m) => Object.assign(m, { defaultHead: 'constructor' }),
      /defaultHead "constructor" is none of its heads/,
    ],
    [
      'an alarm label it has not',
      (m) => m.heads.bathnet!.alarm!.labels.push('fire'),
      /alarm label "fire" is none of its labels/,
    ],
    ['too few labels', (m) => m.heads.audioset!.labels.pop(), /521 outputs, 520 labels/],
    [
      'a mapping of a class that is not there',
      (m) => (m.heads.bathnet as { classes: Record<string, string[]> }).classes.water!.push('Lava'),
      /has no class "Lava"/,
    ],
    ['a blend of a head that is not there', blended({ parts: [part('x')] }), /blends "x", which is none/],
    [
      'a blend of a name that every object has',
      blended({ parts: [part('constructor')] }),
      /blends "constructor", which is none/,
    ],
    [
      'a blend of other labels',
      blended({ parts: [part('bathnet'), part('audioset')] }),
      /head blend: head audioset has the labels Speech, .*, …, not background, water, speech, abnormal/,
    ],
    [
      'a blend of the same labels in another order',
      blended({ labels: ['water', 'background', 'speech', 'abnormal'] }),
      /head bathnet has the labels background, water, .* not water, background/,
    ],
    ['a blend of itself', blended({ parts: [part('blend')] }), /blends "blend", which is a blend itself/],
    [
      'a blend of the same head twice',
      blended({ parts: [part('bathnet'), part('bathnet')] }),
      /blends a head twice/,
    ],
    ['a blend of nothing', blended({ parts: [] }), /parts/],
    ['too few biases', blended({ bias: [0, 0, 0] }), /3 biases, 4 labels/],
    ['a bias that is no number', blended({ bias: [0, 0, 0, Number.NaN] }), /bias/],
  ])('is refused with %s', async (_, change, message) => {
    const error = await errorOf(readBundle(await damaged({ manifest: change })));
    expect(error.code).toBe(ExitCode.badData);
    expect(error.message).toMatch(message);
  });

  it('may have a blend of its heads', async () => {
    const { manifest } = await readBundle(await damaged({ manifest: blended({}) }));
    expect(manifest.heads.blend).toMatchObject({ type: 'blend', parts: [{ head: 'bathnet', weight: 1 }] });
  });

  it('comes back as it was written', async () => {
    const source = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
    const written = await writeBundle(folder, source.manifest, source.tensors);
    const back = await readBundle(folder);
    expect(back.manifest).toEqual(written);
    expect([...back.tensors.keys()]).toEqual([...source.tensors.keys()]);
    for (const [name, { shape, data }] of source.tensors) {
      const tensor = back.tensors.get(name)!;
      expect(tensor.shape).toEqual(shape);
      expect(
        Buffer.from(data.buffer, data.byteOffset, data.byteLength).compare(
          Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
        ),
      ).toBe(0);
    }
  });

  it('is not overwritten, and a failed write leaves nothing behind', async () => {
    const source = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
    await writeBundle(folder, source.manifest, source.tensors);
    const before = await readFile(join(folder, 'model.json'));
    const error = await errorOf(writeBundle(folder, { ...source.manifest, version: '9' }, source.tensors));
    expect(error).toMatchObject({ code: ExitCode.cannotCreate });
    expect(await readdir(dir)).toEqual(['bathnet-mini']);
    expect(await readFile(join(folder, 'model.json'))).toEqual(before);
  });
});

describe('a safetensors file', () => {
  const tensor: Tensor = { shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) };
  const file = writeSafetensors(new Map([['a', tensor]]));
  /** The same data behind another header. */
  const withHeader = (header: unknown, claimedBytes?: number) => {
    const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
    const bytes = new Uint8Array(8 + json.length + 16);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(claimedBytes ?? json.length), true);
    bytes.set(json, 8);
    return bytes;
  };

  it('comes back as it was written', () => {
    expect(readSafetensors(file, 'x').get('a')).toEqual(tensor);
  });

  it.each<[string, Uint8Array]>([
    ['nothing in it', new Uint8Array(0)],
    ['a header larger than itself', withHeader({}, 2 ** 40)],
    ['a header that is not JSON', withHeader('{"a"')],
    ['a header that is no object', withHeader('null')],
    ['a tensor of an unknown type', withHeader({ a: { dtype: 'I64', shape: [2], data_offsets: [0, 16] } })],
    ['a tensor beyond its end', withHeader({ a: { dtype: 'F32', shape: [8], data_offsets: [0, 32] } })],
    [
      'a tensor whose shape does not fit',
      withHeader({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 16] } }),
    ],
    [
      'a tensor with a negative extent',
      withHeader({ a: { dtype: 'F32', shape: [-4], data_offsets: [0, 16] } }),
    ],
    ['a tensor without offsets', withHeader({ a: { dtype: 'F32', shape: [4] } })],
    ['null for a tensor', withHeader({ a: null })],
  ])('is refused with %s', (_, bytes) => {
    expect(() => readSafetensors(bytes, 'x')).toThrow(UserError);
  });

  it('turns half precision into single exactly', () => {
    const halves = new Uint16Array([
      0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555, 0x7c00, 0x7e00,
    ]);
    expect([...fromFloat16(halves)]).toEqual([
      0,
      -0,
      1,
      -2,
      65_504,
      2 ** -24,
      2 ** -14,
      0.333251953125,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
  });
});
