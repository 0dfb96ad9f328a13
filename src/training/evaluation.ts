import type { AlarmRule } from '../alarm/decision.js';
import type { ModelInfo } from '../types.js';
import { matchEvents } from './events.js';
import {
  type Calibration,
  type Classification,
  type Curves,
  calibration,
  classification,
  curves,
} from './metrics.js';
import { type Outcome, outcomeOf, type Recording, type Track } from './track.js';

/** How many mistakes of each kind are named. */
const NAMED_MISTAKES = 30;

/** A clip after the network. */
export interface ScoredClip {
  readonly path: string;
  readonly label: string;
  /** What kind of sound it is, within its class; empty for one without. Left out where nobody asks. */
  readonly kind?: string | undefined;
  /** Mean over its windows, by label: the verdict of `classify`. */
  readonly scores: Readonly<Record<string, number>>;
  /** The clip as the decision stage hears it. */
  readonly track: Track;
}

/** Everything that was measured; plain data for people, reports and programs. */
export interface Evaluation {
  readonly model: ModelInfo;
  readonly head: string;
  readonly rule: AlarmRule;
  readonly collarSeconds: number;
  /** Undefined where there are no clips. */
  readonly clips: ClipFigures | undefined;
  /** Long recordings, with labels or ordinary; undefined where there are none. */
  readonly recordings: RecordingFigures | undefined;
  /** The rule at each threshold. */
  readonly thresholds: readonly ThresholdFigures[];
}

export interface ClipFigures extends Classification {
  readonly count: number;
  readonly calibration: Calibration;
  /** Of the alarm classes against all others, by the mean score; undefined where one side is missing. */
  readonly curves: Curves | undefined;
  /** How many clips of each class raise an alarm under the rule. */
  readonly alarms: ReadonlyArray<{ readonly label: string; readonly clips: number; readonly alarms: number }>;
  /** Of the clips of alarm classes, how many raise no alarm. */
  readonly missedAlarms: ShareOf;
  /** Of all other clips, how many raise one. */
  readonly falseAlarms: ShareOf;
  /** By class and kind, sorted; undefined where nobody asks. */
  readonly kinds: readonly KindFigures[] | undefined;
  /** The surest first. */
  readonly mistakes: readonly ClipMistake[];
}

interface ShareOf {
  readonly clips: number;
  readonly count: number;
  /** Undefined where there are no clips. */
  readonly share: number | undefined;
}

export interface KindFigures {
  readonly label: string;
  /** Empty for the clips of the class that have none. */
  readonly kind: string;
  readonly clips: number;
  /** Share of the clips that is taken for each label. */
  readonly decided: Readonly<Record<string, number>>;
  /** Those that raise an alarm under the rule. */
  readonly alarms: number;
  readonly alarmShare: number;
}

interface ClipMistake {
  readonly path: string;
  readonly label: string;
  readonly predicted: string;
  readonly confidence: number;
}

export interface RecordingFigures {
  readonly count: number;
  readonly outcome: Outcome;
  /** The surest first. */
  readonly falseAlarms: readonly RecordingMistake[];
  readonly missed: readonly RecordingMistake[];
}

interface RecordingMistake {
  readonly path: string;
  readonly atSeconds: number;
  readonly label: string;
  /** Of a false alarm. */
  readonly confidence?: number;
}

export interface ThresholdFigures {
  readonly threshold: number;
  /** Whether it is the rule's own. */
  readonly chosen: boolean;
  readonly recordings: Outcome | undefined;
  readonly clips: Outcome | undefined;
}

export interface EvaluationInput {
  readonly model: ModelInfo;
  readonly head: string;
  readonly rule: AlarmRule;
  readonly collarSeconds: number;
  readonly clips: readonly ScoredClip[];
  readonly recordings: readonly Recording[];
}

/** All figures of what the network said. */
export function evaluate(input: EvaluationInput): Evaluation {
  const { model, head, rule, collarSeconds, clips, recordings } = input;
  const ownThresholds = [...STEPS, rule.threshold].sort((a, b) => a - b);
  const clipStreams = clips.map((clip) => recordingOf(clip, rule.labels));
  const under = (streams: readonly Recording[], changed: AlarmRule) =>
    streams.length > 0 ? outcomeOf(streams, changed, collarSeconds) : undefined;
  return {
    model,
    head,
    rule,
    collarSeconds,
    clips: clips.length > 0 ? clipFigures(clips, model.labels, rule) : undefined,
    recordings: recordings.length > 0 ? recordingFigures(recordings, rule, collarSeconds) : undefined,
    thresholds: [...new Set(ownThresholds)].map((threshold) => {
      const changed = withThreshold(rule, threshold);
      return {
        threshold,
        chosen: threshold === rule.threshold,
        recordings: under(recordings, changed),
        clips: under(clipStreams, changed),
      };
    }),
  };
}

/** 0.05, 0.1 … 0.95, and the end in finer steps: there sure networks differ. */
const STEPS = [...Array.from({ length: 19 }, (_, i) => (i + 1) / 20), 0.97, 0.98, 0.99];

/** An instant alarm below the threshold would be one without a hit. */
function withThreshold(rule: AlarmRule, threshold: number): AlarmRule {
  return { ...rule, threshold, instantThreshold: Math.max(threshold, rule.instantThreshold) };
}

/** All of a clip of an alarm class is one event, the silence around it included. */
export function recordingOf({ track, label }: ScoredClip, alarmLabels: readonly string[]): Recording {
  const whole = { startSeconds: 0, endSeconds: Number.POSITIVE_INFINITY, label };
  return { track, events: alarmLabels.includes(label) ? [whole] : [] };
}

function clipFigures(clips: readonly ScoredClip[], all: readonly string[], rule: AlarmRule): ClipFigures {
  const verdicts = clips.map(({ path, label, kind, scores, track }): ClipVerdict => {
    const predicted = all.reduce((a, b) => (scores[b]! > scores[a]! ? b : a));
    const alarms = track.replay(rule).length > 0;
    return { path, label, kind, predicted, confidence: scores[predicted]!, alarms };
  });
  // Of 521 classes most do not occur; those that do keep the head's order.
  const occurring = new Set(verdicts.flatMap(({ label, predicted }) => [label, predicted]));
  const labels = all.filter((label) => occurring.has(label));
  const alarmScore = ({ scores }: ScoredClip) => Math.max(...rule.labels.map((label) => scores[label]!));
  return {
    count: clips.length,
    ...classification(verdicts, labels),
    calibration: calibration(
      verdicts.map(({ label, predicted, confidence }) => ({
        score: confidence,
        positive: label === predicted,
      })),
    ),
    curves:
      rule.labels.length > 0
        ? curves(
            clips.map((clip) => ({ score: alarmScore(clip), positive: rule.labels.includes(clip.label) })),
          )
        : undefined,
    alarms: labels.map((label) => {
      const members = verdicts.filter((each) => each.label === label);
      return { label, clips: members.length, alarms: members.filter(({ alarms }) => alarms).length };
    }),
    missedAlarms: shareOf(
      verdicts.filter(({ label }) => rule.labels.includes(label)),
      ({ alarms }) => !alarms,
    ),
    falseAlarms: shareOf(
      verdicts.filter(({ label }) => !rule.labels.includes(label)),
      ({ alarms }) => alarms,
    ),
    kinds: verdicts.some(({ kind }) => kind !== undefined) ? kindFigures(verdicts, labels) : undefined,
    mistakes: verdicts
      .filter(({ label, predicted }) => label !== predicted)
      .sort((a, b) => b.confidence - a.confidence)
      .slice(0, NAMED_MISTAKES)
      .map(({ path, label, predicted, confidence }) => ({ path, label, predicted, confidence })),
  };
}

/** What is said of a clip as a whole, and whether it raises an alarm. */
interface ClipVerdict extends ClipMistake {
  readonly kind: string | undefined;
  readonly alarms: boolean;
}

function shareOf(clips: readonly ClipVerdict[], counts: (clip: ClipVerdict) => boolean): ShareOf {
  const count = clips.filter(counts).length;
  return { clips: clips.length, count, share: clips.length > 0 ? count / clips.length : undefined };
}

function kindFigures(verdicts: readonly ClipVerdict[], labels: readonly string[]): KindFigures[] {
  return labels.flatMap((label) => {
    const ofClass = verdicts.filter((each) => each.label === label);
    const kinds = [...new Set(ofClass.map(({ kind = '' }) => kind))].sort();
    return kinds.map((kind) => {
      const clips = ofClass.filter((each) => (each.kind ?? '') === kind);
      const decided = labels.map((label) => [
        label,
        shareOf(clips, ({ predicted }) => predicted === label).share ?? 0,
      ]);
      const { count, share = 0 } = shareOf(clips, ({ alarms }) => alarms);
      return {
        label,
        kind,
        clips: clips.length,
        decided: Object.fromEntries(decided),
        alarms: count,
        alarmShare: share,
      };
    });
  });
}

function recordingFigures(
  recordings: readonly Recording[],
  rule: AlarmRule,
  collarSeconds: number,
): RecordingFigures {
  const falseAlarms: RecordingMistake[] = [];
  const missed: RecordingMistake[] = [];
  for (const { track, events } of recordings) {
    const match = matchEvents(events, track.replay(rule), collarSeconds);
    const { path } = track;
    for (const { startSeconds, label, confidence } of match.falseAlarms)
      falseAlarms.push({ path, atSeconds: startSeconds, label, confidence });
    for (const [i, { startSeconds, label }] of events.entries())
      if (match.delaysSeconds[i] === undefined) missed.push({ path, atSeconds: startSeconds, label });
  }
  falseAlarms.sort((a, b) => (b.confidence ?? 0) - (a.confidence ?? 0));
  return {
    count: recordings.length,
    outcome: outcomeOf(recordings, rule, collarSeconds),
    falseAlarms: falseAlarms.slice(0, NAMED_MISTAKES),
    missed: missed.slice(0, NAMED_MISTAKES),
  };
}
