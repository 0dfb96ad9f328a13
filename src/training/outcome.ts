import type { AlarmRule } from '../alarm/decision.js';
import { matchEvents } from './events.js';
import { poissonUpperBound, quantile, ratio } from './metrics.js';
import type { Recording } from './track.js';

/** What a rule does to a set of recordings. */
export interface Outcome {
  readonly rule: AlarmRule;
  /** Sound in which there is nothing to alarm about. */
  readonly ordinaryHours: number;
  readonly alarms: number;
  /** One that goes on counts again every minute: an alarm that never ends is not one mistake. */
  readonly falseAlarms: number;
  /** Recordings with one or more of them. */
  readonly disturbed: number;
  /** Undefined without ordinary sound. */
  readonly falseAlarmsPerHour: number | undefined;
  /** 95 % upper bound (exact, one-sided) of the rate that so many false alarms speak for. */
  readonly upperBoundPerHour: number | undefined;
  readonly events: number;
  readonly found: number;
  readonly recall: number | undefined;
  /** Share of the alarms that are right. */
  readonly precision: number | undefined;
  /** From the start of an event to its alarm. */
  readonly delaySeconds: { readonly median: number | undefined; readonly p95: number | undefined };
}

/** Puts all recordings through the decision stage under one rule. */
export function outcomeOf(recordings: readonly Recording[], rule: AlarmRule, collarSeconds: number): Outcome {
  return outcomeWithin(recordings, rule, collarSeconds, Number.POSITIVE_INFINITY)!;
}

/** As `outcomeOf`, but gives up, with undefined, at more false alarms than so many: most rules that are tried end there. */
export function outcomeWithin(
  recordings: readonly Recording[],
  rule: AlarmRule,
  collarSeconds: number,
  falseAlarmsAtMost: number,
): Outcome | undefined {
  const delays: number[] = [];
  let [seconds, alarms, wrong, falseAlarms, disturbed, events] = [0, 0, 0, 0, 0, 0];
  for (const recording of recordings) {
    const bearable = recording.events.length > 0 ? undefined : falseAlarmsAtMost - falseAlarms;
    const raised = recording.track.replay(rule, bearable);
    const match = matchEvents(recording.events, raised, collarSeconds);
    seconds += ordinarySeconds(recording, collarSeconds);
    alarms += raised.length;
    wrong += match.falseAlarms.length;
    for (const { startSeconds, endSeconds } of match.falseAlarms)
      falseAlarms += Math.max(1, Math.ceil((endSeconds - startSeconds) / 60));
    if (falseAlarms > falseAlarmsAtMost) return undefined;
    if (match.falseAlarms.length > 0) disturbed++;
    events += recording.events.length;
    delays.push(...match.delaysSeconds.filter((delay) => delay !== undefined));
  }
  const ordinaryHours = seconds / 3600;
  return {
    rule,
    ordinaryHours,
    alarms,
    falseAlarms,
    disturbed,
    falseAlarmsPerHour: ratio(falseAlarms, ordinaryHours),
    upperBoundPerHour: ratio(poissonUpperBound(falseAlarms), ordinaryHours),
    events,
    found: delays.length,
    recall: ratio(delays.length, events),
    precision: ratio(alarms - wrong, alarms),
    delaySeconds: { median: quantile(delays, 0.5), p95: quantile(delays, 0.95) },
  };
}

/** The recording's length without its events and their collars: no alarm about these is a false one. */
export function ordinarySeconds({ track, events }: Recording, collarSeconds: number): number {
  let covered = 0;
  let until = 0;
  for (const { startSeconds, endSeconds } of events) {
    const end = Math.min(endSeconds + collarSeconds, track.seconds);
    covered += Math.max(0, end - Math.max(startSeconds - collarSeconds, until));
    until = Math.max(until, end);
  }
  return Math.max(0, track.seconds - covered);
}
