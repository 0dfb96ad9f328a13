import { relative, sep } from 'node:path';
import { ExitCode, UserError } from '../errors.js';
import type { Bundle, Manifest } from '../model/bundle.js';
import { withHeads } from '../model/combine.js';
import { denseScores } from '../model/head.js';
import type { Network } from '../model/network.js';
import { augmented } from './augment.js';
import { type Clip, type Dataset, splitByGroup } from './dataset.js';
import { type ClipEmbeddings, type ExtractOptions, extractEmbeddings } from './embeddings.js';
import { type Epoch, type FitOptions, fitHead } from './fit/fit-head.js';
import type { Samples } from './fit/samples.js';
import { classification, type Verdict } from './metrics.js';
import type { ClassReport, TrainingReport } from './train-report.js';

/** A window so much quieter than the loudest one of its clip is the pause before or after the sound. */
const QUIETER_DB = 30;

export interface TrainOptions extends Omit<FitOptions, 'onEpoch'> {
  /** What the new head is called. */
  readonly head: string;
  /** What the new bundle is called. */
  readonly name: string;
  readonly alarmLabels: readonly string[];
  /** Share of the clips of each class that are kept back to see how well it went. */
  readonly validation: number;
  /** Variations of every training clip that are added. */
  readonly augment: number;
  /** A sample is every window of a clip, or their mean. */
  readonly pool: 'frames' | 'mean';
  readonly groupBy?: string | undefined;
  /** Embeddings with their class that are trained on, too, and never validated with. */
  readonly judged?: ReadonlyArray<{ readonly label: string; readonly embeddings: readonly Float32Array[] }>;
  readonly extract: Omit<ExtractOptions, 'onProgress' | 'signal'>;
}

export interface TrainHandlers {
  /** Extraction goes on: `total` files are to be done, `done` of them are. */
  onProgress(step: 'embeddings' | 'variations', done: number, total: number): void;
  onSplit(report: Pick<TrainingReport, 'classes' | 'warnings'>): void;
  onEpoch(epoch: Epoch): void;
}

export interface Trained {
  readonly manifest: Omit<Manifest, 'weights'>;
  readonly tensors: Bundle['tensors'];
  readonly report: TrainingReport;
}

interface Heard extends Clip {
  readonly embeddings: ClipEmbeddings;
}

/**
 * Trains a head on a folder of clips: embeddings, split by recording, variations of the training part, fit, and a
 * look at the validation part with the weights that were found. Nothing is written but the cache.
 *
 * @param base the bundle whose backbone is used and whose other heads are kept
 * @param network of `base`
 * @throws UserError bad data, where clips cannot be decoded; usage, where an alarm label is no class
 */
export async function train(
  dataset: Dataset,
  base: Bundle,
  network: Network,
  options: TrainOptions,
  handlers: TrainHandlers,
): Promise<Trained> {
  const { labels } = dataset;
  const { head, name, alarmLabels, seed, signal, extract } = options;
  const unknown = alarmLabels.filter((label) => !labels.includes(label));
  if (unknown.length > 0)
    throw new UserError(
      ExitCode.usage,
      `--alarm: there is no class ${unknown.join(', ')} in ${dataset.dir}`,
      `Choose from its classes: ${labels.join(', ')}.`,
    );

  // Embeddings of all clips, split by recording
  const clips = await hear(dataset.clips, 'embeddings', extract);
  const split = splitByGroup(clips, options.validation, seed);
  const { training, validation } = split;
  const missing = labels.filter((label) => !training.some((clip) => clip.label === label));
  if (missing.length > 0)
    throw new UserError(
      ExitCode.badData,
      `no clip is left to train ${missing.join(', ')}`,
      'Add clips to those classes, or mend those that cannot be decoded.',
    );
  const classes = labels.map((label) => classReport(label, clips, training, validation));
  handlers.onSplit({ classes, warnings: split.warnings });

  // Variations of the training clips only: none crosses the split
  const varied: Heard[] = [];
  for (let copy = 1; copy <= options.augment; copy++)
    varied.push(
      ...(await hear(training, 'variations', {
        ...extract,
        decode: augmented(extract.decode, seed, copy),
        variation: `variation ${seed} ${copy}`,
      })),
    );

  const size = base.manifest.embeddingSize;
  const fitted = await fitHead(
    samplesOf([...training, ...varied, ...(options.judged ?? []).map(asHeard)], labels, size, options.pool),
    samplesOf(validation, labels, size, options.pool),
    size,
    labels.length,
    { ...options, onEpoch: handlers.onEpoch },
  );

  const tensors = new Map(base.tensors);
  for (const key of tensors.keys()) if (key.startsWith(`heads.${head}.`)) tensors.delete(key);
  for (const [key, tensor] of fitted.tensors) tensors.set(`heads.${head}.${key}`, tensor);
  const { weights: _, metrics: __, ...kept } = base.manifest;
  const unmeasured: Omit<Manifest, 'weights'> = {
    ...kept,
    name,
    version: '1.0.0',
    description: `${kept.name} ${kept.version} with a head trained on ${labels.join(', ')}`,
    heads: withHeads(kept, {
      [head]: {
        type: 'dense',
        labels: [...labels],
        layers: fitted.layers,
        alarm: { labels: [...alarmLabels] },
      },
    }),
    defaultHead: head,
  };
  const bundle: Bundle = { manifest: { ...unmeasured, weights: base.manifest.weights }, tensors };
  const verdicts = validation.map(
    (clip): Verdict => ({ label: clip.label, predicted: verdict(bundle, head, clip) }),
  );
  const { accuracy, balancedAccuracy, classes: figures, confusion } = classification(verdicts, labels);
  const best = fitted.epochs[fitted.bestEpoch - 1];
  const manifest = {
    ...unmeasured,
    metrics: {
      trainingClips: training.length,
      validationClips: validation.length,
      ...(accuracy !== undefined && { validationAccuracy: round(accuracy) }),
      ...(balancedAccuracy !== undefined && { validationBalancedAccuracy: round(balancedAccuracy) }),
      pool: options.pool,
      seed,
    },
  };
  const report: TrainingReport = {
    model: name,
    head,
    base: `${kept.name} ${kept.version}`,
    engine: network.engine,
    labels,
    alarmLabels,
    settings: {
      hidden: options.hidden,
      epochs: options.epochs,
      batchSize: options.batchSize,
      learningRate: options.learningRate,
      dropout: options.dropout,
      patience: options.patience,
      classWeights: options.classWeights,
      augment: options.augment,
      pool: options.pool,
      hopSeconds: extract.hopSeconds,
      validation: options.validation,
      groupBy: options.groupBy ?? 'consecutive numbers',
      seed,
    },
    classes,
    validationFiles: validation.map(({ path }) => relative(dataset.dir, path).split(sep).join('/')),
    warnings: split.warnings,
    epochs: fitted.epochs,
    bestEpoch: fitted.bestEpoch,
    windowAccuracy: best?.validationAccuracy,
    accuracy,
    balancedAccuracy,
    recall: Object.fromEntries(figures.map(({ label, recall }) => [label, recall])),
    confusion,
  };
  return { manifest, tensors, report };

  async function hear(
    which: readonly Clip[],
    step: 'embeddings' | 'variations',
    how: Omit<ExtractOptions, 'onProgress' | 'signal'>,
  ): Promise<Heard[]> {
    const found = await extractEmbeddings(
      which.map(({ path }) => path),
      base,
      network,
      { ...how, signal, onProgress: (done) => handlers.onProgress(step, done, which.length) },
    );
    const byPath = new Map(found.map((embeddings) => [embeddings.path, embeddings]));
    return which.flatMap(({ path, label, group, cut }) => {
      const embeddings = byPath.get(path);
      return embeddings ? [{ path, label, group, ...(cut !== undefined && { cut }), embeddings }] : [];
    });
  }
}

function classReport(
  label: string,
  clips: readonly Clip[],
  training: readonly Clip[],
  validation: readonly Clip[],
): ClassReport {
  const own = clips.filter((clip) => clip.label === label);
  const count = (part: readonly Clip[]) => part.filter((clip) => clip.label === label).length;
  return {
    label,
    clips: own.length,
    recordings: new Set(own.map(({ group }) => group)).size,
    training: count(training),
    validation: count(validation),
  };
}

/** The rows that a head learns from or is checked on. */
/** Judged windows as a clip of their own; all of them are the sound itself. */
function asHeard({ label, embeddings }: { label: string; embeddings: readonly Float32Array[] }) {
  const count = embeddings.length;
  const frames = new Float32Array(embeddings.flatMap((each) => [...each]));
  return { label, embeddings: { path: '', count, frames, rmsDbfs: new Float32Array(count) } };
}

function samplesOf(
  clips: ReadonlyArray<Pick<Heard, 'label' | 'embeddings'>>,
  labels: readonly string[],
  size: number,
  pool: 'frames' | 'mean',
): Samples {
  const rows: Float32Array[] = [];
  const classes: number[] = [];
  for (const { label, embeddings } of clips) {
    const heard =
      pool === 'mean' ? [meanOf(soundingFrames(embeddings, size), size)] : soundingFrames(embeddings, size);
    rows.push(...heard);
    for (const _ of heard) classes.push(labels.indexOf(label));
  }
  const features = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) features.set(row, i * size);
  return { features, classes: Int32Array.from(classes) };
}

/** The windows of a clip without the pauses around the sound. */
function soundingFrames({ frames, rmsDbfs }: ClipEmbeddings, size: number): Float32Array[] {
  const loudest = rmsDbfs.reduce((a, b) => Math.max(a, b));
  return [...rmsDbfs].flatMap((level, i) =>
    level >= loudest - QUIETER_DB ? [frames.subarray(i * size, (i + 1) * size)] : [],
  );
}

function meanOf(rows: readonly Float32Array[], size: number): Float32Array {
  const mean = new Float32Array(size);
  for (const row of rows) for (let i = 0; i < size; i++) mean[i]! += row[i]! / rows.length;
  return mean;
}

/** The class with the highest mean score over a clip's windows. */
function verdict(bundle: Bundle, head: string, { embeddings }: Heard): string {
  const { labels } = bundle.manifest.heads[head] as Manifest['heads'][string];
  const scores = denseScores(
    bundle,
    head,
    concatenated(soundingFrames(embeddings, bundle.manifest.embeddingSize)),
  );
  const sums = labels.map((_, c) => {
    let sum = 0;
    for (let i = c; i < scores.length; i += labels.length) sum += scores[i]!;
    return sum;
  });
  return labels[sums.indexOf(Math.max(...sums))] as string;
}

function concatenated(rows: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    out.set(row, at);
    at += row.length;
  }
  return out;
}

const round = (value: number) => Math.round(value * 10_000) / 10_000;
