import { describe, expect, it } from 'vitest';
import { DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { SENSE_OFF } from '../../src/alarm/sense.js';
import type { ScoredClip } from '../../src/training/clip-figures.js';
import { layInLife, Pieces } from '../../src/training/life.js';
import { lifeFigures } from '../../src/training/life-figures.js';
import { Track } from '../../src/training/track.js';
import { trackOf } from '../support/track.js';

const RATE = 16_000;

async function* click(seconds: number, level: number) {
  yield new Float32Array(seconds * RATE).fill(level);
}

const peakOf = (sound: Float32Array) => sound.reduce((peak, x) => Math.max(peak, Math.abs(x)), 0);
const decibels = (level: number) => 20 * Math.log10(level);

describe('a clip as life has it', () => {
  it('lies in room tone, with seconds of it before and after, at a level that its file does not decide', async () => {
    const room = { seed: 1, silenceSeconds: 8, pieces: [] };
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const { samples, startSeconds, endSeconds } = await layInLife(click(0.25, 0.9), name, room);
      expect(startSeconds).toBeGreaterThanOrEqual(4.5);
      expect(startSeconds).toBeLessThanOrEqual(7);
      expect(endSeconds).toBeCloseTo(startSeconds + 0.25, 6);
      expect(samples.length / RATE).toBeCloseTo(endSeconds + 3.4 + 8 + 0.975, 4);
      const peak = decibels(peakOf(samples));
      expect(peak).toBeGreaterThan(-38);
      expect(peak).toBeLessThan(-2);
      const before = samples.subarray(0, startSeconds * RATE);
      expect(before.filter((x) => x === 0).length).toBeLessThan(100);
      const quiet = (await layInLife(click(0.25, 0.001), name, room)).samples;
      expect(decibels(peakOf(quiet))).toBeCloseTo(peak, 1);
    }
  });

  it('is the same for the same seed and name, and another for any other', async () => {
    const laid = async (seed: number, name: string) =>
      (await layInLife(click(0.1, 0.5), name, { seed, silenceSeconds: 8, pieces: [] })).samples.subarray(
        0,
        100,
      );
    expect(await laid(1, 'a')).toEqual(await laid(1, 'a'));
    expect(await laid(2, 'a')).not.toEqual(await laid(1, 'a'));
    expect(await laid(1, 'b')).not.toEqual(await laid(1, 'a'));
  });

  it('lies in ordinary sound, however short that is', async () => {
    const hum = Float32Array.from({ length: RATE }, (_, i) => 0.01 * Math.sin(i / 9));
    const { samples, startSeconds, endSeconds } = await layInLife(click(3, 0.5), 'a', {
      seed: 1,
      silenceSeconds: 8,
      pieces: [hum],
    });
    expect(peakOf(samples.subarray(0, startSeconds * RATE))).toBeCloseTo(0.01, 4);
    expect(peakOf(samples.subarray(samples.length - RATE))).toBeCloseTo(0.01, 4);
    // Where something goes on it takes longer.
    expect(samples.length / RATE).toBeCloseTo(endSeconds + 3.4 + 2.5 * 8 + 0.975, 4);
  });
});

describe('surroundings', () => {
  it('are pieces from anywhere in recordings of any length, of which no more than 64 are kept', () => {
    const pieces = new Pieces(1);
    const block = new Float32Array(20 * RATE);
    for (let i = 0; i < 300; i++) pieces.push(block.fill(i));
    pieces.push(new Float32Array(RATE / 2));
    pieces.end();
    const numbers = pieces.chosen.map(([first]) => first ?? 0);
    expect(numbers).toHaveLength(64);
    expect(new Set(numbers).size).toBe(64);
    expect(numbers.some((number) => number > 200)).toBe(true);
  });

  it('end with their recording: its last seconds are a piece of their own', () => {
    const pieces = new Pieces(1);
    pieces.push(new Float32Array(3 * RATE));
    pieces.end();
    pieces.push(new Float32Array(21 * RATE));
    pieces.end();
    expect(pieces.chosen.map(({ length }) => length / RATE)).toEqual([3, 20, 1]);
  });
});

describe('figures of clips as life has them', () => {
  const scores = (hitsFrom: number) =>
    Array.from({ length: 40 }, (_, i) => (i >= hitsFrom && i < hitsFrom + 2 ? 0.9 : 0));
  const laid = (label: string, kind: string, hitsFrom: number) => ({
    path: `${label}.wav`,
    label,
    scores: {},
    track: trackOf('', []),
    life: { track: trackOf('', scores(hitsFrom)), startSeconds: 3, endSeconds: 4, kind },
  });

  it('count an alarm from the start of a clip on, by class and kind', () => {
    const clips = [
      laid('abnormal', 'glass', 5), // alarms at 3.9 s
      laid('abnormal', 'glass', 0), // before
      laid('abnormal', 'scream', 23), // 12.5 s
      laid('abnormal', 'scream', 99), // never
      laid('water', '', 5),
      laid('water', '', 99),
    ];
    const ordinary = [{ track: trackOf('', scores(5)), events: [] }];
    const figures = lifeFigures(clips, ordinary, DEFAULT_ALARM_RULE, 2);
    expect(figures).toMatchObject({
      alarm: { clips: 4, alarms: 2, share: 0.5 },
      others: { clips: 2, alarms: 1 },
      kinds: [
        { label: 'abnormal', kind: 'glass', wanted: true, clips: 2, alarms: 1 },
        { label: 'abnormal', kind: 'scream', wanted: true, clips: 2, alarms: 1 },
        { label: 'water', kind: '', wanted: false, clips: 2, alarms: 1 },
      ],
    });
    const now = figures?.curve.filter(({ chosen }) => chosen);
    expect(now).toMatchObject([{ of: 'threshold', value: 0.6, missed: 0.5, wrong: 0.5 }]);
    expect(figures?.curve.at(-1)).toMatchObject({ value: 0.99, missed: 1, wrong: 0, falseAlarmsPerHour: 0 });
  });

  it('change the line of the evidence where the model has an event head, and name the sensitivities', () => {
    const offsets = { impact: 0 };
    const evidence = {
      kinds: ['impact'],
      hopSeconds: 0.48,
      memorySeconds: 3.4,
      sensitivities: {
        low: { leak: 0.5, lines: { impact: 6 }, offsets },
        normal: { leak: 0.5, lines: { impact: 4 }, offsets },
        high: { leak: 0.5, lines: { impact: 2 }, offsets },
      },
    };
    const rule = { ...DEFAULT_ALARM_RULE, evidence, sensitivity: 'high' as const };
    const track = new Track('', ['abnormal'], 0.48, evidence.kinds);
    for (let i = 0; i < 20; i++) {
      const [startSeconds, endSeconds] = [i * 0.48, i * 0.48 + 0.975];
      const kinds = { door: 9, impact: i === 6 ? 3 : -3 };
      const heard = {
        label: '',
        confidence: 0,
        scores: { abnormal: 0 },
        rmsDbfs: -20,
        peakDbfs: -9,
        audioset: [],
      };
      track.push({ startSeconds, endSeconds, endAtMs: 0, kinds, ...heard });
    }
    expect(track.replay(rule)).toMatchObject([{ label: 'abnormal', kind: 'impact' }]);
    expect(track.replay({ ...rule, sensitivity: 'normal' })).toEqual([]);
    const { curve = [] } = lifeFigures([laid('abnormal', '', 99)], [], rule, 2) ?? {};
    expect(curve.length).toBe(27);
    expect(curve.filter(({ chosen }) => chosen)).toMatchObject([
      { of: 'line', value: 2, sensitivity: 'high' },
    ]);
    expect(curve.map(({ sensitivity }) => sensitivity).filter(Boolean)).toEqual(['high', 'normal', 'low']);
    expect([curve[0]?.value, curve.at(-1)?.value]).toEqual([0.25, 16]);
    expect(curve[0]?.falseAlarmsPerHour).toBeUndefined();
  });

  it('raises and lowers the line of a thump with the others', () => {
    const track = new Track('', ['abnormal'], 0.48, ['impact'], {
      ...SENSE_OFF,
      thumpSilenceSeconds: undefined,
      speechLabels: [],
    });
    for (let i = 0; i < 60; i++)
      track.push({
        startSeconds: i * 0.48,
        endSeconds: i * 0.48 + 0.975,
        endAtMs: 0,
        label: '',
        confidence: 0,
        scores: { abnormal: 0 },
        kinds: { impact: i === 25 ? 6 : -3 },
        rmsDbfs: i === 25 ? -20 : -60,
        peakDbfs: -9,
        audioset: [],
      });
    track.seconds = 30;
    const normal = {
      leak: 0.5,
      lines: { impact: 100 },
      offsets: { impact: 0 },
      thump: { line: 4, silenceSeconds: 5 },
    };
    const evidence = {
      kinds: ['impact'],
      hopSeconds: 0.48,
      memorySeconds: 3.4,
      sensitivities: { low: normal, normal, high: normal },
    };
    const [alarm, ...others] = track.replay({ ...DEFAULT_ALARM_RULE, evidence, sensitivity: 'normal' });
    expect(others).toEqual([]);
    expect(alarm?.heardSeconds).toBeCloseTo(25 * 0.48 + 0.975, 6);
    expect(alarm?.startSeconds).toBeGreaterThan(25 * 0.48 + 5);
    const clip: ScoredClip = {
      ...laid('abnormal', '', 99),
      life: { kind: '', track, startSeconds: 10, endSeconds: 14 },
    };
    const { curve = [] } =
      lifeFigures([clip], [], { ...DEFAULT_ALARM_RULE, evidence, sensitivity: 'normal' }, 2) ?? {};
    const found = curve.filter(({ missed }) => missed === 0).map(({ value }) => value / 100);
    expect(Math.max(...found)).toBeCloseTo(2 ** 0.5, 9); // 4 * 2 ** 0.5 < 6 < 4 * 2 ** 0.75
    expect(found.length).toBe(15 + 2);
  });
});
