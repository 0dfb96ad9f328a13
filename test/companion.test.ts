import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WINDOW_SAMPLES } from '../src/constants.js';
import { computedBy } from '../src/files/cache.js';
import { columnsOf } from '../src/files/ear.js';
import { listenToFiles } from '../src/files/listen.js';
import { scoredWindows } from '../src/files/table.js';
import { Hearing } from '../src/hearing.js';
import { type Bundle, type Manifest, readBundle, writeBundle } from '../src/model/bundle.js';
import { chooseHead } from '../src/model/head.js';
import { readModel, SHIPPED_MODELS } from '../src/model/shelf.js';
import { verifyOutputs } from '../src/model/verify.js';
import { alarmRule } from '../src/pipeline.js';
import type { ScoredWindow } from '../src/types.js';
import { mappingOnly } from './support/bundles.js';
import { writeWav } from './support/sound.js';

const HOP_SAMPLES = 7680;
const FRONT_ENDS = ['yamnet-log-mel', 'librosa-db-mel'] as const;
/** Blows over something quiet, longer than the event head remembers; of 16 bits, as a file has them. */
const sound = Float32Array.from(
  { length: WINDOW_SAMPLES + 16 * HOP_SAMPLES },
  (_, i) => Math.round(Math.sin(i * i * 1e-6) * (i % 50_000 < 3000 ? 16_000 : 300)) / 32_768,
);

let mini: Bundle;
let own: string;
beforeAll(async () => {
  mini = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
  own = mkdtempSync(join(tmpdir(), 'bathnet-companion-'));
});
afterAll(() => rmSync(own, { recursive: true, force: true }));

/** A model as an import makes it: without an event head, with its own way to see sound. */
async function imported(name: string, more: Partial<Manifest>): Promise<Bundle> {
  const { manifest, tensors } = mappingOnly(mini);
  await writeBundle(join(own, name), { ...manifest, name, eventModel: 'bathnet-mini', ...more }, tensors);
  return (await readModel({ name }, [own, SHIPPED_MODELS])).bundle;
}

async function heardBy(bundle: Bundle, windowsAtOnce: number, head?: string): Promise<ScoredWindow[]> {
  const hearing = await Hearing.create(bundle, head);
  const windows = Array.from(
    { length: Math.floor((sound.length - WINDOW_SAMPLES) / HOP_SAMPLES) + 1 },
    (_, i) => ({
      samples: sound.subarray(i * HOP_SAMPLES, i * HOP_SAMPLES + WINDOW_SAMPLES),
      startSample: i * HOP_SAMPLES,
      endAtMs: 0,
    }),
  );
  const heard: ScoredWindow[] = [];
  for (let i = 0; i < windows.length; i += windowsAtOnce) {
    const some = await hearing.hear(windows.slice(i, i + windowsAtOnce));
    heard.push(...some.windows.map(({ scored }) => scored));
  }
  await hearing.close();
  return heard;
}

/** The same without the one that hears beside it. */
function aloneOf({ events: _, ...bundle }: Bundle): Bundle {
  const { event: __, ...manifest } = bundle.manifest;
  return { ...bundle, manifest };
}

const kindsIn = (windows: readonly ScoredWindow[]) => windows.map(({ kinds }) => kinds);

describe('a model that leaves the kinds of events to another one', () => {
  it.each(FRONT_ENDS)('hears them as that one does, also where it sees sound as %s', async (frontEnd) => {
    const alone = await heardBy(mini, 1);
    const beside = await heardBy(await imported(`as-${frontEnd}`, { frontEnd }), 1);
    expect(kindsIn(beside)).toEqual(kindsIn(alone));
    expect(kindsIn(beside)[3]).toHaveProperty('impact');
    if (frontEnd === 'librosa-db-mel') expect(beside[3]?.scores).not.toEqual(alone[3]?.scores);
  });

  it('decides the same classes with it as with itself, half and half, and others alone', async () => {
    const { event: _, quantization: __, ...manifest } = mini.manifest;
    const tensors = new Map([...mini.tensors].filter(([name]) => !name.startsWith('event.')));
    const bias = mini.tensors.get('heads.trained.1.bias')!;
    tensors.set('heads.trained.1.bias', { ...bias, data: bias.data.map((value, i) => value + i) });
    await writeBundle(
      join(own, 'other'),
      { ...manifest, name: 'other', eventModel: 'bathnet-mini' },
      tensors,
    );
    const { bundle } = await readModel({ name: 'other' }, [own, SHIPPED_MODELS]);
    const scoresOf = async (of: Bundle, head?: string) => (await heardBy(of, 4, head))[3]!.scores;
    const [both, first, second] = [
      await scoresOf(bundle),
      await scoresOf(aloneOf(bundle)),
      await scoresOf(mini),
    ];
    expect(first).not.toEqual(second);
    for (const [label, score] of Object.entries(both))
      expect(score).toBeCloseTo((first[label]! + second[label]!) / 2, 6);
    expect(await scoresOf(bundle, 'trained')).toEqual(await scoresOf(aloneOf(bundle), 'trained'));
    // Asked for by name where another one is the default, the same head says something else: a cache keeps that apart.
    const asked = { ...bundle, manifest: { ...bundle.manifest, defaultHead: 'trained' } };
    expect(await scoresOf(asked, 'bathnet')).toEqual(first);
    const keyOf = (of: Bundle) =>
      computedBy({ bundle: of, head: 'bathnet', wanted: 'scores', hopSamples: HOP_SAMPLES });
    expect(keyOf(asked)).not.toBe(keyOf(bundle));
    const { heads } = manifest;
    const renamed = { ...heads, bathnet: { ...heads.bathnet!, labels: ['a', 'b', 'c', 'd'] } };
    const others = { ...bundle, manifest: { ...bundle.manifest, heads: renamed } } as Bundle;
    expect(Object.values(await scoresOf(others))).toEqual(Object.values(first));
  });

  it('leaves its own decision to one whose head is made otherwise, as BATHNet’s is', async () => {
    const bundle = await imported('mapped', {});
    const [heard, said] = [await heardBy(bundle, 1), await heardBy(aloneOf(bundle), 1)];
    expect(heard.map(({ scores }) => scores)).toEqual(said.map(({ scores }) => scores));
  });

  it('alarms by that one’s rule, at each sensitivity', async () => {
    const bundle = await imported('rule', {});
    const { evidence } = alarmRule(bundle, chooseHead(bundle));
    expect(evidence?.sensitivities).toEqual(mini.manifest.event?.alarm.sensitivities);
  });

  it('hears the same in a file on several threads, and keeps it apart from what others hear', async () => {
    const path = await writeWav(join(own, 'sound.wav'), [sound]);
    const cacheDir = join(own, 'cache');
    const ofFile = async (bundle: Bundle) => {
      const setup = { bundle, wanted: 'scores', hopSamples: HOP_SAMPLES, jobs: 2, cacheDir } as const;
      const listening = listenToFiles([{ path, lays: [{ how: 'as it is' }] }], setup);
      const { value: file } = await listening.next();
      await listening.return();
      if (!file || 'error' in file) throw new Error('not heard');
      return [...scoredWindows(file.lays[0]!.tables, columnsOf(bundle), HOP_SAMPLES)];
    };
    const bundle = await imported('files', { frontEnd: 'librosa-db-mel' });
    const heard = await ofFile(bundle);
    expect(kindsIn(heard)).toEqual(kindsIn(await heardBy(bundle, 4)));
    const tensors = new Map(mini.tensors);
    const bias = mini.tensors.get('event.layers.2.bias')!;
    tensors.set('event.layers.2.bias', { ...bias, data: bias.data.map((value) => value + 1) });
    const louder = await ofFile({ ...bundle, events: { ...mini, tensors } });
    expect(louder[3]?.kinds?.impact).toBeCloseTo((heard[3]?.kinds?.impact ?? 0) + 1, 4);
  });

  it('is verified without it, and refused where there is none, or one without an event head', async () => {
    const bundle = await imported('whole', {});
    expect(await verifyOutputs(bundle, new Float32Array(96 * 64))).toMatch(/./);
    await expect(imported('lonely', { eventModel: 'nowhere' })).rejects.toThrow(/no model "nowhere"/);
    await expect(imported('deaf', { eventModel: 'whole' })).rejects.toThrow(
      /model deaf leaves the kinds of events to model whole .*, which has no event head/,
    );
  });
});
