import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Manifest, readBundle } from '../../../src/model/bundle.js';
import { yamnetHeads } from '../../../src/model/import/yamnet-heads.js';
import { type Tensor, writeSafetensors } from '../../../src/model/safetensors.js';
import { SHIPPED_MODELS } from '../../../src/model/shelf.js';

/** YAMNet's layers: https://github.com/tensorflow/models/tree/master/research/audioset/yamnet */
const YAMNET = [32, 64, 128, 128, 256, 256, ...Array<number>(6).fill(512), 1024, 1024].map(
  (filters, i): Manifest['backbone'][number] => ({
    type: i === 0 ? 'conv' : 'separable',
    kernel: 3,
    stride: [0, 2, 4, 6, 12].includes(i) ? 2 : 1,
    filters,
  }),
);
const HALF = YAMNET.map((layer) => ({ ...layer, filters: layer.filters / 2 }));

const labels = ['background', 'water', 'speech', 'abnormal'];
const mapping = { type: 'map', labels, from: 'audioset', rest: 'background', classes: { water: ['Water'] } };
const trained = { type: 'dense', labels, layers: [{ units: 4, activation: 'softmax' }] };
const bathnet = {
  type: 'blend',
  labels,
  parts: ['mapping', 'trained'].map((head) => ({ head, weight: 0.5 })),
  bias: [0, 0, 0, 0],
  alarm: { labels: ['abnormal'], threshold: 0.7 },
};
const heads = { bathnet, mapping, trained };
const tensors = (): Map<string, Tensor> =>
  new Map([
    ['heads.trained.0.kernel', { shape: [1024, 4], data: new Float32Array(4096).fill(0.5) }],
    ['heads.trained.0.bias', { shape: [4], data: Float32Array.of(1, 2, 3, 4) }],
  ]);

let models: string;
beforeEach(async () => {
  models = await mkdtemp(join(tmpdir(), 'bathnet-heads-'));
  await symlink(join(SHIPPED_MODELS, 'bathnet-mini'), join(models, 'bathnet-mini'));
  await cp(join(SHIPPED_MODELS, 'audioset-map.json'), join(models, 'audioset-map.json'));
  await mkdir(join(models, 'yamnet'));
});
afterEach(() => rm(models, { recursive: true, force: true }));

async function ship(content: object | string, weights?: Map<string, Tensor>): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(join(models, 'yamnet', 'heads.json'), text);
  if (weights) await writeFile(join(models, 'yamnet', 'heads.safetensors'), writeSafetensors(weights));
}

describe('the heads of a YAMNet', () => {
  it('are those that were trained on its embedding, beside its own', async () => {
    await ship({ heads, defaultHead: 'bathnet', metrics: { accuracy: 0.97 } }, tensors());
    const found = await yamnetHeads(YAMNET, models);
    expect(found.manifest).toEqual({
      heads: { audioset: found.audioset, ...heads },
      defaultHead: 'bathnet',
      metrics: { accuracy: 0.97 },
    });
    expect(found.audioset.labels).toHaveLength(521);
    expect([...found.tensors.keys()]).toEqual([...tensors().keys()]);
    expect(found.tensors.get('heads.trained.0.bias')?.data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('need no file of weights where none has weights of its own', async () => {
    await ship({ heads: { mapping }, defaultHead: 'mapping' });
    const { manifest, tensors } = await yamnetHeads(YAMNET, models);
    expect(Object.keys(manifest.heads)).toEqual(['audioset', 'mapping']);
    expect(tensors.size).toBe(0);
  });

  it('are a mapping alone where its layers are others, because no head was trained on those', async () => {
    await ship({ heads, defaultHead: 'bathnet' }, tensors());
    const { manifest, tensors: none } = await yamnetHeads(HALF, models);
    expect(manifest.heads.bathnet).toMatchObject({ type: 'map', alarm: { labels: ['abnormal'] } });
    expect(Object.keys(manifest.heads)).toEqual(['audioset', 'bathnet']);
    expect(none.size).toBe(0);
  });

  const changed = (key: string, tensor: Tensor) => tensors().set(key, tensor);
  it.each<[string, object | string, Map<string, Tensor> | undefined, number, RegExp]>([
    ['text', 'heads', undefined, 65, /heads\.json is not JSON/],
    ['a key too many', { heads, defaultHead: 'bathnet', x: 1 }, tensors(), 65, /is not heads for YAMNet/],
    ['a default that is none', { heads, defaultHead: 'x' }, tensors(), 65, /defaultHead "x" is none/],
    [
      'the head that comes with the network',
      { heads: { ...heads, audioset: trained }, defaultHead: 'bathnet' },
      tensors(),
      65,
      /its head audioset is that of the network/,
    ],
    [
      'a class that is not AudioSet’s',
      { heads: { mapping: { ...mapping, classes: { water: ['Lava'] } } }, defaultHead: 'mapping' },
      undefined,
      65,
      /heads\.json contradicts itself:\n {2}head mapping: head audioset has no class "Lava"/,
    ],
    ['no weights', { heads, defaultHead: 'bathnet' }, undefined, 66, /heads\.safetensors cannot be read/],
    [
      'weights of another shape',
      { heads, defaultHead: 'bathnet' },
      changed('heads.trained.0.bias', { shape: [3], data: new Float32Array(3) }),
      65,
      /heads\.safetensors: tensor heads\.trained\.0\.bias is \[3\], expected \[4\]/,
    ],
    [
      'weights that are no numbers',
      { heads, defaultHead: 'bathnet' },
      changed('heads.trained.0.bias', { shape: [4], data: Float32Array.of(0, 0, 0, Number.NaN) }),
      65,
      /no numbers/,
    ],
    [
      'weights of no head',
      { heads, defaultHead: 'bathnet' },
      changed('heads.other.0.bias', { shape: [1], data: new Float32Array(1) }),
      65,
      /tensor heads\.other\.0\.bias belongs to no head/,
    ],
  ])('are refused with %s', async (_, content, weights, code, message) => {
    await ship(content, weights);
    await expect(yamnetHeads(YAMNET, models)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });
});

describe('the map of AudioSet classes', () => {
  interface Group {
    class: string;
    why: string;
    names: string[];
  }
  const json = (...path: string[]) => JSON.parse(readFileSync(join(SHIPPED_MODELS, ...path), 'utf8'));
  const { groups, rest, labels } = json('audioset-map.json') as {
    groups: Group[];
    rest: string;
    labels: string[];
  };
  let classes: readonly string[];
  beforeAll(async () => {
    classes = (await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'))).manifest.heads.audioset!.labels;
  });

  it('names classes of AudioSet only, each once, and says why', () => {
    const names = groups.flatMap((group) => group.names);
    expect(names.filter((name) => !classes.includes(name))).toEqual([]);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect([rest, ...groups.map((group) => group.class)].filter((each) => !labels.includes(each))).toEqual(
      [],
    );
    for (const { why } of groups) expect(why.length).toBeGreaterThan(5);
  });

  it.each([
    ['bathnet-mini', 'model.json'],
    ['yamnet', 'heads.json'],
  ])('is what every mapping of %s/%s says', (...path) => {
    const sorted = (pairs: [label: string, names: readonly string[]][]) =>
      pairs.flatMap(([label, names]) => names.map((name) => `${name} → ${label}`)).sort();
    const maps = Object.values((json(...path) as Manifest).heads).filter((head) => head.type === 'map');
    expect(maps.length).toBeGreaterThan(0);
    for (const map of maps) {
      expect(map).toMatchObject({ from: 'audioset', rest, labels });
      expect(sorted(Object.entries(map.classes))).toEqual(
        sorted(groups.map((group) => [group.class, group.names])),
      );
    }
  });
});
