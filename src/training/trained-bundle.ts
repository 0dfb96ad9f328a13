import type { Bundle, Manifest } from '../model/bundle.js';
import { withHeads } from '../model/combine.js';
import { concatenated } from '../model/concatenated.js';
import { denseScores } from '../model/head.js';
import type { FittedHead } from './fit/fit-head.js';
import type { Classification } from './metrics.js';
import { type LabelledFrames, soundingFrames } from './pooling.js';

/** What the new bundle and its new head are called, and which of its classes alarm. */
export interface TrainedHeadOptions {
  readonly head: string;
  readonly name: string;
  readonly labels: readonly string[];
  readonly alarmLabels: readonly string[];
}

/** The base with the trained head as its default; its other heads stay. */
export function withTrainedHead(
  base: Bundle,
  { layers, tensors }: FittedHead,
  { head, name, labels, alarmLabels }: TrainedHeadOptions,
): Bundle {
  const all = new Map(base.tensors);
  for (const key of all.keys()) if (key.startsWith(`heads.${head}.`)) all.delete(key);
  for (const [key, tensor] of tensors) all.set(`heads.${head}.${key}`, tensor);
  const { metrics: _, ...kept } = base.manifest;
  return {
    manifest: {
      ...kept,
      name,
      version: '1.0.0',
      description: `${kept.name} ${kept.version} with a head trained on ${labels.join(', ')}`,
      heads: withHeads(kept, {
        [head]: { type: 'dense', labels: [...labels], layers, alarm: { labels: [...alarmLabels] } },
      }),
      defaultHead: head,
    },
    tensors: all,
  };
}

/** The class with the highest mean score over a clip's windows. */
export function verdict(bundle: Bundle, head: string, { embeddings }: LabelledFrames): string {
  const { labels } = bundle.manifest.heads[head] as Manifest['heads'][string];
  const frames = soundingFrames(embeddings, bundle.manifest.embeddingSize);
  const scores = denseScores(bundle, head, concatenated(frames));
  const sums = labels.map((_, c) => {
    let sum = 0;
    for (let i = c; i < scores.length; i += labels.length) sum += scores[i]!;
    return sum;
  });
  return labels[sums.indexOf(Math.max(...sums))] as string;
}

/** What the manifest says of how the head was made and how good it is. */
export function trainingMetrics(
  clips: { readonly training: number; readonly validation: number },
  { accuracy, balancedAccuracy }: Classification,
  settings: { readonly pool: string; readonly seed: number },
): NonNullable<Manifest['metrics']> {
  return {
    trainingClips: clips.training,
    validationClips: clips.validation,
    ...(accuracy !== undefined && { validationAccuracy: round(accuracy) }),
    ...(balancedAccuracy !== undefined && { validationBalancedAccuracy: round(balancedAccuracy) }),
    pool: settings.pool,
    seed: settings.seed,
  };
}

const round = (value: number) => Math.round(value * 10_000) / 10_000;
