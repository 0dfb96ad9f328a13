import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type AlarmRule, DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { kindsLookedAt, LIFE_KINDS } from '../../src/alarm/impact.js';
import { SENSE_OFF, Sense, type SenseOptions } from '../../src/alarm/sense.js';
import { SENSITIVITIES } from '../../src/constants.js';
import { timesOf } from '../../src/hearing.js';
import { Track } from '../../src/training/track.js';
import type { DecisionEvent, ScoredWindow } from '../../src/types.js';

const HOP_SAMPLES = 7680;
const own = (line: number) => ({
  leak: 0.7,
  lines: { impact: line, scream: line },
  offsets: { impact: -1, scream: 0.5 },
  thump: { line: line / 3, silenceSeconds: 6, voice: { line: line / 4, seconds: 15 } },
});
const rule: AlarmRule = {
  ...DEFAULT_ALARM_RULE,
  evidence: {
    kinds: ['impact', 'scream'],
    hopSeconds: 0.48,
    memorySeconds: 2.4,
    sensitivities: { low: own(8), normal: own(5), high: own(2) },
  },
};

/** Mostly nothing; now and then a few windows that may speak for an alarm, each in its own way. */
const stretch = fc.oneof(
  { weight: 3, arbitrary: fc.record({ length: fc.integer({ min: 1, max: 80 }), quiet: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ length: fc.integer({ min: 1, max: 6 }), quiet: fc.constant(false) }) },
);
const number = (min: number, max: number) => fc.float({ min, max, noNaN: true });
const sound = fc.array(stretch, { minLength: 1, maxLength: 12 }).chain((stretches) =>
  fc.tuple(
    ...stretches.flatMap(({ length, quiet }) =>
      Array.from({ length }, () =>
        fc.record({
          abnormal: quiet ? number(0, 0.25) : number(0, 1),
          rmsDbfs: quiet ? number(-50, -46) : number(-50, -10),
          impact: quiet ? number(-6, -2) : number(-4, 6),
          scream: quiet ? number(-6, -2) : number(-4, 6),
          steps: quiet ? number(-6, -2) : number(-4, 2),
        }),
      ),
    ),
  ),
);

it.each<[string, Partial<SenseOptions>]>([
  ['by the alarm rule alone', { thumpSilenceSeconds: 0, thumpVoiceSeconds: 0 }],
  ['with impacts and silence after them', { thumpVoiceSeconds: 0 }],
  ['with impacts and voices after them', { thumpSilenceSeconds: 0 }],
  ['with impacts and either after them', {}],
  ['that is stricter while water runs', { waterLabels: ['water'], waterThreshold: 0.9 }],
])('what is passed over in a track changes no alarm, %s', (_, options) => {
  const off = { thumpSilenceSeconds: undefined, thumpVoiceSeconds: undefined };
  const sense: SenseOptions = { ...SENSE_OFF, ...off, ...options };
  const counted = kindsLookedAt(rule);
  const lifeless = Object.fromEntries(LIFE_KINDS.map((kind) => [kind, -5]));
  let alarms = 0;
  fc.assert(
    fc.property(
      sound,
      fc.constantFrom(0.3, 0.6, 0.9),
      fc.constantFrom(...SENSITIVITIES),
      (values, threshold, sensitivity) => {
        const tried = { ...rule, threshold, sensitivity };
        const track = new Track('x.wav', ['abnormal'], HOP_SAMPLES / 16_000, counted, sense);
        const whole = new Sense(tried, sense);
        const expected: number[] = [];
        const note = (event: ReturnType<Sense['push']>) => {
          if (event?.type === 'alarm_ended')
            expected.push(event.atSeconds - event.durationSeconds, event.atSeconds);
        };
        for (const [k, { abnormal, rmsDbfs, ...kinds }] of values.entries()) {
          const window: ScoredWindow = {
            ...timesOf(k * HOP_SAMPLES),
            endAtMs: 0,
            label: 'abnormal',
            confidence: abnormal,
            scores: { abnormal },
            rmsDbfs,
            peakDbfs: 0,
            audioset: [],
            kinds: { ...lifeless, ...kinds },
          };
          track.push(window);
          note(whole.push(window));
        }
        track.seconds = timesOf(values.length * HOP_SAMPLES).endSeconds;
        note(whole.end('stop', track.seconds, 0));
        const replayed = track
          .replay(tried)
          .flatMap(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]);
        expect(replayed).toEqual(expected);
        alarms += replayed.length;
      },
    ),
    { numRuns: 300 },
  );
  expect(alarms).toBeGreaterThan(100);
});

it.each(['speech', 'cry', 'throat'])('a track hears a fall before a voice of %s that goes on', (voice) => {
  const sense: SenseOptions = { ...SENSE_OFF, thumpSilenceSeconds: undefined };
  const nothing = Object.fromEntries(kindsLookedAt(rule)!.map((kind) => [kind, -5]));
  const track = new Track('x.wav', ['abnormal'], HOP_SAMPLES / 16_000, kindsLookedAt(rule), sense);
  const whole = new Sense(rule, sense);
  const started: DecisionEvent[] = [];
  const hear = (windows: number, rmsDbfs: number, kinds: Record<string, number>) => {
    for (let k = 0; k < windows; k++) {
      const window: ScoredWindow = {
        ...timesOf(track.windows * HOP_SAMPLES),
        ...{ endAtMs: 0, label: '', confidence: 0, scores: { abnormal: 0 }, peakDbfs: 0, audioset: [] },
        ...{ rmsDbfs, kinds: { ...nothing, ...kinds } },
      };
      track.push(window);
      const event = whole.push(window);
      if (event?.type === 'alarm_started') started.push(event);
    }
  };
  hear(20, -50, {});
  hear(1, -15, { impact: 3 });
  hear(4, -50, {});
  hear(15, -30, { [voice]: 2 });
  hear(40, -50, {});
  expect(started).toMatchObject([{ reason: 'thump_then_silence' }]);
  expect(track.replay(rule)).toHaveLength(1);
});

it('a track gives what each rule finds, whatever was tried on it before', () => {
  const sense: SenseOptions = { ...SENSE_OFF, thumpSilenceSeconds: undefined };
  const counted = kindsLookedAt(rule);
  const window = fc.record({
    abnormal: fc.constantFrom(0, 0.2, 0.5, 0.8, 0.97),
    impact: fc.constantFrom(-9, -9, -9, 2, 6),
  });
  const trackOf = (values: readonly { abnormal: number; impact: number }[]) => {
    const track = new Track('x.wav', ['abnormal'], HOP_SAMPLES / 16_000, counted, sense);
    const others = Object.fromEntries(counted!.map((kind) => [kind, -5]));
    for (const [k, { abnormal, impact }] of values.entries())
      track.push({
        ...timesOf(k * HOP_SAMPLES),
        ...{ endAtMs: 0, label: 'abnormal', confidence: abnormal, peakDbfs: 0, audioset: [] },
        ...{ rmsDbfs: -20, scores: { abnormal }, kinds: { ...others, impact } },
      });
    track.seconds = timesOf(values.length * HOP_SAMPLES).endSeconds;
    return track;
  };
  const rules = SENSITIVITIES.flatMap((sensitivity) =>
    [0.1, 0.3, 0.5, 0.9].flatMap((threshold) =>
      [0.5, 0.97, 1].flatMap((instantThreshold) =>
        [1, 2].map((hits) => ({ ...rule, sensitivity, threshold, instantThreshold, hits, window: 2 })),
      ),
    ),
  );
  const found = new Set<string>();
  fc.assert(
    fc.property(fc.array(window, { minLength: 20, maxLength: 60 }), (values) => {
      const track = trackOf(values);
      for (const tried of [...rules, ...rules]) {
        const alarms = track.replay(tried);
        expect(alarms).toEqual(trackOf(values).replay(tried));
        found.add(JSON.stringify(alarms));
      }
    }),
    { numRuns: 20 },
  );
  expect(found.size).toBeGreaterThan(50);
});
