import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlarmDecision, type AlarmRule, DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import type { AlarmEnded, AlarmStarted, ScoredWindow } from '../../src/types.js';

const HOP_SECONDS = 0.48;

/** The k-th window of a stream, with this score of `abnormal`. */
function windowAt(k: number, score: number, fields: Partial<ScoredWindow> = {}): ScoredWindow {
  return {
    startSeconds: k * HOP_SECONDS,
    endSeconds: k * HOP_SECONDS + 0.975,
    endAtMs: 1000 * (k * HOP_SECONDS + 0.975),
    label: score > 0.5 ? 'abnormal' : 'background',
    confidence: Math.max(score, 1 - score),
    scores: { background: 1 - score, abnormal: score },
    rmsDbfs: -20,
    peakDbfs: -10,
    audioset: [],
    ...fields,
  };
}

/** Events of a stream given as scores, with the index of the window that each came from. */
function events(scores: readonly number[], rule: Partial<AlarmRule> = {}) {
  const decision = new AlarmDecision({ ...DEFAULT_ALARM_RULE, ...rule });
  return scores.flatMap((score, k) => {
    const event = decision.push(windowAt(k, score));
    return event ? [{ k, ...event }] : [];
  });
}

const quiet = (count: number) => new Array<number>(count).fill(0.1);

describe('alarm', () => {
  it('starts when 2 of the last 3 windows are hits, and names them', () => {
    const [start] = events([0.1, 0.7, 0.1, 0.8]);
    expect(start).toMatchObject({
      k: 3,
      type: 'alarm_started',
      reason: 'hits',
      label: 'abnormal',
      confidence: 0.8,
    });
    expect((start as AlarmStarted).hits.map(({ score }) => score)).toEqual([0.7, 0.8]);
    expect(events([0.7, 0.1, 0.1, 0.7])).toEqual([]);
  });

  it('starts at once on a single window of instantThreshold', () => {
    expect(events([0.1, 0.96])).toMatchObject([{ k: 1, type: 'alarm_started', reason: 'instant' }]);
    expect(events([0.1, 0.94])).toEqual([]);
  });

  it('takes no hit from a window that is too quiet', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    for (let k = 0; k < 5; k++) expect(decision.push(windowAt(k, 0.99, { rmsDbfs: -60 }))).toBeUndefined();
    expect(decision.push(windowAt(5, 0.99, { rmsDbfs: -59.9 }))).toMatchObject({ type: 'alarm_started' });
  });

  it('ends after 5 s without a hit, with its duration and the highest score', () => {
    const [start, end] = events([0.7, 0.7, 0.9, ...quiet(12)]);
    expect(end).toMatchObject({ k: 13, type: 'alarm_ended', endedBy: 'silence', peakConfidence: 0.9 });
    expect((end as AlarmEnded).episodeId).toBe(start?.episodeId);
    expect((end as AlarmEnded).durationSeconds).toBeCloseTo(12 * HOP_SECONDS);
  });

  it('starts nothing for hits during the cooldown', () => {
    const ended = [0.7, 0.7, ...quiet(11)]; // ends in window 12, cooldown 21 more windows
    expect(events([...ended, ...quiet(5), 0.99, 0.99, ...quiet(20)])).toHaveLength(2);
  });

  it('starts for hits that go on at the end of the cooldown', () => {
    const ended = [0.7, 0.7, ...quiet(11)];
    const again = events([...ended, ...new Array<number>(30).fill(0.7)])[2];
    expect(again).toMatchObject({ type: 'alarm_started', k: 12 + 21 });
  });

  it('forgets hits before a gap', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    decision.push(windowAt(0, 0.7));
    decision.gap();
    expect(decision.push(windowAt(1, 0.7))).toBeUndefined();
    expect(decision.push(windowAt(2, 0.7))).toMatchObject({ type: 'alarm_started' });
  });

  it('ends for a given reason only while it is on', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    expect(decision.end('stop', 1, 1000)).toBeUndefined();
    decision.push(windowAt(0, 0.99));
    expect(decision.open).toMatchObject({ type: 'alarm_started' });
    expect(decision.end('input_lost', 6, 6000)).toMatchObject({
      endedBy: 'input_lost',
      peakConfidence: 0.99,
    });
    expect(decision.end('stop', 7, 7000)).toBeUndefined();
    expect(decision.open).toBeUndefined();
  });

  it('takes a changed rule with the next window', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    expect(decision.push(windowAt(0, 0.7))).toBeUndefined();
    decision.setRule({ threshold: 0.75 });
    expect(decision.push(windowAt(1, 0.8))).toBeUndefined(); // 0.7 is no hit any more
    decision.setRule({ threshold: 0.7 });
    decision.setRule({ hits: 1 });
    expect(decision.rule).toMatchObject({ threshold: 0.7, hits: 1, window: 3 });
    expect(decision.push(windowAt(2, 0.7))).toMatchObject({ type: 'alarm_started' });
  });

  it('makes no hit of what was none when the threshold falls', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    decision.push(windowAt(0, 0.5));
    decision.setRule({ threshold: 0.4 });
    expect(decision.push(windowAt(1, 0.5))).toBeUndefined();
    expect(decision.push(windowAt(2, 0.5))).toMatchObject({ type: 'alarm_started' });
  });

  it('remembers more and fewer windows as the rule changes', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    decision.push(windowAt(0, 0.7));
    decision.push(windowAt(1, 0.1));
    decision.setRule({ window: 2 });
    expect(decision.push(windowAt(2, 0.7))).toBeUndefined();
    decision.setRule({ window: 5, hits: 3 });
    expect(decision.push(windowAt(3, 0.1))).toBeUndefined();
    expect(decision.push(windowAt(4, 0.7))).toBeUndefined();
    expect(decision.push(windowAt(5, 0.7))).toMatchObject({ hits: { length: 3 } });
  });

  it('wants every window to be a hit while hits is set above window', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    decision.setRule({ hits: 5 });
    const started = [0.7, 0.1, 0.7, 0.7, 0.7].map((score, k) => decision.push(windowAt(k, score)));
    expect(started.map((event) => event?.type)).toEqual([...new Array(4).fill(undefined), 'alarm_started']);
  });

  it('lets a changed cooldown hold for the alarm that has just ended', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    decision.push(windowAt(0, 0.99));
    decision.end('silence', 1, 1000);
    expect(decision.push(windowAt(2, 0.99))).toBeUndefined();
    decision.setRule({ cooldownSeconds: 0 });
    expect(decision.push(windowAt(3, 0.99))).toMatchObject({ type: 'alarm_started' });
  });

  it.each(['input_lost', 'disabled'] as const)(
    'needs no time to cool down when it ended by %s',
    (endedBy) => {
      const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
      decision.push(windowAt(0, 0.99));
      decision.end(endedBy, 1, 1000);
      expect(decision.push(windowAt(2, 0.99))).toMatchObject({ type: 'alarm_started' });
    },
  );

  it('takes a stricter threshold for a window, never a laxer one', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    for (let k = 0; k < 5; k++) expect(decision.push(windowAt(k, 0.7), 0.8)).toBeUndefined();
    for (let k = 5; k < 9; k++) expect(decision.push(windowAt(k, 0.5), 0.1)).toBeUndefined();
    decision.push(windowAt(9, 0.7));
    expect(decision.push(windowAt(10, 0.85), 0.8)).toBeUndefined(); // what came before must be as strict
    expect(decision.push(windowAt(11, 0.8), 0.8)).toMatchObject({ type: 'alarm_started', reason: 'hits' });
  });

  it('is raised for a reason of its own, but neither twice nor in the cooldown', () => {
    const decision = new AlarmDecision(DEFAULT_ALARM_RULE);
    const hit = { atMs: 0, label: 'Thump, thud', score: 0.3 };
    const raise = (k: number) => decision.raise(windowAt(k, 0), hit, 'thump_then_silence');
    expect(raise(0)).toMatchObject({ reason: 'thump_then_silence', label: 'Thump, thud', hits: [hit] });
    expect(raise(1)).toBeUndefined();
    const end = quiet(12).map((score, k) => decision.push(windowAt(k + 1, score)));
    expect(end.filter(Boolean)).toMatchObject([{ type: 'alarm_ended', endedBy: 'silence' }]);
    expect(raise(13)).toBeUndefined();
    expect(raise(40)).toMatchObject({ type: 'alarm_started' });
  });

  it('knows no label but those of its rule', () => {
    const decision = new AlarmDecision({ ...DEFAULT_ALARM_RULE, labels: ['coin', 'game_over'] });
    expect(decision.push(windowAt(0, 0.99))).toBeUndefined();
    const scores = { coin: 0.2, game_over: 0.97 };
    expect(decision.push(windowAt(1, 0, { scores }))).toMatchObject({ label: 'game_over', confidence: 0.97 });
  });
});

describe('over any sound and any rule, the alarm', () => {
  const rules = fc
    .record({
      threshold: fc.double({ min: 0.1, max: 0.9, noNaN: true }),
      instantThreshold: fc.double({ min: 0.9, max: 1, noNaN: true }),
      window: fc.integer({ min: 1, max: 8 }),
      hits: fc.integer({ min: 1, max: 8 }),
      releaseSeconds: fc.double({ min: 0, max: 10, noNaN: true }),
      cooldownSeconds: fc.double({ min: 0, max: 20, noNaN: true }),
    })
    .map((rule): AlarmRule => ({ ...DEFAULT_ALARM_RULE, ...rule, hits: Math.min(rule.hits, rule.window) }));
  const sounds = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.record({ score: fc.double({ min: 0, max: 1, noNaN: true }) }) },
      { weight: 1, arbitrary: fc.record({ gapSeconds: fc.double({ min: 0, max: 30, noNaN: true }) }) },
    ),
    { maxLength: 300 },
  );

  it('never starts twice without an end, never sooner than its cooldown, and always ends', () => {
    fc.assert(
      fc.property(rules, sounds, (rule, sound) => {
        const decision = new AlarmDecision(rule);
        let seconds = 0;
        let open: AlarmStarted | undefined;
        let endedAtSeconds = Number.NEGATIVE_INFINITY;
        let lastHitSeconds = 0;
        for (const step of sound) {
          if ('gapSeconds' in step) {
            seconds += step.gapSeconds;
            decision.gap();
            continue;
          }
          seconds += HOP_SECONDS;
          const window = windowAt(0, step.score, { endSeconds: seconds });
          const event = decision.push(window);
          if (step.score >= rule.threshold) lastHitSeconds = seconds;
          if (event?.type === 'alarm_started') {
            expect(open).toBeUndefined();
            expect(step.score).toBeGreaterThanOrEqual(rule.threshold);
            expect(seconds - endedAtSeconds).toBeGreaterThanOrEqual(rule.cooldownSeconds - 1e-9);
            open = event;
          } else if (event?.type === 'alarm_ended') {
            expect(event.episodeId).toBe(open?.episodeId);
            open = undefined;
            endedAtSeconds = seconds;
          }
          // It is never left on for longer than the release.
          if (open) expect(seconds - lastHitSeconds).toBeLessThan(rule.releaseSeconds + 1e-9);
          expect(decision.open?.episodeId).toBe(open?.episodeId);
        }
        const end = decision.end('stop', seconds, 0);
        expect(end?.episodeId).toBe(open?.episodeId);
        expect(decision.open).toBeUndefined();
      }),
    );
  });
});
