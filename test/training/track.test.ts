import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlarmDecision, DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { SENSE_OFF, type SenseOptions } from '../../src/alarm/sense.js';
import { outcomeOf, outcomeWithin } from '../../src/training/outcome.js';
import { Track } from '../../src/training/track.js';
import type { ScoredWindow } from '../../src/types.js';

const HOP = 0.48;

function windowAt(k: number, score: number, rmsDbfs = -20): ScoredWindow {
  return {
    startSeconds: k * HOP,
    endSeconds: k * HOP + 0.975,
    endAtMs: 0,
    label: 'abnormal',
    confidence: score,
    scores: { abnormal: score, other: 1 - score },
    rmsDbfs,
    peakDbfs: -10,
    audioset: [],
  };
}

function trackOf(scores: readonly number[], rmsDbfs?: number): Track {
  const track = new Track('x.wav', ['abnormal'], HOP);
  for (const [k, score] of scores.entries()) track.push(windowAt(k, score, rmsDbfs));
  track.seconds = scores.length * HOP + 0.495;
  return track;
}

/** An alarm of three windows that begins at a second. */
function soundAt(...seconds: number[]): number[] {
  const scores = new Array<number>(400).fill(0.1);
  for (const at of seconds) scores.fill(0.75, Math.round(at / HOP), Math.round(at / HOP) + 3);
  return scores;
}

describe('a track', () => {
  it('raises the very alarms that the decision stage raised as the windows came', () => {
    const score = fc.integer({ min: 0, max: 64 }).map((n) => n / 64); // exact as float32
    const rule = fc.record({
      threshold: fc.constantFrom(0.25, 0.5, 0.75),
      hits: fc.integer({ min: 1, max: 2 }),
      window: fc.integer({ min: 2, max: 4 }),
      instantThreshold: fc.constantFrom(0.9, 1),
      releaseSeconds: fc.constantFrom(1, 5),
      cooldownSeconds: fc.constantFrom(0, 10),
    });
    fc.assert(
      fc.property(fc.array(score, { maxLength: 60 }), rule, (scores, changed) => {
        const decision = new AlarmDecision({ ...DEFAULT_ALARM_RULE, ...changed });
        const ends: number[] = [];
        for (const [k, each] of scores.entries()) {
          const event = decision.push(windowAt(k, each));
          if (event?.type === 'alarm_ended') ends.push(event.atSeconds);
        }
        const last = decision.end('stop', scores.length * HOP + 0.495, 0);
        if (last) ends.push(last.atSeconds);
        const alarms = trackOf(scores).replay({ ...DEFAULT_ALARM_RULE, ...changed });
        expect(alarms.map(({ endSeconds }) => endSeconds)).toHaveLength(ends.length);
        for (const [i, { endSeconds }] of alarms.entries()) expect(endSeconds).toBeCloseTo(ends[i]!, 6);
      }),
    );
  });

  it('raises those of evidence for kinds of events, too', () => {
    const offsets = { impact: 0 };
    const of = (line: number) => ({ leak: 0.5, lines: { impact: line }, offsets });
    const sensitivities = { low: of(6), normal: of(4), high: of(2) };
    const evidence = { kinds: ['impact'], hopSeconds: HOP, memorySeconds: 2.4, sensitivities };
    const track = new Track('x.wav', ['abnormal'], HOP);
    for (let k = 0; k < 100; k++) {
      const kinds = { impact: k === 20 ? 3 : k === 60 ? 5 : -5, door: 1 };
      track.push({ ...windowAt(k, 0.1), kinds });
    }
    const starts = (sensitivity: 'low' | 'normal' | 'high') =>
      track
        .replay({ ...DEFAULT_ALARM_RULE, evidence, sensitivity })
        .map(({ startSeconds }) => Math.round((startSeconds - 0.975) / HOP));
    expect(starts('low')).toEqual([]);
    expect(starts('normal')).toEqual([60]);
    expect(starts('high')).toEqual([20, 60]);
    expect(track.replay(DEFAULT_ALARM_RULE)).toEqual([]);
  });

  it('raises those of an impact with silence after it, as the daemon does', () => {
    const rule = { leak: 0.5, lines: { impact: 9 }, offsets: { impact: 0 } };
    const thump = { ...rule, thump: { line: 4, silenceSeconds: 6 } };
    const evidence = { kinds: ['impact'], hopSeconds: HOP, memorySeconds: 2.4 };
    const starts = (speechAt: number, sense?: SenseOptions) => {
      const track = new Track('x.wav', ['abnormal', 'speech'], HOP, undefined, sense);
      for (let k = 0; k < 60; k++) {
        const scores = { abnormal: 0.1, speech: k === speechAt ? 0.9 : 0 };
        track.push({
          ...windowAt(k, 0),
          scores,
          kinds: { impact: k === 20 ? 5 : -5 },
          rmsDbfs: k === 20 ? -20 : -58,
        });
      }
      const sensitivities = { low: rule, normal: thump, high: thump };
      return track
        .replay({ ...DEFAULT_ALARM_RULE, evidence: { ...evidence, sensitivities }, sensitivity: 'normal' })
        .map(({ startSeconds }) => Math.round((startSeconds - 0.975) / HOP));
    };
    const open = { ...SENSE_OFF, thumpSilenceSeconds: undefined, speechLabels: ['speech'] };
    expect(starts(50, open)).toEqual([33]);
    expect(starts(28, open)).toEqual([]);
    expect(starts(50)).toEqual([]);
  });

  it('hears nothing below the lowest level', () => {
    expect(trackOf(soundAt(10), -70).replay(DEFAULT_ALARM_RULE)).toEqual([]);
  });
});

describe('what a rule does to recordings', () => {
  it('counts events, false alarms and the hours in which an alarm is a false one', () => {
    const events = [
      { startSeconds: 20, endSeconds: 22, label: 'abnormal' },
      { startSeconds: 21, endSeconds: 24, label: 'abnormal' },
      { startSeconds: 150, endSeconds: 156, label: 'abnormal' },
    ];
    const recordings = [{ track: trackOf(soundAt(20.5, 60, 110)), events }];
    const outcome = outcomeOf(recordings, DEFAULT_ALARM_RULE, 2);
    const hours = (400 * HOP + 0.495 - 8 - 10) / 3600;
    expect(outcome).toMatchObject({ alarms: 3, falseAlarms: 2, events: 3, found: 2 });
    expect(outcome.precision).toBeCloseTo(1 / 3);
    expect(outcome.ordinaryHours).toBeCloseTo(hours);
    expect(outcome.falseAlarmsPerHour).toBeCloseTo(2 / hours);
    expect(outcome.upperBoundPerHour).toBeCloseTo(6.2958 / hours, 1);
    expect(outcome.delaySeconds.median).toBeGreaterThan(0);
  });

  it('counts an alarm that never ends again every minute', () => {
    const recordings = [{ track: trackOf(new Array<number>(400).fill(0.8)), events: [] }];
    expect(outcomeOf(recordings, DEFAULT_ALARM_RULE, 2)).toMatchObject({ alarms: 1, falseAlarms: 4 });
  });

  it('gives a rule up at more false alarms than are borne, and is complete below', () => {
    const recordings = [soundAt(20), soundAt(60, 110), soundAt(30)].map((scores) => ({
      track: trackOf(scores),
      events: [],
    }));
    const complete = outcomeOf(recordings, DEFAULT_ALARM_RULE, 2);
    expect(complete.falseAlarms).toBe(4);
    expect(outcomeWithin(recordings, DEFAULT_ALARM_RULE, 2, 3)).toBeUndefined();
    expect(outcomeWithin(recordings, DEFAULT_ALARM_RULE, 2, 4)).toEqual(complete);
  });

  it('has no figure of what it has not heard', () => {
    expect(outcomeOf([], DEFAULT_ALARM_RULE, 2)).toMatchObject({
      falseAlarmsPerHour: undefined,
      upperBoundPerHour: undefined,
      recall: undefined,
      precision: undefined,
    });
  });
});
