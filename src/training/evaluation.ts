import type { AlarmRule } from '../alarm/decision.js';
import type { ModelInfo } from '../types.js';
import { type ClipFigures, clipFigures, recordingOf, type ScoredClip } from './clip-figures.js';
import { type LifeFigures, lifeFigures } from './life-figures.js';
import { type Outcome, outcomeOf } from './outcome.js';
import { type RecordingFigures, recordingFigures } from './recording-figures.js';
import type { Recording } from './track.js';

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
  /** Clips laid into a room or into ordinary sound; undefined where nobody asked. */
  readonly life: LifeFigures | undefined;
  /** The rule at each threshold. */
  readonly thresholds: readonly ThresholdFigures[];
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
    clips: clips.length > 0 ? clipFigures(clips, model.labels, rule, collarSeconds) : undefined,
    recordings: recordings.length > 0 ? recordingFigures(recordings, rule, collarSeconds) : undefined,
    life: lifeFigures(clips, recordings, rule, collarSeconds),
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
