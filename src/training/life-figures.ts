import type { AlarmRule } from '../alarm/decision.js';
import type { EvidenceRule } from '../alarm/rule.js';
import { SENSITIVITIES } from '../constants.js';
import type { Sensitivity } from '../types.js';
import type { ScoredClip } from './clip-figures.js';
import { ratio, wilsonInterval } from './metrics.js';
import { outcomeOf } from './outcome.js';
import type { LifeTrack, Recording } from './track.js';

export interface LifeFigures {
  /** Clips of alarm classes: those that alarm are found. */
  readonly alarm: Share;
  /** All others: those that alarm are wrong. */
  readonly others: Share;
  /** By class and kind, sorted. */
  readonly kinds: readonly LifeKind[];
  /** From the rule that alarms most readily to the one that does least. */
  readonly curve: readonly LifePoint[];
}

interface Share {
  readonly clips: number;
  readonly alarms: number;
  readonly share: number | undefined;
  /** 95 %. */
  readonly interval: readonly [low: number, high: number] | undefined;
}

interface LifeKind extends Share {
  readonly label: string;
  readonly kind: string;
  /** Whether it ought to alarm. */
  readonly wanted: boolean;
}

/** A point of the detection error trade-off (DET). */
export interface LifePoint {
  /** The line of the evidence, nats, or the threshold of the classes. */
  readonly of: 'line' | 'threshold';
  readonly value: number;
  /** Whether it is the rule in force, and which sensitivity it is. */
  readonly chosen: boolean;
  readonly sensitivity: Sensitivity | undefined;
  /** Share of the alarm clips that do not alarm. */
  readonly missed: number | undefined;
  /** Share of the other clips that do. */
  readonly wrong: number | undefined;
  /** In recordings; undefined without them. */
  readonly falseAlarmsPerHour: number | undefined;
  readonly upperBoundPerHour: number | undefined;
}

/** Figures of the clips that were laid into life; undefined where none was. */
export function lifeFigures(
  clips: readonly ScoredClip[],
  recordings: readonly Recording[],
  rule: AlarmRule,
  collarSeconds: number,
): LifeFigures | undefined {
  const laid = clips.flatMap(({ label, life }) => (life ? [{ label, ...life }] : []));
  if (laid.length === 0) return undefined;
  const isWanted = (label: string) => rule.labels.includes(label);
  const wanted = laid.filter(({ label }) => isWanted(label));
  const others = laid.filter(({ label }) => !isWanted(label));
  const labels = [...new Set(laid.map(({ label }) => label))].sort();
  return {
    alarm: shareOf(wanted, rule),
    others: shareOf(others, rule),
    kinds: labels.flatMap((label) => {
      const ofClass = laid.filter((each) => each.label === label);
      const kinds = [...new Set(ofClass.map(({ kind }) => kind))].sort();
      return kinds.map((kind) => ({
        label,
        kind,
        wanted: isWanted(label),
        ...shareOf(
          ofClass.filter((each) => each.kind === kind),
          rule,
        ),
      }));
    }),
    curve: tried(rule).map(({ rule: changed, ...point }) => {
      const found = shareOf(wanted, changed).share;
      const outcome = recordings.length > 0 ? outcomeOf(recordings, changed, collarSeconds) : undefined;
      return {
        ...point,
        missed: found === undefined ? undefined : 1 - found,
        wrong: shareOf(others, changed).share,
        falseAlarmsPerHour: outcome?.falseAlarmsPerHour,
        upperBoundPerHour: outcome?.upperBoundPerHour,
      };
    }),
  };
}

/** An alarm from the clip's start on: what it lies in ends when none can follow from it any more. */
function alarmsIn({ track, startSeconds }: LifeTrack, rule: AlarmRule): boolean {
  return track.replay(rule).some((alarm) => alarm.startSeconds >= startSeconds);
}

function shareOf(clips: readonly LifeTrack[], rule: AlarmRule): Share {
  const alarms = clips.filter((clip) => alarmsIn(clip, rule)).length;
  return {
    clips: clips.length,
    alarms,
    share: ratio(alarms, clips.length),
    interval: wilsonInterval(alarms, clips.length),
  };
}

/** The lines of the evidence are tried from an eighth to eight times as high, in steps of a quarter of an octave. */
const LINE_FACTORS = Array.from({ length: 25 }, (_, i) => 2 ** ((i - 12) / 4));
const THRESHOLDS = [...Array.from({ length: 19 }, (_, i) => (i + 1) / 20), 0.97, 0.98, 0.99];

type Tried = Pick<LifePoint, 'of' | 'value' | 'chosen' | 'sensitivity'> & { readonly rule: AlarmRule };

function tried(rule: AlarmRule): Tried[] {
  const { evidence, sensitivity = 'normal' } = rule;
  if (!evidence)
    return [...new Set([...THRESHOLDS, rule.threshold])]
      .sort((a, b) => a - b)
      .map((threshold) => ({
        of: 'threshold',
        value: threshold,
        chosen: threshold === rule.threshold,
        sensitivity: undefined,
        rule: { ...rule, threshold, instantThreshold: Math.max(threshold, rule.instantThreshold) },
      }));
  const own = evidence.sensitivities[sensitivity];
  const changed = LINE_FACTORS.filter((factor) => factor !== 1).map((factor): Tried => {
    const lines = Object.fromEntries(Object.entries(own.lines).map(([kind, line]) => [kind, line * factor]));
    const voice = own.thump?.voice && { ...own.thump.voice, line: own.thump.voice.line * factor };
    const thump = own.thump && { ...own.thump, line: own.thump.line * factor, voice };
    const sensitivities = { ...evidence.sensitivities, [sensitivity]: { ...own, lines, thump } };
    return {
      of: 'line',
      value: meanLine(own) * factor,
      chosen: false,
      sensitivity: undefined,
      rule: { ...rule, evidence: { ...evidence, sensitivities } },
    };
  });
  const named = SENSITIVITIES.map(
    (each): Tried => ({
      of: 'line',
      value: meanLine(evidence.sensitivities[each]),
      chosen: each === sensitivity,
      sensitivity: each,
      rule: { ...rule, sensitivity: each },
    }),
  );
  return [...changed, ...named].sort((a, b) => a.value - b.value);
}

/** Each kind has a line of its own, and an impact one for the silence after it: together they rise and fall. */
function meanLine({ lines }: EvidenceRule): number {
  const values = Object.values(lines);
  return values.reduce((a, b) => a + b, 0) / values.length;
}
