import { basename } from 'node:path';
import type { AlarmRule } from '../../alarm/decision.js';
import { createFrontEnd } from '../../features/create-front-end.js';
import type { Sketch } from '../../files/sketch.js';
import type { AlarmSpan, Curve, Recording, Role } from '../../plot/recording.js';
import type { AlarmEnded, KindEvidence } from '../../types.js';
import type { FileResult } from './result.js';

/** More lines than this nobody tells apart. */
const MAX_CLASSES = 7;

/** What a class is, as the configuration and the model's rule have it. */
export function roleOf(
  label: string,
  rule: AlarmRule,
  { waterLabels, speechLabels }: { waterLabels: readonly string[]; speechLabels: readonly string[] },
): Role {
  if (rule.labels.includes(label)) return 'alarm';
  if (waterLabels.includes(label)) return 'water';
  return speechLabels.includes(label) ? 'speech' : 'other';
}

/** Collects the evidence of each window, as a share of its line. */
export class EvidenceCurves {
  readonly #values: Map<string, number[]>;

  constructor(kinds: readonly string[]) {
    this.#values = new Map(kinds.map((kind) => [kind, []]));
  }

  push(evidence: readonly KindEvidence[]): void {
    for (const [kind, values] of this.#values) {
      const { value = 0, line = 1 } = evidence.find((each) => each.kind === kind) ?? {};
      values.push(value / line);
    }
  }

  get curves(): Curve[] {
    return [...this.#values].map(([name, values]) => ({ name, values: Float32Array.from(values) }));
  }
}

/** The classes to be drawn: where there are many, those that alarm, and those that are heard most. */
function classesOf(
  { windows, count }: Pick<FileResult, 'windows' | 'count'>,
  labels: readonly string[],
  role: (label: string) => Role,
): Pick<Recording, 'classes' | 'classesLeftOut' | 'taken'> {
  const peaks = new Float64Array(labels.length);
  if (labels.length > MAX_CLASSES)
    for (const window of windows())
      for (const [i, label] of labels.entries())
        peaks[i] = Math.max(peaks[i]!, (window.scores[label] ?? 0) + (window.label === label ? 1 : 0));
  const weight = (i: number) => peaks[i]! + (role(labels[i]!) === 'alarm' ? 2 : 0);
  const shown = [...labels.keys()]
    .sort((a, b) => weight(b) - weight(a))
    .slice(0, MAX_CLASSES)
    .sort((a, b) => a - b)
    .map((i) => labels[i]!);
  const classes = shown.map((name) => ({ name, role: role(name), values: new Float32Array(count) }));
  const taken = new Int8Array(count);
  let at = 0;
  for (const { label, scores } of windows()) {
    taken[at] = shown.indexOf(label);
    for (const each of classes) each.values[at] = scores[each.name]!;
    at++;
  }
  return { classes, classesLeftOut: labels.length - shown.length, taken };
}

/** What a plot shows of a file. */
export function recordingOf(
  { file, seconds, verdict, confidence, windows, count, alarms, sounds }: FileResult,
  heard: {
    readonly labels: readonly string[];
    readonly rule: AlarmRule;
    readonly role: (label: string) => Role;
    readonly evidence: readonly Curve[];
    readonly sketches: readonly Sketch[];
    readonly frontEnd: Parameters<typeof createFrontEnd>[0];
  } & Pick<Recording, 'heardBy' | 'hopSeconds'>,
): Recording {
  const { labels, rule, role, evidence, sketches, frontEnd, heardBy, hopSeconds } = heard;
  return {
    name: basename(file),
    seconds,
    verdict,
    confidence,
    heardBy,
    sketches,
    bandOf: createFrontEnd(frontEnd).bandOf,
    hopSeconds,
    ...classesOf({ windows, count }, labels, role),
    evidence,
    threshold: rule.threshold,
    instantThreshold: rule.instantThreshold,
    cooldownSeconds: rule.cooldownSeconds,
    alarms: alarms.map(spanOf),
    sounds,
  };
}

function spanOf({ label, kind, atSeconds, durationSeconds, peakConfidence }: AlarmEnded): AlarmSpan {
  const startSeconds = atSeconds - durationSeconds;
  return { startSeconds, endSeconds: atSeconds, name: kind ?? label, peakConfidence };
}
