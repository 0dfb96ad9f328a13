import type { AlarmRule } from '../alarm/decision.js';
import {
  type Calibration,
  type Classification,
  type Curves,
  calibration,
  classification,
  curves,
} from './metrics.js';
import { type ClipMistake, NAMED_MISTAKES } from './mistakes.js';
import { type Outcome, outcomeOf } from './outcome.js';
import type { LifeTrack, Recording, Track } from './track.js';

/** A clip after the network. */
export interface ScoredClip {
  readonly path: string;
  readonly label: string;
  /** What kind of sound it is, within its class; empty for one without. Left out where nobody asks. */
  readonly kind?: string | undefined;
  /** Its `Verdict`, by label. */
  readonly scores: Readonly<Record<string, number>>;
  /** The clip as the decision stage hears it. */
  readonly track: Track;
  /** The clip in a room or in ordinary sound, where that was asked for. */
  readonly life?: LifeTrack | undefined;
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
  /** The clips as short recordings under the rule: those of alarm classes are events, the others ordinary sound. */
  readonly outcome: Outcome;
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

/**
 * @param all labels of the head
 */
export function clipFigures(
  clips: readonly ScoredClip[],
  all: readonly string[],
  rule: AlarmRule,
  collarSeconds: number,
): ClipFigures {
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
    outcome: outcomeOf(
      clips.map((clip) => recordingOf(clip, rule.labels)),
      rule,
      collarSeconds,
    ),
    kinds: verdicts.some(({ kind }) => kind !== undefined) ? kindFigures(verdicts, labels) : undefined,
    mistakes: verdicts
      .filter(({ label, predicted }) => label !== predicted)
      .sort((a, b) => b.confidence - a.confidence)
      .slice(0, NAMED_MISTAKES)
      .map(({ path, label, predicted, confidence }) => ({ path, label, predicted, confidence })),
  };
}

/** What the clips that ought not to alarm do; undefined where there are none of them, or nothing can alarm. */
export function outcomeOfOthers({ outcome }: ClipFigures): Outcome | undefined {
  return outcome.rule.labels.length > 0 && outcome.ordinaryHours > 0 ? outcome : undefined;
}

/** All of a clip of an alarm class is one event, the silence around it included. */
export function recordingOf({ track, label }: ScoredClip, alarmLabels: readonly string[]): Recording {
  const whole = { startSeconds: 0, endSeconds: Number.POSITIVE_INFINITY, label };
  return { track, events: alarmLabels.includes(label) ? [whole] : [] };
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
