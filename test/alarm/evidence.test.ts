import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlarmDecision, type AlarmRule, DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { Evidence } from '../../src/alarm/evidence.js';
import type { EvidenceRules } from '../../src/alarm/rule.js';
import type { AlarmEnded, AlarmStarted, ScoredWindow } from '../../src/types.js';

const HOP_SECONDS = 0.48;
const sensitivityOf = (line: number) => ({
  leak: 0.5,
  lines: { impact: line, scream: line },
  offsets: { impact: 0, scream: -1 },
});
const EVIDENCE: EvidenceRules = {
  kinds: ['impact', 'scream'],
  hopSeconds: HOP_SECONDS,
  memorySeconds: 2.4,
  sensitivities: { low: sensitivityOf(6), normal: sensitivityOf(4), high: sensitivityOf(2) },
};
const RULE: AlarmRule = { ...DEFAULT_ALARM_RULE, sensitivity: 'normal', evidence: EVIDENCE };

/** The k-th window of a stream in which the classes are calm. */
function windowAt(
  k: number,
  kinds: Readonly<Record<string, number>>,
  fields: Partial<ScoredWindow> = {},
  hopSeconds = HOP_SECONDS,
): ScoredWindow {
  const startSeconds = k * hopSeconds;
  return {
    startSeconds,
    endSeconds: startSeconds + 0.975,
    endAtMs: 1000 * (startSeconds + 0.975),
    label: 'background',
    confidence: 0.9,
    scores: { background: 0.9, abnormal: 0.1 },
    rmsDbfs: -20,
    peakDbfs: -10,
    audioset: [],
    kinds,
    ...fields,
  };
}

const impact = (logOdds: number) => ({ impact: logOdds, scream: -9 });
const calm = impact(-9);

/** Events of a stream of windows, with the index of the window that each came from. */
function events(windows: readonly ScoredWindow[], rule: Partial<AlarmRule> = {}) {
  const decision = new AlarmDecision({ ...RULE, ...rule });
  return windows.flatMap((window, k) => {
    const event = decision.push(window);
    return event ? [{ k, ...event }] : [];
  });
}
const heard = (logOdds: readonly number[], rule: Partial<AlarmRule> = {}) =>
  events(
    logOdds.map((each, k) => windowAt(k, impact(each))),
    rule,
  );

describe('evidence', () => {
  it('adds up, leaks, and starts the alarm at the line, with the kind and why', () => {
    const [start] = heard([-9, 2, 1.5, 2, 3]); // 0, 2, 2.5, 3.25, 4.625
    expect(start).toMatchObject({
      k: 4,
      type: 'alarm_started',
      reason: 'evidence',
      label: 'abnormal',
      kind: 'impact',
      evidence: { value: 4.625, line: 4 },
    });
    const { hits, confidence } = start as AlarmStarted;
    expect(hits.map(({ label, score }) => `${label} ${score.toFixed(2)}`)).toEqual([
      'impact 0.88',
      'impact 0.82',
      'impact 0.88',
      'impact 0.95',
    ]);
    expect(confidence).toBeCloseTo(0.953, 3);
  });

  it('starts it in a single window that is sure enough', () => {
    expect(heard([-9, 4])).toMatchObject([{ k: 1, reason: 'evidence' }]);
    expect(heard([-9, 3.9])).toEqual([]);
  });

  it('is never below nothing: what was quiet for long does not count against what comes', () => {
    expect(heard([...new Array<number>(50).fill(-20), 4])).toHaveLength(1);
  });

  it('needs more with low sensitivity, less with high, from the next window on', () => {
    expect(heard([3])).toEqual([]);
    expect(heard([3], { sensitivity: 'high' })).toHaveLength(1);
    expect(heard([5], { sensitivity: 'low' })).toEqual([]);
    const decision = new AlarmDecision(RULE);
    expect(decision.push(windowAt(0, impact(3)))).toBeUndefined();
    decision.setRule({ sensitivity: 'high' });
    expect(decision.push(windowAt(1, impact(0)))).toBeUndefined(); // 1.5
    expect(decision.push(windowAt(2, impact(1.5)))).toMatchObject({ evidence: { value: 2.25, line: 2 } });
  });

  it('adds the offset of the kind', () => {
    expect(events([windowAt(0, { impact: -9, scream: 4.5 })])).toEqual([]);
    expect(events([windowAt(0, { impact: -9, scream: 5 })])).toMatchObject([
      { kind: 'scream', evidence: { value: 4 } },
    ]);
  });

  it('raises nothing for kinds that do not alarm', () => {
    const rule = { evidence: { ...EVIDENCE, kinds: ['scream'] } };
    expect(heard([20, 20, 20], rule)).toEqual([]);
  });

  it('adds nothing while all that the event head remembers was too quiet', () => {
    const quiet = { rmsDbfs: -60 };
    const blow = windowAt(0, calm);
    const silent = (k: number) => windowAt(k, impact(9), quiet);
    expect(events([blow, silent(5)])).toHaveLength(1); // 2.4 s later
    expect(events([blow, silent(6)])).toEqual([]);
    expect(events([silent(0), silent(1), silent(2)])).toEqual([]);
  });

  it('says the same of the same sound at half and at twice the hop', () => {
    const evidenceAfter = (hop: number) => {
      const evidence = new Evidence();
      let last = 0;
      for (let k = 0; k * hop <= 48; k++) {
        evidence.push(windowAt(k, impact(1), {}, hop), RULE, 0);
        last = evidence.of('impact')?.evidence ?? 0;
      }
      return last;
    };
    expect(evidenceAfter(0.48)).toBeCloseTo(2, 5);
    expect(evidenceAfter(0.24)).toBeGreaterThan(1.6);
    expect(evidenceAfter(0.24)).toBeLessThan(2);
    expect(evidenceAfter(0.96)).toBeGreaterThan(2);
    expect(evidenceAfter(0.96)).toBeLessThan(2.8);
  });

  it('counts a window once however long the sound before it was lost', () => {
    expect(events([windowAt(0, calm), windowAt(1000, impact(1.9))])).toEqual([]);
  });

  it('forgets what was before a gap', () => {
    const decision = new AlarmDecision(RULE);
    decision.push(windowAt(0, impact(3.9)));
    decision.gap();
    expect(decision.push(windowAt(1, impact(3)))).toBeUndefined();
  });

  it('says nothing of a model without an event head', () => {
    const { kinds: _, ...window } = windowAt(0, impact(20));
    expect(events([window])).toEqual([]);
    expect(events([windowAt(0, impact(20))], { evidence: undefined })).toEqual([]);
  });

  it('is never below 0, never above twice the line, and has the windows that led to it', () => {
    const said = fc.double({ min: -50, max: 50, noNaN: true }).map((x) => Math.round(x * 1e6) / 1e6); // no number so small that half of it is none
    const logOdds = fc.array(said, { maxLength: 60 });
    fc.assert(
      fc.property(logOdds, fc.constantFrom(0.1, 0.24, 0.48, 0.96), (said, hop) => {
        const evidence = new Evidence();
        for (const [k, each] of said.entries()) {
          const heard = evidence.push(windowAt(k, impact(each), {}, hop), RULE, 0);
          const found = evidence.of('impact');
          expect(heard.length).toBe(found?.evidence ? 1 : 0);
          if (found?.evidence) {
            expect(found.evidence).toBeGreaterThan(0);
            expect(found.evidence).toBeLessThanOrEqual(8);
            expect(found.hits.length).toBeGreaterThan(0);
          } else expect(each).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});

describe('an alarm of evidence', () => {
  const quiet = (count: number) => new Array<number>(count).fill(-9);

  it('ends 5 s after the evidence has fallen below the line, and says its kind', () => {
    const [start, end] = heard([5, ...quiet(12)]);
    expect(start).toMatchObject({ k: 0, kind: 'impact' });
    expect(end).toMatchObject({ k: 11, type: 'alarm_ended', endedBy: 'silence', kind: 'impact' });
    expect((end as AlarmEnded).episodeId).toBe((start as AlarmStarted).episodeId);
  });

  it('cools down as any other', () => {
    const ended = [5, ...quiet(11)];
    expect(heard([...ended, ...quiet(5), 9, ...quiet(30)])).toHaveLength(2);
    const again = heard([...ended, ...new Array<number>(30).fill(4.5)])[2];
    expect(again).toMatchObject({ type: 'alarm_started', k: 11 + 21 });
  });

  it('does not start of what was heard in the cooldown when nothing speaks for it any more', () => {
    const ended = [5, ...quiet(11)];
    const rule = {
      evidence: {
        ...EVIDENCE,
        sensitivities: { ...EVIDENCE.sensitivities, normal: { ...sensitivityOf(4), leak: 1 } },
      },
    };
    expect(heard([5, ...quiet(11)], rule).map(({ k }) => k)).toEqual([0, 11]);
    expect(heard([...ended, ...quiet(18), 20, -0.1, -0.1, -0.1], rule)).toHaveLength(2);
  });

  it('is one alarm with that of the classes, whichever comes first', () => {
    const hit = { scores: { abnormal: 0.8 } };
    const mixed = [
      windowAt(0, calm, hit),
      windowAt(1, calm, hit),
      windowAt(2, impact(5)),
      ...quiet(12).map((each, k) => windowAt(3 + k, impact(each))),
    ];
    const [start, end, ...more] = events(mixed);
    expect(start).toMatchObject({ k: 1, reason: 'hits', kind: undefined });
    expect(end).toMatchObject({ k: 13, kind: 'impact', peakConfidence: expect.closeTo(0.993, 3) });
    expect(more).toEqual([]);
    expect(
      events(mixed.toReversed().map((w, k) => windowAt(k, w.kinds!, { scores: w.scores }))),
    ).toMatchObject([{ reason: 'evidence', kind: 'impact' }]);
  });

  it('names the kind that the evidence speaks for also where classes start it', () => {
    const hit = { scores: { abnormal: 0.8 } };
    const windows = [windowAt(0, impact(1), hit), windowAt(1, impact(1), hit)];
    expect(events(windows)).toMatchObject([{ reason: 'hits', kind: 'impact' }]);
  });

  it('goes on while something speaks for it, also where it is to end at once', () => {
    const windows = [0, 1, 2].map((k) => windowAt(k, impact(6)));
    expect(events([...windows, windowAt(3, impact(-9))], { releaseSeconds: 0 })).toMatchObject([
      { type: 'alarm_started' },
      { type: 'alarm_ended', endedBy: 'silence', durationSeconds: expect.closeTo(3 * 0.48) },
    ]);
  });

  it('is named after its kind where no class alarms', () => {
    expect(heard([5], { labels: [] })).toMatchObject([{ label: 'impact', kind: 'impact' }]);
  });

  it('needs as many more log-odds as a stricter threshold of the classes', () => {
    const stricter = (logOdds: number, minThreshold: number) =>
      new AlarmDecision(RULE).push(windowAt(0, impact(logOdds)), minThreshold);
    const more = Math.log(9) - Math.log(1.5); // 0.9 instead of 0.6
    expect(stricter(4 + more - 0.01, 0.9)).toBeUndefined();
    expect(stricter(4 + more + 0.01, 0.9)).toMatchObject({ evidence: { line: expect.closeTo(4 + more) } });
    expect(stricter(4, 0.5)).toBeDefined();
    expect(stricter(10, 1)).toBeUndefined();
  });

  it('needs no more evidence because somebody has lowered the threshold of the classes', () => {
    const more = Math.log(4) - Math.log(1.5); // 0.8 instead of 0.6
    for (const threshold of [0.6, 0.3, 0]) {
      const decision = new AlarmDecision(RULE);
      decision.setRule({ threshold });
      expect(decision.push(windowAt(0, impact(4 + more + 0.01)), 0.8), String(threshold)).toBeDefined();
    }
    const stricter = new AlarmDecision(RULE);
    stricter.setRule({ threshold: 0.7 });
    const less = Math.log(4) - Math.log(0.7 / 0.3);
    expect(stricter.push(windowAt(0, impact(4 + less + 0.01)), 0.8)).toBeDefined();
    const lax = new AlarmDecision(RULE);
    lax.setRule({ threshold: 0.1 });
    expect(lax.push(windowAt(0, impact(4)), 0.5)).toBeDefined();
  });
});
