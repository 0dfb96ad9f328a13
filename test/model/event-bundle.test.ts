import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ExitCode } from '../../src/errors.js';
import { type Bundle, readBundle, writeBundle } from '../../src/model/bundle.js';
import { withHeadOf } from '../../src/model/combine.js';
import type { EventManifest } from '../../src/model/event-manifest.js';
import { exportModel } from '../../src/model/export/export.js';
import { checkReferences, manifestSchema } from '../../src/model/manifest.js';
import { readSafetensors } from '../../src/model/safetensors.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { verifyOutputs } from '../../src/model/verify.js';
import { mappingOnly } from '../support/bundles.js';
import { EVENT, withEventHead } from '../support/event-head.js';

let plain: Bundle;
let bundle: Bundle;
beforeAll(async () => {
  plain = mappingOnly(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
  bundle = withEventHead(plain);
});

/** The event head with one thing changed. */
const changed = (change: (event: EventManifest) => void): EventManifest => {
  const event = structuredClone(EVENT);
  change(event);
  return event;
};
const isEvent = (name: string) => name.startsWith('event.');

describe('a bundle with an event head', () => {
  it('comes back as it was written', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'bathnet-event-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    await writeBundle(join(dir, 'm'), bundle.manifest, bundle.tensors);
    const { manifest, tensors } = await readBundle(join(dir, 'm'));
    expect(manifest.event).toEqual(EVENT);
    for (const [name, tensor] of bundle.tensors) if (isEvent(name)) expect(tensors.get(name)).toEqual(tensor);
  });

  it.each<[string, (event: EventManifest) => void, RegExp]>([
    ['a key too many', (e) => Object.assign(e, { hop: 7680 }), /Unrecognized key/],
    ['a number that is none', (e) => Object.assign(e.levels, { scaleDb: Number.NaN }), /scaleDb/],
    ['no memory', (e) => Object.assign(e, { windows: 0 }), /windows/],
    ['a leak that grows', (e) => Object.assign(e.alarm.sensitivities.low, { leak: 1.1 }), /leak/],
    ['no line', (e) => Object.assign(e.alarm.sensitivities.high.lines, { scream: 0 }), /lines/],
    ['a sensitivity too few', (e) => Reflect.deleteProperty(e.alarm.sensitivities, 'low'), /low/],
    ['a kind that is no name', (e) => e.kinds.splice(2, 1, 'A door'), /kinds/],
  ])('is refused with %s', (_, change, message) => {
    const result = manifestSchema.safeParse({ ...bundle.manifest, event: changed(change) });
    expect(result.error?.message).toMatch(message);
  });

  it.each<[string, (event: EventManifest) => void, RegExp]>([
    ['a kind twice', (e) => e.kinds.splice(2, 1, 'scream'), /event has a kind twice/],
    ['a kind too many', (e) => e.kinds.push('dog'), /event: 3 outputs, 4 kinds/],
    ['probabilities', (e) => Object.assign(e.layers[1]!, { activation: 'sigmoid' }), /is not linear/],
    ['more levels than sound', (e) => Object.assign(e.levels, { blocks: 34 }), /34 blocks .* span, 54000/],
    ['too long a floor', (e) => Object.assign(e.levels, { floorBlocks: 34 }), /takes 34 of 33 blocks/],
    ['alarm kinds elsewhere', (e) => e.kinds.reverse(), /do not begin with those that alarm, impact, scream/],
    [
      'offsets of other kinds',
      (e) => Object.assign(e.alarm.sensitivities.low, { offsets: { impact: 0 } }),
      /sensitivity low has offsets for impact, not for impact, scream/,
    ],
  ])('is refused with %s', (_, change, message) => {
    const refuse = () => checkReferences({ ...bundle.manifest, event: changed(change) }, 'model.json');
    expect(refuse).toThrow(expect.objectContaining({ code: ExitCode.badData }));
    expect(refuse).toThrow(message);
  });

  it('is refused where a tensor of it is missing or has another size', async () => {
    const wider = { ...bundle.manifest, event: changed((e) => Object.assign(e.window[0]!, { units: 7 })) };
    const without = new Map([...bundle.tensors].filter(([name]) => !isEvent(name)));
    const folder = join(tmpdir(), 'never-written');
    await expect(writeBundle(folder, wider, bundle.tensors)).rejects.toThrow(
      /event\.window\.0\.kernel is \[1024,5\], expected \[1024,7\]/,
    );
    await expect(writeBundle(folder, bundle.manifest, without)).rejects.toThrow(/event\.window\.0\.kernel/);
  });

  it('is verified with it', async () => {
    const mel = new Float32Array(96 * 64).map((_, i) => Math.sin(i));
    await expect(verifyOutputs(bundle, mel)).resolves.toMatch(/onnxruntime|tfjs/);
    const { shape } = bundle.tensors.get('event.layers.1.bias')!;
    const huge = { shape, data: new Float32Array(shape[0]!).fill(Number.POSITIVE_INFINITY) };
    const broken = { ...bundle, tensors: new Map([...bundle.tensors, ['event.layers.1.bias', huge]]) };
    await expect(verifyOutputs(broken, mel)).rejects.toThrow(/its event head has the value Infinity/);
  });

  it('keeps it under a head of another bundle with the same backbone', () => {
    const custom = { ...plain, manifest: { ...plain.manifest, heads: { ...plain.manifest.heads } } };
    custom.manifest.defaultHead = 'audioset';
    const { manifest, tensors } = withHeadOf(bundle, custom);
    expect(manifest.event).toEqual(EVENT);
    expect([...tensors.keys()].filter(isEvent)).toEqual([...bundle.tensors.keys()].filter(isEvent));
  });

  it('is exported without it, and says so', async () => {
    const { bytes, description } = await exportModel(bundle, 'safetensors');
    expect(description).toMatch(/head bathnet without its event head;/);
    expect([...readSafetensors(bytes, 'x').keys()].some(isEvent)).toBe(false);
    expect(Buffer.from(bytes).includes('"event"')).toBe(false);
    expect((await exportModel(plain, 'safetensors')).description).not.toMatch(/event/);
  });
});
