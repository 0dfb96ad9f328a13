import { describe, expect, it } from 'vitest';
import { doubtsOf, NEVER_LOUD_HOURS } from '../../src/alarm/doubts.js';
import { type AlarmRule, DEFAULT_ALARM_RULE } from '../../src/alarm/rule.js';

const doubts = (rule: Partial<AlarmRule> = {}, enabled = true) =>
  doubtsOf(enabled, { ...DEFAULT_ALARM_RULE, ...rule }, 0.48);

describe('doubts that an alarm can come', () => {
  it('are none with the default rule, nor with a strict one that still alarms', () => {
    expect(doubts()).toEqual([]);
    expect(doubts({ hits: 8, window: 10, threshold: 0.9, cooldownSeconds: 600 })).toEqual([]);
  });

  it('name that detection is off', () => {
    expect(doubts({}, false)).toMatchObject([{ problem: 'detection_off' }]);
  });

  it.each<[string, Partial<AlarmRule>, RegExp]>([
    ['100 hits', { hits: 100, window: 100 }, /100 windows must be hits, 48 s without a pause/],
    ['a day of cooldown', { cooldownSeconds: 86_400 }, /for 24\.0 h/],
    ['an alarm that lasts for a day', { releaseSeconds: 86_400, cooldownSeconds: 0 }, /for 24\.0 h/],
    ['a threshold of 1', { threshold: 1, instantThreshold: 0.9 }, /a score of 1/],
    ['no class', { labels: [] }, /no class alarms/],
    ['a level that nothing reaches', { minLevelDbfs: 0 }, /louder than 0 dBFS/],
  ])('name %s', (_, rule, text) => {
    expect(doubts(rule)).toMatchObject([
      { problem: 'rule_hardly_alarms', text: expect.stringMatching(text) },
    ]);
  });

  it('name that nothing was loud enough for two days of sound, and no shorter quiet', () => {
    const quietFor = (minutes: number) => doubtsOf(true, DEFAULT_ALARM_RULE, 0.48, minutes);
    expect(quietFor(60 * NEVER_LOUD_HOURS - 1)).toEqual([]);
    expect(quietFor(60 * NEVER_LOUD_HOURS)).toMatchObject([
      { problem: 'never_loud', text: expect.stringContaining('louder than -60 dBFS') },
    ]);
  });

  it('leave hits and classes alone where kinds of events alarm by evidence', () => {
    const sensitivity = { leak: 0.5, lines: { impact: 4 }, offsets: { impact: 0 } };
    const sensitivities = { low: sensitivity, normal: sensitivity, high: sensitivity };
    const evidence = { kinds: ['impact'], hopSeconds: 0.48, memorySeconds: 2.4, sensitivities };
    expect(doubts({ labels: [], hits: 100, window: 100, evidence })).toEqual([]);
  });
});
