import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { WINDOW_SAMPLES } from '../src/constants.js';
import { type Bundle, readBundle } from '../src/model/bundle.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';
import { Pipeline } from '../src/pipeline.js';
import type { PipelineResult } from '../src/types.js';
import { mappingOnly } from './support/bundles.js';
import { EVENT, sayingAlways } from './support/event-head.js';

let plain: Bundle;
beforeAll(async () => {
  plain = mappingOnly(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
});

const HOP = EVENT.hopSamples;
const SECONDS = 16_000;
const toneAt = (hertz: number) =>
  Float32Array.from({ length: 2 * SECONDS }, (_, i) => 0.3 * Math.sin((2 * Math.PI * hertz * i) / SECONDS));
const crackle = Float32Array.from({ length: 2 * SECONDS }, (_, i) => (i % 331 < 3 ? 0.9 : 0.001));
const beep = toneAt(1000);
const quiet = new Float32Array(2 * SECONDS).map((_, i) => 0.002 * Math.sin(i * i * 1e-3));

interface Said {
  readonly alarms: readonly (string | undefined)[];
  readonly subjects: readonly Float32Array[];
  readonly vetoed: boolean;
}

/** What a fresh stream of these sounds, one after the other, leads to. */
async function hear(pipeline: Pipeline, ...sounds: readonly Float32Array[]): Promise<Said> {
  pipeline.reset();
  const sound = Float32Array.from(sounds.flatMap((each) => [...each]));
  const results: PipelineResult[] = [];
  for (let startSample = 0; startSample + WINDOW_SAMPLES <= sound.length; startSample += HOP) {
    const samples = sound.subarray(startSample, startSample + WINDOW_SAMPLES);
    results.push(await pipeline.process({ samples, startSample, endAtMs: startSample / 16 }));
  }
  return {
    alarms: results.flatMap(({ event }) => (event?.type === 'alarm_started' ? [event.kind] : [])),
    subjects: [...new Set(results.flatMap(({ subjects }) => subjects))],
    vetoed: results.some(({ scored }) => scored.vetoed),
  };
}

describe('not this sound', () => {
  it('raises no alarm when it comes again; another does, and so does this one when it is taken back', async () => {
    const pipeline = await Pipeline.create(sayingAlways(plain, [5, -9, 0]), { alarm: { labels: [] } });
    const first = await hear(pipeline, beep);
    expect(first.alarms).toEqual(['impact']);
    pipeline.veto.set('e1', 'false_alarm', first.subjects);
    expect(await hear(pipeline, beep)).toMatchObject({ alarms: [], vetoed: true });
    expect(await hear(pipeline, crackle)).toMatchObject({ alarms: ['impact'], vetoed: false });
    pipeline.veto.set('e1', 'real_alarm', first.subjects);
    expect(await hear(pipeline, beep)).toMatchObject({ alarms: ['impact'], vetoed: false });
    await pipeline.close();
  });

  it('is the loudest that the event head remembers, not the quiet after it', async () => {
    const pipeline = await Pipeline.create(sayingAlways(plain, [5, -9, 0]), { alarm: { labels: [] } });
    const { subjects } = await hear(pipeline, crackle, quiet);
    const still = await hear(pipeline, quiet);
    pipeline.veto.set('e1', 'false_alarm', subjects);
    expect((await hear(pipeline, crackle, quiet)).alarms).toEqual([]);
    expect(await hear(pipeline, quiet)).toMatchObject({ alarms: still.alarms, vetoed: false });
    await pipeline.close();
  });

  it('hides no quieter sound beside it, before or after', async () => {
    const pipeline = await Pipeline.create(sayingAlways(plain, [5, -9, 0]), { alarm: { labels: [] } });
    const faint = crackle.map((x) => x / 10);
    const { subjects } = await hear(pipeline, quiet, quiet, beep, quiet);
    pipeline.veto.set('e1', 'false_alarm', subjects);
    expect((await hear(pipeline, quiet, quiet, quiet, beep, quiet)).alarms).toEqual([]);
    for (const sounds of [
      [faint.subarray(0, SECONDS), beep],
      [beep, faint.subarray(0, SECONDS)],
    ])
      expect((await hear(pipeline, quiet, quiet, quiet, ...sounds, quiet)).alarms).toEqual(['impact']);
    await pipeline.close();
  });

  it('is never a scream', async () => {
    const pipeline = await Pipeline.create(sayingAlways(plain, [4, 5, 0]), { alarm: { labels: [] } });
    const { subjects, alarms } = await hear(pipeline, beep);
    expect(alarms).toEqual(['scream']);
    pipeline.veto.set('e1', 'false_alarm', subjects);
    expect(await hear(pipeline, beep)).toMatchObject({ alarms: ['scream'], vetoed: false });
    await pipeline.close();
  });

  it('keeps a scream beside it audible', async () => {
    const pipeline = await Pipeline.create(sayingAlways(plain, [5, 4, 0]), { alarm: { labels: [] } });
    const { subjects } = await hear(pipeline, beep);
    pipeline.veto.set('e1', 'false_alarm', subjects);
    expect(await hear(pipeline, beep)).toMatchObject({ alarms: ['scream'], vetoed: true });
    await pipeline.close();
  });

  it('is heard by class as well', async () => {
    const alarm = { labels: ['abnormal'], threshold: 1e-9, hits: 1, window: 1 };
    const pipeline = await Pipeline.create(plain, { alarm });
    const first = await hear(pipeline, beep);
    expect(first.alarms).toHaveLength(1);
    pipeline.veto.set('e1', 'false_alarm', first.subjects);
    expect(await hear(pipeline, beep)).toMatchObject({ alarms: [], vetoed: true });
    expect((await hear(pipeline, crackle)).alarms).toHaveLength(1);
    await pipeline.close();
  });
});
