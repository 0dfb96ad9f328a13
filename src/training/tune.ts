import type { AlarmRule } from '../alarm/decision.js';
import { SENSITIVITIES } from '../constants.js';
import { type Outcome, ordinarySeconds, outcomeOf, outcomeWithin } from './outcome.js';
import type { Recording } from './track.js';

/** Hits of so many windows that are tried: from the quickest to the surest. */
const HITS_OF_WINDOWS = [
  [1, 1],
  [2, 2],
  [2, 3],
  [2, 4],
  [3, 3],
  [3, 4],
  [3, 5],
] as const;
const THRESHOLDS = [
  0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98,
];
/** 1 is as good as never. */
const INSTANT_THRESHOLDS = [0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1];
/** How many of the best rules are shown. */
const SHOWN = 5;

/** One rule on both kinds of sound. */
export interface Candidate {
  readonly rule: AlarmRule;
  /** What it does to ordinary sound and labelled recordings. */
  readonly ordinary: Outcome;
  /** What it does to the sounds that ought to alarm. */
  readonly alarm: Outcome;
}

export interface TuneInput {
  /** The rule to start from: labels, level, release and cooldown stay. */
  readonly rule: AlarmRule;
  /** Sound whose length the rate of false alarms is counted over; its events count as well. */
  readonly recordings: readonly Recording[];
  /** Clips, as recordings. */
  readonly clips: readonly Recording[];
  readonly collarSeconds: number;
  readonly falseAlarmsPerHour: number;
}

export interface Tuning {
  /** The rule as it was. */
  readonly before: Candidate;
  /** Those that keep the rate, best first; empty where none does. */
  readonly best: readonly Candidate[];
  /** The lowest rate that any rule reaches, with the highest recall that it allows. */
  readonly quietest: Candidate;
}

/**
 * Tries the rule as it is and all rules of the classes, where the model tells kinds of events with every sensitivity,
 * and orders those that keep the rate: by how many alarm sounds they find, then by fewer false alarms, then by how soon
 * they alarm, then by the higher sensitivity, then by the higher thresholds, which leave most room.
 */
export function tuneRule(input: TuneInput): Tuning {
  const { rule, recordings, clips, collarSeconds, falseAlarmsPerHour } = input;
  // Without recordings the clips stand in for them: each counts once.
  const targets = [...new Set([...recordings, ...clips])].filter(({ events }) => events.length > 0);
  const candidateOf = (tried: AlarmRule): Candidate => ({
    rule: tried,
    ordinary: outcomeOf(recordings, tried, collarSeconds),
    alarm: outcomeOf(targets, tried, collarSeconds),
  });
  const rateOf = ({ ordinary }: Candidate) => ordinary.falseAlarmsPerHour ?? 0;
  const ordinaryHours =
    recordings.reduce((sum, each) => sum + ordinarySeconds(each, collarSeconds), 0) / 3600;
  const bearable = falseAlarmsPerHour * ordinaryHours;
  const before = candidateOf(rule);
  // Rules with more false alarms than are bearable count only where none has fewer. The surest are tried first, because
  // the others are given up sooner then; those of one sensitivity together, because a track remembers what that finds.
  const sensitivities = rule.evidence?.kinds.length ? SENSITIVITIES : [rule.sensitivity];
  let fewest = before.ordinary.falseAlarms;
  const others = sensitivities.flatMap((sensitivity) => {
    const tried = rulesAround({ ...rule, sensitivity }).map((each, order) => ({ rule: each, order }));
    return tried
      .sort((a, b) => surer(b.rule, a.rule))
      .flatMap(({ rule: each, order }) => {
        const ordinary = outcomeWithin(recordings, each, collarSeconds, Math.max(bearable, fewest));
        if (!ordinary) return [];
        fewest = Math.min(fewest, ordinary.falseAlarms);
        return [{ order, rule: each, ordinary, alarm: outcomeOf(targets, each, collarSeconds) }];
      })
      .sort((a, b) => a.order - b.order)
      .map(({ order: _, ...candidate }): Candidate => candidate);
  });
  const better = (a: Candidate, b: Candidate) =>
    b.alarm.found - a.alarm.found ||
    rateOf(a) - rateOf(b) ||
    (a.alarm.delaySeconds.median ?? 0) - (b.alarm.delaySeconds.median ?? 0) ||
    readiness(b.rule) - readiness(a.rule) ||
    b.rule.threshold - a.rule.threshold ||
    b.rule.instantThreshold - a.rule.instantThreshold;
  const sorted = [before, ...others].sort(better);
  const kept = sorted.filter((each) => rateOf(each) <= falseAlarmsPerHour);
  return {
    before,
    best: distinct(kept).slice(0, SHOWN),
    quietest: sorted.reduce((a, b) => (rateOf(b) < rateOf(a) ? b : a)),
  };
}

const readiness = ({ sensitivity }: AlarmRule) => (sensitivity ? SENSITIVITIES.indexOf(sensitivity) : -1);

function surer(a: AlarmRule, b: AlarmRule): number {
  return a.threshold - b.threshold || a.instantThreshold - b.instantThreshold || a.hits - b.hits;
}

function rulesAround(rule: AlarmRule): AlarmRule[] {
  return HITS_OF_WINDOWS.flatMap(([hits, window]) =>
    THRESHOLDS.flatMap((threshold) =>
      // With one hit of one window every hit is an alarm at once.
      (hits === 1 ? [1] : INSTANT_THRESHOLDS)
        .filter((instantThreshold) => instantThreshold >= threshold)
        .map((instantThreshold) => ({ ...rule, hits, window, threshold, instantThreshold })),
    ),
  );
}

/** Of rules that do the same to all sounds the first. */
function distinct(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(({ ordinary, alarm }) => {
    const { median, p95 } = alarm.delaySeconds;
    const key = [ordinary.falseAlarms, alarm.found, median, p95].join();
    return !seen.has(key) && seen.add(key);
  });
}
