import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Veto } from '../../src/alarm/veto.js';
import { FeedbackStore } from '../../src/storage/feedback.js';
import { deleteFeedback, embeddingsOf, readFeedback } from '../../src/storage/feedback-records.js';
import type { DecisionEvent, PipelineResult, Verdict } from '../../src/types.js';
import { ManualClock } from '../support/clock.js';
import { silentLog } from '../support/sound.js';
import { makeUnreadable } from '../support/unreadable.js';

const damaged: string[] = [];
let dir: string;
let folder: string;
let store: FeedbackStore;
let veto: Veto;
let clock: ManualClock;
let warnings: object[];
beforeEach(() => {
  damaged.length = 0;
  dir = mkdtempSync(join(tmpdir(), 'bathnet-feedback-'));
  folder = join(dir, 'feedback');
  veto = new Veto();
  clock = new ManualClock();
  warnings = [];
  const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) };
  store = new FeedbackStore(folder, { name: 'm', backbone: 'abc' }, veto, log, clock);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A window with this embedding, a hit or not, and what was decided on it. */
function hear(value: number, hit: boolean, event?: Partial<DecisionEvent>): void {
  store.window({
    scored: { endAtMs: value * 1000 },
    subjects: hit ? [Float32Array.of(value, value + 0.5)] : [],
  } as unknown as PipelineResult);
  if (event) store.event(event as DecisionEvent);
}

const start = (episodeId: string, atMs = 1000, hitAtMs = atMs) =>
  ({
    ...{ type: 'alarm_started', episodeId, label: 'abnormal', atMs },
    hits: [{ atMs: hitAtMs, label: 'abnormal', score: 1 }],
  }) as Partial<DecisionEvent>;
/** Gives a verdict, and waits until it is kept. */
async function judge(verdict: Verdict): Promise<void> {
  expect(store.give(verdict)).toBeUndefined();
  await store.stop();
}

const end = { type: 'alarm_ended', episodeId: 'e1' } as Partial<DecisionEvent>;
const read = () => readFeedback(folder, (path) => damaged.push(path));

describe('feedback', () => {
  it('keeps the embeddings of the alarm’s hits with the verdict', async () => {
    hear(1, true);
    hear(5, true, start('e1', 5000));
    hear(6, false, { ...end, episodeId: 'of an earlier run' } as Partial<DecisionEvent>);
    hear(7, true);
    hear(8, false, end);
    hear(9, true);
    await judge('false_alarm');
    const [record] = read();
    expect(record).toMatchObject({
      episodeId: 'e1',
      verdict: 'false_alarm',
      label: 'abnormal',
      alarmAt: '1970-01-01T00:00:05.000Z',
      model: { name: 'm', backbone: 'abc' },
    });
    expect(record && embeddingsOf(record)).toEqual([Float32Array.of(5, 5.5), Float32Array.of(7, 7.5)]);
    const [file] = readdirSync(folder);
    expect(statSync(join(folder, file as string)).mode & 0o777).toBe(0o600);
  });

  it('is taken back where it was kept on its way, and nobody knows for which alarm', async () => {
    hear(1, true, start('slam', 1000));
    hear(2, false, { ...end, episodeId: 'slam' } as Partial<DecisionEvent>);
    hear(60, true, start('fall', 60_000));
    await judge('false_alarm');
    expect(veto.episodeIds).toEqual(['fall']);
    await clock.advance(30_000);
    store.takeBack(60_000);
    await store.stop();
    expect([read(), veto.episodeIds]).toEqual([[], []]);
    expect(warnings).toMatchObject([{ verdict: 'false_alarm', episodeId: 'fall' }]);

    store.give('false_alarm');
    store.takeBack(60_000); // before it is written
    await store.stop();
    store.give('false_alarm', 'slam');
    await store.stop();
    store.takeBack(60_000);
    store.give('real_alarm', 'fall');
    await store.stop();
    await judge('false_alarm');
    store.takeBack(60_000); // to what was said of it before
    await store.stop();
    expect(read().map(({ episodeId, verdict }) => `${episodeId} ${verdict}`)).toContain('fall real_alarm');
    await judge('false_alarm');
    store.give('real_alarm', 'fall'); // by name
    await store.stop();
    await clock.advance(10_000);
    store.takeBack(60_000);
    await store.stop();
    await judge('real_alarm');
    await clock.advance(61_000);
    store.takeBack(60_000);
    await store.stop();
    expect(read().map(({ episodeId, verdict }) => `${episodeId} ${verdict}`)).toEqual([
      'fall real_alarm',
      'slam false_alarm',
    ]);
  });

  it('is of the impact where the silence after it makes it an alarm', async () => {
    hear(1, true);
    for (const later of Array(8).keys()) hear(10 + later, later < 2);
    hear(18, false, start('e1', 18_000, 11_000));
    await judge('false_alarm');
    const [record] = read();
    expect(record && embeddingsOf(record)).toEqual([Float32Array.of(10, 10.5), Float32Array.of(11, 11.5)]);
  });

  it('lets a second verdict on the same alarm replace the first', async () => {
    hear(1, true, start('e1'));
    await judge('false_alarm');
    await judge('real_alarm');
    expect(read().map(({ verdict }) => verdict)).toEqual(['real_alarm']);
  });

  it('keeps nothing without an alarm, and says so', () => {
    hear(1, true);
    expect(store.give('real_alarm')?.code).toBe('no_alarm_yet');
    expect(read()).toEqual([]);
  });

  it('that cannot be written stops nothing, is said, does not count, and can be given again', async () => {
    writeFileSync(folder, '');
    hear(1, true, start('e1'));
    await judge('false_alarm');
    expect(warnings).toEqual([
      { folder, verdict: 'false_alarm', episodeId: 'e1', problem: expect.stringMatching(/EEXIST|ENOTDIR/) },
    ]);
    expect(veto.episodeIds).toEqual([]);
    rmSync(folder);
    await judge('false_alarm');
    expect(read()).toHaveLength(1);
    expect(veto.episodeIds).toEqual(['e1']);
  });

  it.each([
    ['no whole number of values', Buffer.from(Float32Array.of(1, 2).buffer).subarray(1).toString('base64')],
    ['no numbers', Buffer.from(Float32Array.of(1, Number.NaN).buffer).toString('base64')],
    ['no base64', '?????'],
  ])('is left out where its embeddings are %s, and the others count', async (_, damage) => {
    for (const id of ['e1', 'e2']) {
      hear(1, true, start(id));
      await judge('false_alarm');
    }
    const path = join(folder, 'e1.json');
    const record = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...record, embeddings: [...record.embeddings, damage] }));
    const next = new Veto();
    new FeedbackStore(folder, { name: 'm', backbone: 'abc' }, next, silentLog, clock).load();
    expect(next.episodeIds).toEqual(['e2']);
    expect(read().map(({ episodeId }) => episodeId)).toEqual(['e2']);
    expect(damaged).toEqual([`${path} is damaged`]);
  });

  it('that is given a thousand times a second is written a few times, each alarm with its last verdict', async () => {
    const kept: unknown[] = [];
    const log = { ...silentLog, info: (fields: object) => void kept.push(fields) };
    store = new FeedbackStore(folder, { name: 'm', backbone: 'abc' }, veto, log, clock);
    for (const id of ['e1', 'e2', 'e3']) {
      hear(1, true, start(id));
      for (let i = 0; i < 1000; i++) store.give(i % 2 ? 'real_alarm' : 'false_alarm');
    }
    await store.stop();
    expect(read().map(({ episodeId, verdict }) => `${episodeId} ${verdict}`)).toEqual([
      'e1 real_alarm',
      'e2 real_alarm',
      'e3 real_alarm',
    ]);
    expect(kept.length).toBeLessThanOrEqual(3 + 5);
  });

  it('is shown without damaged files, which are named, and can be deleted', async () => {
    for (const id of ['e1', 'e2', 'e3']) {
      hear(1, true, start(id));
      await judge('real_alarm');
    }
    writeFileSync(join(folder, 'e2.json'), readFileSync(join(folder, 'e2.json')).subarray(0, 50));
    expect(read().map(({ episodeId }) => episodeId)).toEqual(['e1', 'e3']);
    expect(damaged).toEqual([`${join(folder, 'e2.json')} is damaged`]);
    expect(deleteFeedback(folder, 'e1')).toBe(1);
    expect(deleteFeedback(folder, '../e3')).toBe(0);
    expect(deleteFeedback(folder)).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that cannot be read is not called none, and does not keep the daemon from starting', async () => {
    hear(1, true, start('e1'));
    await judge('false_alarm');
    rmSync(join(folder, 'e1.json'));
    makeUnreadable(join(folder, 'e1.json'));
    expect(read()).toEqual([]);
    expect(damaged).toEqual([expect.stringMatching(/e1\.json cannot be read: ELOOP/)]);
    rmSync(folder, { recursive: true });
    makeUnreadable(folder);
    for (const ask of [read, () => deleteFeedback(folder)])
      expect(ask).toThrow(expect.objectContaining({ code: 66, hint: expect.stringContaining('as root') }));
    const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) };
    new FeedbackStore(folder, { name: 'm', backbone: 'abc' }, veto, log, clock).load();
    expect(warnings).toEqual([{ problem: expect.stringContaining('cannot be read: ELOOP') }]);
  });
});

describe('a verdict', () => {
  const sound = Float32Array.of(1, 1.5);
  const vetoed = (by = veto) => by.match(sound)?.episodeId;
  const restarted = (backbone: string) => {
    const afresh = new Veto();
    new FeedbackStore(folder, { name: 'm', backbone }, afresh, silentLog, clock).load();
    return afresh;
  };

  it('of a false alarm counts at once, until the same alarm is called real', async () => {
    hear(1, true, start('e1'));
    expect(vetoed()).toBeUndefined();
    await judge('false_alarm');
    expect(vetoed()).toBe('e1');
    await judge('real_alarm');
    expect(vetoed()).toBeUndefined();
  });

  it('counts after a restart, but for no other backbone', async () => {
    hear(1, true, start('e1'));
    await judge('false_alarm');
    expect(vetoed(restarted('abc'))).toBe('e1');
    expect(vetoed(restarted('other'))).toBeUndefined();
  });

  it('that a scream was none vetoes nothing, now and after a restart', async () => {
    hear(1, true, { ...start('e1'), kind: 'scream' } as Partial<DecisionEvent>);
    await judge('false_alarm');
    expect(vetoed()).toBeUndefined();
    expect(vetoed(restarted('abc'))).toBeUndefined();
    expect(read()).toHaveLength(1);
  });

  it('that is deleted counts no more while sound is heard', async () => {
    hear(1, true, start('e1'));
    await judge('false_alarm');
    hear(1000, false);
    deleteFeedback(folder);
    await clock.advance(10_000);
    hear(20, false); // somebody has set the clock back
    await vi.waitFor(() => expect(vetoed()).toBeUndefined());
  });
});
