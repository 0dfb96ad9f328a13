import { describe, expect, it } from 'vitest';
import { type AlarmRule, DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { Verdict } from '../../src/alarm/verdict.js';
import type { KindLogOdds, ScoredWindow, Scores } from '../../src/types.js';

const NEVER = { leak: 0, lines: {}, offsets: {} };
const RULE: AlarmRule = {
  ...DEFAULT_ALARM_RULE,
  evidence: {
    kinds: ['impact', 'scream'],
    hopSeconds: 0.48,
    memorySeconds: 2.4,
    sensitivities: { low: NEVER, normal: NEVER, high: NEVER },
  },
};

const CALM: Scores = { speech: 0.8, background: 0.1, abnormal: 0.1 };

function verdict(windows: ReadonlyArray<{ scores?: Scores; kinds?: KindLogOdds }>, rule = RULE) {
  const whole = new Verdict(rule);
  for (const { scores = CALM, kinds } of windows)
    whole.push({ scores, kinds } as Partial<ScoredWindow> as ScoredWindow);
  return whole.scores;
}

describe('the verdict on a file', () => {
  it('is the mean of the scores where nothing speaks for an alarm', () => {
    const water = { speech: 0.2, background: 0.7, abnormal: 0.1 };
    const { speech, background, abnormal } = verdict([{}, { scores: water }]);
    expect([speech, background, abnormal]).toEqual([0.5, 0.4, 0.1].map((each) => expect.closeTo(each)));
    expect(verdict([{ kinds: { impact: -50, scream: -50, door: 9 } }])).toEqual(
      Object.fromEntries(Object.entries(CALM).map(([label, score]) => [label, expect.closeTo(score)])),
    );
  });

  it('counts what speaks for a kind of alarm for the class that alarms, and the sum stays 1', () => {
    const scream = verdict([{ kinds: { impact: -5, scream: 4 } }]);
    expect(scream.abnormal).toBeGreaterThan(0.9);
    expect(Object.values(scream).reduce((a, b) => a + b)).toBeCloseTo(1);
    const half = verdict([{ kinds: { impact: 1, scream: -9 } }]);
    expect(half.abnormal).toBeCloseTo(0.5 + 0.5 * 0.1);
  });

  it('gives it to the likeliest of several classes that alarm, and to none where none does', () => {
    const scores = { calm: 0.5, coin: 0.1, game_over: 0.4 };
    const kinds = { impact: 6, scream: -9 };
    const several = verdict([{ scores, kinds }], { ...RULE, labels: ['coin', 'game_over'] });
    expect(several.game_over).toBeGreaterThan(0.95);
    expect(verdict([{ scores, kinds }], { ...RULE, labels: [] })).toEqual(scores);
  });
});
