import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { type Bundle, type Manifest, readBundle } from '../../src/model/bundle.js';
import { withHeadOf, withHeads } from '../../src/model/combine.js';
import { backboneFingerprint } from '../../src/model/fingerprint.js';
import { denseScores, headsBehind } from '../../src/model/head.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { mappingOnly } from '../support/bundles.js';

let mini: Bundle;
/** The same backbone with another head. */
let custom: Bundle;
beforeAll(async () => {
  mini = mappingOnly(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
  const { manifest } = mini;
  const head: Manifest['heads'][string] = {
    type: 'dense',
    labels: ['coin', 'jump'],
    layers: [{ units: 2, activation: 'softmax' }],
  };
  custom = {
    manifest: {
      ...manifest,
      name: 'game',
      heads: { ...manifest.heads, custom: head },
      defaultHead: 'custom',
    },
    tensors: new Map([
      ...mini.tensors,
      ['heads.custom.0.kernel', { shape: [1024, 2], data: new Float32Array(2048) }],
      ['heads.custom.0.bias', { shape: [2], data: Float32Array.of(0, Math.log(3)) }],
    ]),
  };
});

const change = (bundle: Bundle, manifest: Partial<Manifest>): Bundle => ({
  ...bundle,
  manifest: { ...bundle.manifest, ...manifest },
});

describe('a head of another bundle', () => {
  it('is put on the same backbone, becomes the default and leaves the bundle as it was', () => {
    const { manifest, tensors } = withHeadOf(mini, custom);
    expect(manifest.name).toBe('bathnet-mini');
    expect(manifest.defaultHead).toBe('custom');
    expect(Object.keys(manifest.heads)).toEqual([...Object.keys(mini.manifest.heads), 'custom']);
    expect(tensors.get('heads.custom.0.bias')).toEqual(custom.tensors.get('heads.custom.0.bias'));
    expect(mini.manifest.heads.custom).toBeUndefined();
    expect(mini.tensors.has('heads.custom.0.bias')).toBe(false);
  });

  it('replaces a head of the same name, whatever its layers', () => {
    const heads = {
      custom: { ...custom.manifest.heads.custom, labels: ['a', 'b'] } as Manifest['heads'][string],
    };
    const before = {
      manifest: { ...mini.manifest, heads: { ...mini.manifest.heads, ...heads } },
      tensors: new Map([...mini.tensors, ['heads.custom.1.bias', { shape: [9], data: new Float32Array(9) }]]),
    };
    const { manifest, tensors } = withHeadOf(before, custom);
    expect(manifest.heads.custom?.labels).toEqual(['coin', 'jump']);
    expect(tensors.has('heads.custom.1.bias')).toBe(false);
  });

  it.each<[string, () => Bundle, RegExp]>([
    [
      'for embeddings of another size',
      () => change(custom, { embeddingSize: 512 }),
      /embeddingSize is 512.*1024/,
    ],
    [
      'for another front end',
      () => change(custom, { frontEnd: 'librosa-db-mel' }),
      /frontEnd is librosa-db-mel/,
    ],
    [
      'of a backbone with other weights',
      () => {
        const { shape, data } = mini.tensors.get('backbone.3.pointwise.bias') as {
          shape: number[];
          data: Float32Array;
        };
        const moved = data.map((x, i) => (i === 0 ? x + 1e-3 : x));
        return {
          ...custom,
          tensors: new Map([...custom.tensors, ['backbone.3.pointwise.bias', { shape, data: moved }]]),
        };
      },
      /other layers or weights/,
    ],
    [
      'of a backbone with other layers',
      () =>
        change(custom, {
          backbone: mini.manifest.backbone.map((layer, i) => (i === 2 ? { ...layer, stride: 1 } : layer)),
        }),
      /other layers or weights/,
    ],
    [
      'that maps another head',
      () => change(custom, { defaultHead: 'bathnet' }),
      /maps the scores of another head/,
    ],
  ])('is refused when it is one %s', (_, other, reason) => {
    try {
      withHeadOf(mini, other());
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      expect(error).toMatchObject({ code: 64, message: expect.stringMatching(reason) });
      return;
    }
    throw new Error('it was not refused');
  });
});

describe('a blend of another bundle', () => {
  const labels = ['background', 'water', 'speech', 'abnormal'];
  /** Blends the mapping, under a name of its own, and a head with weights. */
  const blending = (): Bundle => {
    const { bathnet } = mini.manifest.heads;
    const heads: Manifest['heads'] = {
      ...mini.manifest.heads,
      mapping: bathnet!,
      own: { type: 'dense', labels, layers: [{ units: 4, activation: 'softmax' }] },
      blend: {
        type: 'blend',
        labels,
        parts: [
          { head: 'mapping', weight: 1 },
          { head: 'own', weight: 0.5 },
        ],
        bias: [0, 0, 0, 0],
      },
    };
    return {
      manifest: { ...mini.manifest, name: 'blending', heads, defaultHead: 'blend' },
      tensors: new Map([
        ...mini.tensors,
        ['heads.own.0.kernel', { shape: [1024, 4], data: new Float32Array(4096) }],
        ['heads.own.0.bias', { shape: [4], data: Float32Array.of(1, 2, 3, 4) }],
      ]),
    };
  };

  it('is made of heads, those first that others are made of', () => {
    expect(headsBehind(blending().manifest, 'blend')).toEqual(['audioset', 'mapping', 'own', 'blend']);
  });

  it('brings its parts, and maps the scores of this bundle', () => {
    const { manifest, tensors } = withHeadOf(mini, blending());
    expect(manifest.defaultHead).toBe('blend');
    expect(Object.keys(manifest.heads).sort()).toEqual(['audioset', 'bathnet', 'blend', 'mapping', 'own']);
    expect(tensors.get('heads.own.0.bias')?.data).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(tensors.get('heads.audioset.0.bias')).toBe(mini.tensors.get('heads.audioset.0.bias'));
  });

  it('is refused where this bundle has not the classes that a part maps', () => {
    const { audioset, ...heads } = custom.manifest.heads;
    const { bathnet: _, ...without } = heads;
    expect(() => withHeadOf(change(custom, { heads: without }), blending())).toThrow(
      /its part "mapping" maps head "audioset", which the model has not/,
    );
    const renamed = { ...audioset!, labels: audioset!.labels.map((label) => `${label}!`) };
    expect(() =>
      withHeadOf(change(custom, { heads: { ...without, audioset: renamed } }), blending()),
    ).toThrow(/with the same labels/);
  });

  it('goes when a part is replaced, because it would become another one', () => {
    const { heads } = blending().manifest;
    const replaced = withHeads({ heads }, { own: custom.manifest.heads.custom! });
    expect(Object.keys(replaced)).toEqual(['bathnet', 'audioset', 'mapping', 'own']);
    expect(replaced.own?.labels).toEqual(['coin', 'jump']);
    const all = withHeads({ heads }, { game: custom.manifest.heads.custom! });
    expect(Object.keys(all)).toEqual([...Object.keys(heads), 'game']);
  });
});

describe('the fingerprint of a backbone', () => {
  it('does not depend on heads, names or the order of tensors', () => {
    const reversed = { ...custom, tensors: new Map([...custom.tensors].reverse()) };
    expect(backboneFingerprint(reversed)).toBe(backboneFingerprint(mini));
  });
});

describe('scores of embeddings that are there already', () => {
  it('are softmax(x·kernel + bias), row by row', () => {
    const scores = denseScores(custom, 'custom', new Float32Array(2 * 1024).fill(7));
    expect([...scores]).toEqual([0.25, 0.75, 0.25, 0.75].map((score) => expect.closeTo(score, 6)));
  });

  it('stay finite for huge values', () => {
    const kernel = {
      shape: [1024, 2],
      data: Float32Array.from({ length: 2048 }, (_, i) => (i % 2 ? 100 : -100)),
    };
    const steep = { ...custom, tensors: new Map([...custom.tensors, ['heads.custom.0.kernel', kernel]]) };
    expect([...denseScores(steep, 'custom', new Float32Array(1024).fill(50))]).toEqual([0, 1]);
  });
});
