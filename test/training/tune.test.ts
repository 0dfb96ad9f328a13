import { describe, expect, it } from 'vitest';
import { DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { type Recording, Track } from '../../src/training/track.js';
import { tuneRule } from '../../src/training/tune.js';
import { trackOf } from '../support/track.js';
import { type Heard, windowsOf } from '../support/windows.js';

function recording(scores: readonly number[], isEvent: boolean): Recording {
  const events = [{ startSeconds: 0, endSeconds: Number.POSITIVE_INFINITY, label: 'abnormal' }];
  return { track: trackOf('x.wav', scores), events: isEvent ? events : [] };
}

/** A quarter of an hour of quiet with single loud windows and pairs of not so loud ones. */
const ordinary = (single: number, pair: number) =>
  recording(
    Array.from({ length: 2000 }, (_, k) => (k % 1000 === 0 ? single : k % 1000 < 3 ? pair : 0.05)),
    false,
  );
const sounds = (score: number) => [recording([0.1, score, score, score, 0.1], true)];
const tuned = (recordings: Recording[], clips: Recording[], falseAlarmsPerHour: number) =>
  tuneRule({ rule: DEFAULT_ALARM_RULE, recordings, clips, collarSeconds: 2, falseAlarmsPerHour });

describe('tuning', () => {
  it('keeps the wanted rate and finds all that can be found with it', () => {
    const { best, before } = tuned([ordinary(0.97, 0.3)], sounds(0.5), 0.1);
    expect(before.alarm.found).toBe(0);
    expect(best[0]?.ordinary.falseAlarms).toBe(0);
    expect(best[0]?.alarm.recall).toBe(1);
    // Sounds of 0.5 among pairs of 0.3 and single windows of 0.97: only several hits tell them apart.
    expect(best[0]?.rule.hits).toBeGreaterThan(1);
    expect(best[0]?.rule.threshold).toBeLessThanOrEqual(0.5);
    expect(best[0]?.rule.instantThreshold).toBeGreaterThan(0.97);
  });

  it('orders by recall first, and every rule keeps the rate', () => {
    const { best } = tuned([ordinary(0.9, 0.6)], [...sounds(0.5), ...sounds(0.99)], 8);
    const recalls = best.map(({ alarm }) => alarm.recall ?? 0);
    expect(recalls).toEqual([...recalls].sort((a, b) => b - a));
    for (const { ordinary: outcome, rule } of best) {
      expect(outcome.falseAlarmsPerHour).toBeLessThanOrEqual(8);
      expect(rule.hits).toBeLessThanOrEqual(rule.window);
      expect(rule.instantThreshold).toBeGreaterThanOrEqual(rule.threshold);
    }
  });

  it('finds no rule, but the quietest one, where ordinary sound is worse than the sounds to find', () => {
    const loud = recording(new Array<number>(2000).fill(1), false);
    const { best, quietest } = tuned([loud], sounds(0.9), 0.1);
    expect(best).toEqual([]);
    expect(quietest.ordinary.falseAlarmsPerHour).toBeGreaterThan(50);
  });

  it('has the rule in force among those that keep the rate', () => {
    const rule = { ...DEFAULT_ALARM_RULE, threshold: 0.985, hits: 1, window: 1, instantThreshold: 1 };
    const recordings = [ordinary(0.982, 0.982)];
    const given = { recordings, clips: sounds(0.99), collarSeconds: 2, falseAlarmsPerHour: 0.1 };
    expect(tuneRule({ ...given, rule: DEFAULT_ALARM_RULE }).best[0]?.alarm.found ?? 0).toBe(0);
    expect(tuneRule({ ...given, rule }).best[0]).toMatchObject({ rule, alarm: { found: 1 } });
  });

  const of = (line: number) => ({ leak: 0.5, lines: { impact: line }, offsets: { impact: 0 } });
  const sensitivities = { low: of(9), normal: of(6), high: of(3) };
  const evidence = { kinds: ['impact'], hopSeconds: 0.48, memorySeconds: 2.4, sensitivities };
  const rule = { ...DEFAULT_ALARM_RULE, evidence, sensitivity: 'normal' as const };
  const room: Heard = { seconds: 48, scores: { abnormal: 0.05 }, rmsDbfs: -20, kinds: { impact: -9 } };
  const blow = (logOdds: number): Heard => ({ ...room, seconds: 0.48, kinds: { impact: logOdds } });
  const heard = (script: readonly Heard[], isEvent: boolean): Recording => {
    const track = new Track('x.wav', ['abnormal'], 0.48);
    for (const window of windowsOf(script)) track.push(window);
    track.seconds = track.windows * 0.48;
    const events = [{ startSeconds: 0, endSeconds: Number.POSITIVE_INFINITY, label: 'abnormal' }];
    return { track, events: isEvent ? events : [] };
  };

  it('takes the highest sensitivity of those that do the same, where the model tells kinds of events', () => {
    const chosen = (logOdds: number) => {
      const recordings = [heard([room, blow(logOdds), room], false)];
      const clips = [heard([room, blow(7), room], true)];
      const { best, quietest } = tuneRule({
        rule,
        recordings,
        clips,
        collarSeconds: 2,
        falseAlarmsPerHour: 0.1,
      });
      return `${quietest.rule.sensitivity} ${best[0]?.alarm.found}`;
    };
    expect(chosen(2)).toBe('high 1');
    expect(chosen(4)).toBe('normal 1');
    expect(chosen(7)).toBe('low 0');
    expect(chosen(12)).toBe('high undefined');
  });

  it('tries every rule of the classes with every sensitivity', () => {
    // One false alarm is bearable: by a blow where the sensitivity is not low, by a sound in every rule of the classes.
    const loud: Heard = { ...room, seconds: 4.8, scores: { abnormal: 1 } };
    const recordings = [heard([room, blow(7), room, loud, room], false)];
    const clips = [heard([room, loud, room], true)];
    const { best } = tuneRule({ rule, recordings, clips, collarSeconds: 2, falseAlarmsPerHour: 25 });
    expect(best[0]).toMatchObject({
      rule: { sensitivity: 'low' },
      ordinary: { falseAlarms: 1 },
      alarm: { found: 1 },
    });
  });

  it('leaves labels, level and times as they were', () => {
    const [first] = tuned([ordinary(0.5, 0.1)], sounds(0.9), 0.1).best;
    const { labels, minLevelDbfs, releaseSeconds, cooldownSeconds } = DEFAULT_ALARM_RULE;
    expect(first?.rule).toMatchObject({ labels, minLevelDbfs, releaseSeconds, cooldownSeconds });
  });
});
