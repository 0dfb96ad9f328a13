import { relative, sep } from 'node:path';
import { ExitCode, UserError } from '../errors.js';
import type { Bundle, Manifest } from '../model/bundle.js';
import { concatenated } from '../model/concatenated.js';
import { sha256Of } from '../model/fingerprint.js';
import { groupsBy } from './collections.js';
import type { Clip, Dataset } from './dataset.js';
import type { ClipEmbeddings, Extract } from './embeddings.js';
import { type Epoch, type FitOptions, fitHead } from './fit/fit-head.js';
import type { LaidFile, Lay } from './lay.js';
import { classification, type Verdict } from './metrics.js';
import { type LabelledFrames, samplesOf } from './pooling.js';
import { quietRooms } from './room.js';
import { splitByGroup } from './split.js';
import { type ClassReport, fitFigures, type TrainingReport, validationFigures } from './train-report.js';
import { trainingMetrics, verdict, withTrainedHead } from './trained-bundle.js';

/** Windows of a room in which nothing is heard. */
const QUIET_ROOMS = 24;

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
  /** The class that a room belongs to in which nothing is heard; undefined where none is meant for it. */
  readonly quietLabel?: string | undefined;
  /** Embeddings with their class that are trained on, too, and never validated with. */
  readonly judged?: readonly Judged[];
  /** From the start of one window to the start of the next, as in the daemon. */
  readonly hopSeconds: number;
  readonly extract: Extract;
}

interface Judged {
  readonly label: string;
  readonly embeddings: readonly Float32Array[];
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
 * @throws UserError bad data, where clips cannot be decoded; usage, where an alarm label is no class
 */
export async function train(
  dataset: Dataset,
  base: Bundle,
  options: TrainOptions,
  handlers: TrainHandlers,
): Promise<Trained> {
  const { labels } = dataset;
  const { head, name, alarmLabels, seed, extract } = options;
  checkClasses(dataset, alarmLabels);

  // Around short clips the room is quiet: that must not be what tells their class
  const { quietLabel } = options;
  const rooms = (quietLabel === undefined ? [] : quietRooms(QUIET_ROOMS, seed)).map(
    ({ name, lay }): LaidFile => ({ path: name, lays: [lay] }),
  );

  // Embeddings of all clips, split by recording
  const inRoom: Lay = { how: 'in a room', aroundSamples: 0 };
  const { heard, quiet, engine } = await hear(dataset.clips, 'embeddings', [inRoom], rooms);
  const sounds = [...groupsBy(heard, soundOf).values()];
  const clips = sounds.map(([first]) => first!);
  const split = splitByGroup(clips, options.validation, seed);
  const { training, validation } = split;
  const warnings = [...duplicatesLine(sounds), ...split.warnings];
  const missing = labels.filter((label) => !training.some((clip) => clip.label === label));
  if (missing.length > 0)
    throw new UserError(
      ExitCode.badData,
      `no clip is left to train ${missing.join(', ')}`,
      'Add clips to those classes, or mend those that cannot be decoded.',
    );
  const classes = labels.map((label) => classReport(label, clips, training, validation));
  handlers.onSplit({ classes, warnings });

  // Variations of the training clips only: none crosses the split
  const copies = Array.from(
    { length: options.augment },
    (_, i): Lay => ({ how: 'varied', seed, copy: i + 1 }),
  );
  const { heard: varied } = await hear(training, 'variations', copies);

  const size = base.manifest.embeddingSize;
  const learnt = [
    ...training,
    ...varied,
    ...quiet.map((embeddings) => ({ label: quietLabel as string, embeddings })),
    ...(options.judged ?? []).map(asHeard),
  ];
  const fitted = await fitHead(
    samplesOf(learnt, labels, size, options.pool),
    samplesOf(validation, labels, size, options.pool),
    size,
    labels.length,
    { ...options, onEpoch: handlers.onEpoch },
  );

  const bundle = withTrainedHead(base, fitted, { head, name, labels, alarmLabels });
  const verdicts = validation.map(
    (clip): Verdict => ({ label: clip.label, predicted: verdict(bundle, head, clip) }),
  );
  const result = classification(verdicts, labels);
  const counts = { training: training.length, validation: validation.length };
  const { weights: _, ...unmeasured } = bundle.manifest;
  return {
    manifest: { ...unmeasured, metrics: trainingMetrics(counts, result, options) },
    tensors: bundle.tensors,
    report: {
      model: name,
      head,
      base: `${base.manifest.name} ${base.manifest.version}`,
      engine,
      labels,
      alarmLabels,
      settings: settingsOf(options),
      classes,
      validationFiles: validation.map(({ path }) => relative(dataset.dir, path).split(sep).join('/')),
      warnings,
      ...fitFigures(fitted),
      ...validationFigures(result),
    },
  };

  /** By lay, and in the order of the clips; with them rooms, since every time starts threads with an engine each. */
  async function hear(
    which: readonly Clip[],
    step: 'embeddings' | 'variations',
    lays: readonly Lay[],
    rooms: readonly LaidFile[] = [],
  ): Promise<{ heard: Heard[]; quiet: ClipEmbeddings[]; engine: string }> {
    if (lays.length === 0) return { heard: [], quiet: [], engine: '' };
    const sounds = which.map(({ path }) => ({ path, lays }));
    const { files, engine } = await extract([...sounds, ...rooms], (done) => {
      if (done <= which.length) handlers.onProgress(step, done, which.length);
    });
    const byPath = new Map(files.map((file) => [file[0]?.path, file]));
    const heard = lays.flatMap((_, lay) =>
      which.flatMap(({ path, label, group, cut }) => {
        const embeddings = byPath.get(path)?.[lay];
        return embeddings ? [{ path, label, group, ...(cut !== undefined && { cut }), embeddings }] : [];
      }),
    );
    return { heard, quiet: rooms.flatMap(({ path }) => byPath.get(path) ?? []), engine };
  }
}

/** Before anything is heard, which takes long. */
function checkClasses({ dir, labels, clips }: Dataset, alarmLabels: readonly string[]): void {
  const unknown = alarmLabels.filter((label) => !labels.includes(label));
  if (unknown.length > 0)
    throw new UserError(
      ExitCode.usage,
      `--alarm: there is no class ${unknown.join(', ')} in ${dir}`,
      `Choose from its classes: ${labels.join(', ')}.`,
    );
  const single = labels.filter((label) => clips.filter((clip) => clip.label === label).length < 2);
  if (single.length > 0)
    throw new UserError(
      ExitCode.badData,
      `one clip is not a class: ${single.join(', ')} in ${dir}`,
      'Record more: 20 clips of three recordings are a beginning (docs/training.md).',
    );
}

/**
 * The same for exact copies in a class. Under another name a copy is taken for another recording: on the other side of
 * the split it would be known from training, and on the same it would count twice. So only the first of them is used.
 */
function soundOf({ label, embeddings: { frames } }: Heard): string {
  return `${sha256Of(new Uint8Array(frames.buffer, frames.byteOffset, frames.byteLength))} ${label}`;
}

function duplicatesLine(sounds: readonly (readonly Clip[])[]): string[] {
  const copied = sounds.filter(({ length }) => length > 1);
  const [first, second] = copied[0] ?? [];
  if (!first || !second) return [];
  const count = copied.reduce((sum, { length }) => sum + length - 1, 0);
  const what = count === 1 ? 'exact copy of a clip' : 'exact copies of clips';
  return [`${count} ${what} of the same class left out, for example ${second.path}, which is ${first.path}`];
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

/** Judged windows as a clip of their own; all of them are the sound itself. */
function asHeard({ label, embeddings }: Judged): LabelledFrames {
  const count = embeddings.length;
  return {
    label,
    embeddings: { path: '', count, frames: concatenated(embeddings), rmsDbfs: new Float32Array(count) },
  };
}

/** The options as the report names them. */
function settingsOf(options: TrainOptions): TrainingReport['settings'] {
  return {
    hidden: options.hidden,
    epochs: options.epochs,
    batchSize: options.batchSize,
    learningRate: options.learningRate,
    dropout: options.dropout,
    patience: options.patience,
    classWeights: options.classWeights,
    augment: options.augment,
    pool: options.pool,
    hopSeconds: options.hopSeconds,
    validation: options.validation,
    groupBy: options.groupBy ?? 'consecutive numbers',
    seed: options.seed,
  };
}
