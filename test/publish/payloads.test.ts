import { describe, expect, it } from 'vitest';
import { VERSION } from '../../src/constants.js';
import { ntfyLetter } from '../../src/notify/ntfy.js';
import {
  classPayload,
  deliveredEvent,
  eventPayload,
  healthPayload,
  isEventPayload,
  levelPayload,
} from '../../src/publish/payloads.js';
import type { AlarmStarted } from '../../src/types.js';
import { alarmEnded, alarmStarted, model, T0 } from './samples.js';

const context = {
  id: '019b0000-0000-7000-8000-000000000001',
  test: false,
  model,
};
const modelFacts = {
  name: 'bathnet-mini',
  version: '1.0.0',
  sha256: 'ab'.repeat(32),
  engine: 'tfjs-wasm',
  precision: 'float32',
};

describe('event payload', () => {
  it('says everything about the start of an alarm', () => {
    expect(JSON.parse(eventPayload(alarmStarted, context))).toStrictEqual({
      event_type: 'alarm_started',
      id: context.id,
      episodeId: alarmStarted.episodeId,
      at: '2026-11-22T00:17:41.123Z',
      label: 'abnormal',
      confidence: 0.931,
      scores: { background: 0.069, water: 0, speech: 0, abnormal: 0.931 },
      audioset: [
        ['Screaming', 0.815],
        ['Shout', 0.2],
      ],
      windows: [
        { at: '2026-11-22T00:17:40.643Z', abnormal: 0.88 },
        { at: '2026-11-22T00:17:41.123Z', abnormal: 0.931 },
      ],
      reason: 'hits',
      levelDbfs: -18.3,
      test: false,
      model: modelFacts,
    });
  });

  it('says of the end how long, how sure and why', () => {
    expect(JSON.parse(eventPayload(alarmEnded, context))).toStrictEqual({
      event_type: 'alarm_ended',
      id: context.id,
      episodeId: alarmStarted.episodeId,
      at: '2026-11-22T00:17:48.323Z',
      label: 'abnormal',
      durationSeconds: 7.2,
      peakConfidence: 0.97,
      endedBy: 'silence',
      test: false,
      model: modelFacts,
    });
  });

  it.each([true, false])(
    'says of the end whether somebody has acknowledged it, where that is known (%s)',
    (acknowledged) => {
      expect(JSON.parse(eventPayload({ ...alarmEnded, acknowledged }, context))).toMatchObject({
        acknowledged,
      });
    },
  );

  it('names each hit by its own label where several labels alarm', () => {
    const hits = [
      { atMs: T0 - 480, label: 'scream', score: 0.7 },
      { atMs: T0, label: 'thud', score: 0.8 },
    ];
    const { windows } = JSON.parse(eventPayload({ ...alarmStarted, hits }, context));
    expect(windows).toStrictEqual([
      { at: '2026-11-22T00:17:40.643Z', scream: 0.7 },
      { at: '2026-11-22T00:17:41.123Z', thud: 0.8 },
    ]);
  });
});

it('says of a long stay how long it and the silence have been, in whole seconds', () => {
  const stay = { type: 'long_stay' as const, atMs: T0, durationSeconds: 2400.4, silentSeconds: 1800.27 };
  expect(JSON.parse(eventPayload(stay, context))).toStrictEqual({
    event_type: 'long_stay',
    id: context.id,
    at: '2026-11-22T00:17:41.123Z',
    durationSeconds: 2400,
    silentSeconds: 1800,
    test: false,
    model: modelFacts,
  });
});

describe('payloads of an alarm that evidence raised', () => {
  it('say its kind, how much evidence there was, and which windows led to it', () => {
    const started: AlarmStarted = {
      ...alarmStarted,
      reason: 'evidence',
      kind: 'impact',
      evidence: { value: 4.6251, line: 4 },
      hits: [{ atMs: T0, label: 'impact', score: 0.8808 }],
    };
    expect(JSON.parse(eventPayload(started, context))).toMatchObject({
      label: 'abnormal',
      kind: 'impact',
      reason: 'evidence',
      evidence: 4.63,
      line: 4,
      windows: [{ at: '2026-11-22T00:17:41.123Z', impact: 0.881 }],
    });
    expect(JSON.parse(eventPayload({ ...alarmEnded, kind: 'impact' }, context))).toMatchObject({
      label: 'abnormal',
      kind: 'impact',
    });
  });
});

/** What was kept `waitedMs` ago, when the wall clock said `keptAtMs`. */
function delivered(payload: string, replayed: boolean, nowMs: number, waitedMs?: number, keptAtMs?: number) {
  const now = 1e6;
  const addedAtMs = waitedMs === undefined ? undefined : now - waitedMs;
  const kept = { payload, replayed, addedAtMs, keptAtMs: keptAtMs ?? nowMs - (waitedMs ?? 0) };
  return deliveredEvent(kept, { uptimeMs: () => now, wallMs: () => nowMs });
}

describe('delivered event', () => {
  it('adds only latency and whether it comes late, and keeps id and time', () => {
    const kept = eventPayload(alarmStarted, context);
    const event = JSON.parse(kept);
    const now = JSON.parse(delivered(kept, false, T0 + 143, 140));
    const late = JSON.parse(delivered(kept, true, T0 + 60_143));
    expect(now).toStrictEqual({ ...event, latencyMs: 143, replayed: false });
    expect(late).toStrictEqual({ ...event, latencyMs: 60_143, replayed: true });
  });

  it.each([
    ['1970', 5000],
    ['a time to come', T0 + 9 * 365 * 86_400_000],
  ])('has no time of %s where the clock has been set since, as far as that is known', (_, atMs) => {
    const kept = eventPayload({ ...alarmStarted, atMs }, context);
    const sameRun = JSON.parse(delivered(kept, true, T0, 60_000, atMs));
    expect(sameRun).toMatchObject({ at: new Date(T0 - 60_000).toISOString(), latencyMs: 60_000 });
    const earlierRun = JSON.parse(delivered(kept, true, T0));
    expect(earlierRun).toMatchObject({ at: new Date(atMs).toISOString(), latencyMs: null });
  });

  it('has the time of a clock that was days behind put right, and that of one a little wrong left alone', () => {
    const kept = eventPayload({ ...alarmStarted, atMs: T0 - 3 * 86_400_000 }, context);
    const sameRun = JSON.parse(delivered(kept, true, T0, 25_000, T0 - 3 * 86_400_000));
    expect(sameRun).toMatchObject({ at: new Date(T0 - 25_000).toISOString(), latencyMs: 25_000 });
    const [first] = JSON.parse(kept).windows;
    const right = new Date(Date.parse(first.at) + 3 * 86_400_000 - 25_000).toISOString();
    expect(sameRun.windows[0]).toStrictEqual({ ...first, at: right });
    expect(ntfyLetter(JSON.stringify({ device: { name: 'Bath' }, ...sameRun }), undefined).body).toContain(
      new Date(T0 - 25_000).toLocaleString('sv-SE'),
    );
    const little = JSON.parse(delivered(eventPayload(alarmStarted, context), true, T0 + 60_000, 5000, T0));
    expect(little).toMatchObject({ at: new Date(T0).toISOString(), latencyMs: 60_000 });
  });

  it('leaves the time alone of what is said again as it was', () => {
    const kept = eventPayload({ ...alarmStarted, atMs: T0 - 480_000 }, context);
    expect(JSON.parse(delivered(kept, false, T0, 0))).toMatchObject({
      at: new Date(T0 - 480_000).toISOString(),
      latencyMs: 480_000,
    });
  });

  it('says null of a duration that is not known', () => {
    const payload = eventPayload({ ...alarmEnded, durationSeconds: Number.NaN }, context);
    expect(JSON.parse(payload).durationSeconds).toBeNull();
  });
});

describe('a kept payload', () => {
  const kept = eventPayload(alarmStarted, { id: 'an id', test: false, model });
  const nested = (depth: number) => kept.replace('{', `{"x":${'['.repeat(depth)}${']'.repeat(depth)},`);

  it.each([
    ['as it was written', kept, true],
    ['of a version with one more key', nested(3), true],
    ['deeper than it could be written again', nested(50_000), false],
    ['without a time', '{}', false],
    ['cut short', kept.slice(0, -1), false],
  ])('%s: whether it can be sent', (_, payload, fits) => {
    expect(isEventPayload(payload)).toBe(fits);
  });
});

describe('class payload', () => {
  it('has label, its score, all scores in the order of the model, and the time', () => {
    expect(classPayload('b', { a: 0.1, b: 0.123_456, c: 0 }, T0)).toBe(
      '{"label":"b","confidence":0.123,"scores":{"a":0.1,"b":0.123,"c":0},"at":"2026-11-22T00:17:41.123Z"}',
    );
  });

  it('keeps the ten best of very many scores, best first', () => {
    const scores = Object.fromEntries(Array.from({ length: 521 }, (_, i) => [`class ${i}`, i / 1000]));
    const { scores: kept } = JSON.parse(classPayload('class 520', scores, T0));
    expect(Object.keys(kept)).toStrictEqual(Array.from({ length: 10 }, (_, i) => `class ${520 - i}`));
  });
});

it('rounds levels to a tenth of a decibel', () => {
  expect(levelPayload({ rmsDbfs: -41.27, peakDbfs: -9.049 }, T0)).toBe(
    '{"rmsDbfs":-41.3,"peakDbfs":-9,"at":"2026-11-22T00:17:41.123Z"}',
  );
});

it('joins the health of daemon and connection, with null for what is not known yet', () => {
  const health = {
    uptimeSeconds: 61.4,
    memoryMb: 151.234,
    diskFreeBytes: 7_654_321_000,
    inferenceMs: undefined,
    droppedWindows: 2,
    vetoed: 7,
  };
  const stats = {
    reconnects: 3,
    queuedEvents: 4,
    droppedEvents: 5,
    durable: true,
    refused: ['a/b'],
    passedOn: true,
    heard: true,
  };
  expect(JSON.parse(healthPayload(health, stats, ['no_sound'], model, T0))).toStrictEqual({
    problems: ['no_sound'],
    uptimeSeconds: 61,
    memoryMb: 151.2,
    diskFreeMb: 7654,
    inferenceMs: null,
    droppedWindows: 2,
    vetoed: 7,
    queuedEvents: 4,
    droppedEvents: 5,
    mqttReconnects: 3,
    refused: ['a/b'],
    version: VERSION,
    model: modelFacts,
    at: '2026-11-22T00:17:41.123Z',
  });
});
