import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { decodeFile } from '../audio/decode.js';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { type Bundle, MODEL_FILE, readBundle, writeBundle } from '../model/bundle.js';
import { createNetwork } from '../model/engines/create-network.js';
import { backboneFingerprint } from '../model/head.js';
import { findBundle } from '../model/shelf.js';
import { embeddingsOf, readFeedback } from '../storage/feedback.js';
import { stateFolder } from '../storage/state.js';
import { type Dataset, scanDataset } from '../training/dataset.js';
import type { Epoch } from '../training/fit/fit-head.js';
import { type Trained, type TrainOptions, train as trainHead } from '../training/train.js';
import { type ClassReport, percent, reportMarkdown } from '../training/train-report.js';
import { numberFlag, patternFlag } from './flag-values.js';
import { type ConfigFlags, configFrom, shelvesOf } from './flags.js';
import { interruptible } from './interrupt.js';
import { type Progress, showProgress } from './progress.js';

export interface TrainFlags extends Omit<ConfigFlags, 'head'> {
  readonly name: string;
  readonly hidden: string;
  readonly epochs: string;
  readonly batch: string;
  readonly learningRate: string;
  readonly dropout: string;
  readonly patience: string;
  readonly classWeights: boolean;
  readonly augment?: string | true;
  readonly pool: 'frames' | 'mean';
  readonly validation: string;
  readonly groupBy?: string;
  readonly alarm?: string;
  readonly seed: string;
  readonly feedback?: string | true;
  readonly skipBad?: boolean;
  readonly cache: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Variations of each clip where `--augment` names no number. */
const DEFAULT_VARIATIONS = 3;
/** What a false alarm is where `--feedback` does not say. */
const ORDINARY_LABEL = 'background';
/** The class that alarms where `--alarm` names none. */
const ALARM_LABEL = 'abnormal';

/**
 * `train DIR OUT`: a new head for the classes in DIR, in a bundle OUT that is written whole or not at all.
 */
export async function train(dir: string, out: string, flags: TrainFlags): Promise<ExitCode> {
  const config = configFrom(modelFlags(flags));
  const folder = resolve(out);
  if (folder.startsWith(`${resolve(dir)}/`))
    throw new UserError(
      ExitCode.usage,
      `${out} lies in ${dir}: the model would be taken for a class`,
      'Choose a place outside the folder with the clips.',
    );
  await checkTarget(folder, flags.force ?? false);
  const settings = settingsOf(flags);
  const groupBy = flags.groupBy === undefined ? undefined : patternFlag(flags.groupBy);
  const dataset = await scanDataset(dir, groupBy && { groupBy });
  warnOfIgnored(dataset.ignored);

  const stateDir = stateFolder(config.stateDir, process.env);
  const feedbackFolder = join(stateDir, 'feedback');
  const base = await readBundle(await findBundle(config.model.name, shelvesOf(config)));
  const network = await createNetwork(base, config.model.engine, []);
  const print = flags.json ? console.error : console.log;
  const progress = createProgress();
  let interrupted = false;
  try {
    const { report } = await interruptible(async (signal) => {
      signal.addEventListener('abort', () => {
        interrupted = true;
      });
      const trained = await trainHead(
        dataset,
        base,
        network,
        {
          ...settings,
          signal,
          judged:
            flags.feedback === undefined ? [] : judgedAlarms(flags.feedback, dataset, base, feedbackFolder),
          name: bundleName(folder),
          alarmLabels: flags.alarm?.split(',') ?? dataset.labels.filter((label) => label === ALARM_LABEL),
          extract: {
            hopSeconds: config.window.hopSeconds,
            decode: decodeFile,
            skipBad: flags.skipBad,
            cacheDir: flags.cache ? join(stateDir, 'cache', 'embeddings') : undefined,
            onWarning: (message) => console.error(`warning: ${message}`),
          },
        },
        {
          onProgress: progress.update,
          onSplit({ classes, warnings }) {
            progress.stop();
            for (const line of splitLines(classes)) print(line);
            for (const warning of warnings) console.error(`warning: ${warning}`);
          },
          onEpoch(epoch) {
            progress.stop();
            print(epochLine(epoch, settings.epochs));
          },
        },
      );
      signal.throwIfAborted();
      await write(folder, trained);
      return trained;
    });
    if (flags.json) console.log(JSON.stringify({ out: folder, ...report }));
    else {
      const { accuracy, balancedAccuracy, bestEpoch, alarmLabels } = report;
      console.log(
        `best epoch ${bestEpoch}: ${percent(accuracy)} of the validation clips are right, balanced over the classes ${percent(balancedAccuracy)}`,
      );
      console.log(`alarms: ${alarmLabels.join(', ') || 'none (name classes that alarm with --alarm)'}`);
      console.log(`${out}: ${basename(folder)} is ready. Try it: bathnet2mqtt classify FILE --model ${out}`);
    }
    return ExitCode.ok;
  } catch (error) {
    if (!interrupted) throw error;
    console.error(`interrupted: ${out} is as it was`);
  } finally {
    progress.stop();
    await network.close();
  }
  // Everything is in order: now end as one that was interrupted ends, for scripts to see.
  process.kill(process.pid, 'SIGINT');
  return ExitCode.ok;
}

function modelFlags({ config, model, engine, set, logLevel }: TrainFlags): ConfigFlags {
  return {
    ...(config !== undefined && { config }),
    ...(model !== undefined && { model }),
    ...(engine !== undefined && { engine }),
    ...(set !== undefined && { set }),
    ...(logLevel !== undefined && { logLevel }),
  };
}

function settingsOf(flags: TrainFlags): Omit<TrainOptions, 'name' | 'alarmLabels' | 'extract' | 'signal'> {
  const whole = { min: 1, max: 100_000, integer: true };
  if (!/^[a-z0-9-]+$/.test(flags.name))
    throw new UserError(
      ExitCode.usage,
      `--name ${flags.name}: expected lower-case letters, digits and - only`,
      'Name the head like this: --name game-sounds',
    );
  return {
    head: flags.name,
    hidden:
      flags.hidden === 'none'
        ? []
        : flags.hidden.split(',').map((units) => numberFlag('hidden', units, { ...whole, max: 4096 })),
    epochs: numberFlag('epochs', flags.epochs, whole),
    batchSize: numberFlag('batch', flags.batch, whole),
    learningRate: numberFlag('learning-rate', flags.learningRate, { min: 1e-6, max: 1 }),
    dropout: numberFlag('dropout', flags.dropout, { min: 0, max: 0.9 }),
    patience: numberFlag('patience', flags.patience, whole),
    classWeights: flags.classWeights,
    augment:
      flags.augment === undefined
        ? 0
        : flags.augment === true
          ? DEFAULT_VARIATIONS
          : numberFlag('augment', flags.augment, { min: 0, max: 100, integer: true }),
    pool: flags.pool,
    validation: numberFlag('validation', flags.validation, { min: 0, max: 0.5 }),
    groupBy: flags.groupBy,
    seed: numberFlag('seed', flags.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }),
  };
}

/**
 * What people have said of alarms, as training data: a real alarm is of its own class, a false one of another.
 *
 * @throws UserError usage, where that class is not among those that are trained
 */
function judgedAlarms(falseAs: string | true, { labels, dir }: Dataset, base: Bundle, folder: string) {
  const ordinary = falseAs === true ? ORDINARY_LABEL : falseAs;
  if (!labels.includes(ordinary))
    throw new UserError(
      ExitCode.usage,
      `--feedback: there is no class ${ordinary} in ${dir}`,
      `Say what false alarms really are: --feedback CLASS, one of ${labels.join(', ')}.`,
    );
  const records = readFeedback(folder, (path) => console.error(`warning: ${path} is damaged and left out`));
  const backbone = backboneFingerprint(base);
  const judged = records.flatMap((record) => {
    const label = record.verdict === 'real_alarm' ? record.label : ordinary;
    return record.model.backbone === backbone && labels.includes(label)
      ? [{ label, embeddings: embeddingsOf(record) }]
      : [];
  });
  const leftOut = records.length - judged.length;
  console.error(
    `feedback on ${judged.length} alarms is used${leftOut > 0 ? `, ${leftOut} of another backbone or class left out` : ''}`,
  );
  return judged;
}

/** Looked at before the work begins, not after it. */
async function checkTarget(folder: string, force: boolean): Promise<void> {
  const exists = await stat(folder).catch(() => undefined);
  if (!exists) return;
  const isBundle = await stat(join(folder, MODEL_FILE)).catch(() => undefined);
  if (isBundle && force) return;
  throw new UserError(
    ExitCode.cannotCreate,
    `${folder}: there is ${isBundle ? 'a model' : 'something'} already`,
    isBundle
      ? 'Replace it with --force or choose another place.'
      : 'Choose a folder that does not exist yet.',
  );
}

/** The whole bundle beside its place, which it then takes. */
async function write(folder: string, { manifest, tensors, report }: Trained): Promise<void> {
  const temporary = `${folder}.${process.pid}.new`;
  const old = `${folder}.${process.pid}.old`;
  try {
    await mkdir(dirname(folder), { recursive: true });
    await writeBundle(temporary, manifest, tensors);
    await writeFile(join(temporary, 'class_names.txt'), report.labels.map((label) => `${label}\n`).join(''));
    await writeFile(join(temporary, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
    await writeFile(join(temporary, 'report.md'), reportMarkdown(report));
    await rename(folder, old).catch(() => {}); // nothing there
    await rename(temporary, folder);
  } catch (error) {
    await rename(old, folder).catch(() => {});
    if (error instanceof UserError) throw error;
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder}: ${messageOf(error)}`,
      'Choose a folder you may write to.',
      { cause: error },
    );
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

/** A bundle is called as its folder, as far as bundles can. */
function bundleName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-');
  return /^[a-z0-9]/.test(name) ? name : `model${name}`;
}

function warnOfIgnored(files: readonly string[]): void {
  if (files.length === 0) return;
  const named = files.slice(0, 5).join(', ');
  console.error(
    `warning: ${files.length} files are left out, no audio file in a class folder: ${named}${files.length > 5 ? ', …' : ''}`,
  );
}

function splitLines(classes: readonly ClassReport[]): string[] {
  const width = Math.max(...classes.map(({ label }) => label.length));
  return classes.map(
    ({ label, recordings, training, validation }) =>
      `${label.padEnd(width)}  ${training} clips to train, ${validation} to validate, from ${recordings} recordings`,
  );
}

function epochLine(epoch: Epoch, epochs: number): string {
  const { loss, accuracy, validationLoss, validationAccuracy } = epoch;
  const part = (name: string, each: number, right: number) =>
    `${name} loss ${each.toFixed(4)} accuracy ${right.toFixed(3)}`;
  const checked =
    validationLoss === undefined || validationAccuracy === undefined
      ? ''
      : `   ${part('validation', validationLoss, validationAccuracy)}`;
  const number = `${epoch.epoch}`.padStart(`${epochs}`.length);
  return `epoch ${number}/${epochs}   ${part('training', loss, accuracy)}${checked}`;
}

/** One bar after the other. */
function createProgress() {
  let bar: { step: string; total: number; progress: Progress } | undefined;
  const stop = () => {
    bar?.progress.stop();
    bar = undefined;
  };
  return {
    update(step: string, done: number, total: number) {
      if (bar?.step !== step || done === 1) {
        stop();
        bar = { step, total, progress: showProgress(step, total) };
      }
      bar.progress.update(done);
    },
    stop,
  };
}
