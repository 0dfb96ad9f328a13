import { access, constants } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { findBundle, readModel } from '../model/shelf.js';
import { Pipeline } from '../pipeline.js';
import { checkPlaces, writeWhole } from '../storage/write-whole.js';
import {
  type ClipFigures,
  type Evaluation,
  evaluate,
  type KindFigures,
  type RecordingFigures,
} from '../training/evaluation.js';
import { duration, NOTHING, position, rate, seconds, share } from '../training/format.js';
import { renderReport } from '../training/report.js';
import { numberFlag, patternFlag } from './flag-values.js';
import { type ConfigFlags, configFrom, shelvesOf } from './flags.js';
import { interruptible } from './interrupt.js';
import { checkLabels, findMaterial, type Material, parseRenames, validationOnly } from './material.js';
import { printError } from './print.js';
import { type Heard, hear } from './score.js';
import { tableLines } from './table.js';

/** How many mistakes are printed; the report has more. */
const PRINTED_MISTAKES = 5;

export interface MaterialFlags extends ConfigFlags {
  readonly ordinary?: readonly string[];
  readonly map?: readonly string[];
  readonly collar: string;
  readonly split?: string;
  readonly validation: string;
  readonly seed: string;
  readonly groupBy?: string;
}

/** What a model says to clips and recordings, before any figure is made of it. */
export interface Listened extends Heard {
  readonly pipeline: Pipeline;
  /** The bundle that the head belongs to. */
  readonly folder: string;
  readonly head: string;
  readonly collarSeconds: number;
}

/**
 * `evaluate [DIR]`: clips in class folders, recordings with label files and ordinary sound through the network and
 * the decision stage; prints figures, and writes a page with plots for `--report`.
 *
 * @returns the exit code: that of the first file that could not be read
 */
export async function evaluateCommand(
  dir: string | undefined,
  flags: MaterialFlags & { readonly json?: boolean; readonly report?: string; readonly kinds?: boolean },
): Promise<ExitCode> {
  if (flags.report) await checkPlaces([flags.report], true); // before hours of listening
  const listened = await listenTo(dir, flags);
  if (listened === undefined) return ExitCode.ok;
  const { pipeline, head, collarSeconds, recordings, failed } = listened;
  const { model, rule } = pipeline;
  const clips = listened.clips.map((clip) =>
    flags.kinds ? { ...clip, kind: kindOf(clip.path, dir) } : clip,
  );
  const evaluation = evaluate({ model, head, rule, collarSeconds, clips, recordings });
  console.log(flags.json ? JSON.stringify(evaluation, rounded) : asText(evaluation).join('\n'));
  if (flags.report) await writeWhole([[flags.report, renderReport(evaluation, new Date())]], true);
  if (flags.report && !flags.json) console.log(`\nreport: ${flags.report}`);
  return failed[0]?.code ?? ExitCode.ok;
}

/** The folder below that of the class: DIR/CLASS/KIND/…/file; empty for a clip that lies in the class itself. */
function kindOf(path: string, dir = ''): string {
  const [, kind = '', ...below] = relative(dir, path).split(sep);
  return below.length > 0 ? kind : '';
}

/**
 * Sends everything the flags name through the model's network once. Files that cannot be read are named.
 *
 * @param willWrite whether the bundle is to be changed: one that cannot be is refused before hours of listening
 * @returns undefined after Ctrl-C
 * @throws UserError where flags, model or material do not fit each other
 */
export async function listenTo(
  dir: string | undefined,
  flags: MaterialFlags,
  { willWrite = false } = {},
): Promise<Listened | undefined> {
  const config = configFrom(flags);
  const collarSeconds = numberFlag('collar', flags.collar, { min: 0, max: 60 });
  const shelves = shelvesOf(config);
  const { bundle, head = bundle.manifest.defaultHead } = await readModel(config.model, shelves);
  // A head that was given by the path of its bundle lives there.
  const owner =
    config.model.head === undefined || config.model.head === head ? config.model.name : config.model.head;
  const folder = await findBundle(owner, shelves);
  const material = await selectedMaterial(dir, folder, flags);
  if (willWrite) await checkWritable(folder);
  const pipeline = await Pipeline.create(bundle, {
    head,
    engine: config.model.engine,
    alarm: config.alarm,
  });
  try {
    checkLabels(material, pipeline.model.labels);
    const heard = await interruptible(async (signal) => {
      const scorer = { pipeline, hopSeconds: config.window.hopSeconds, signal };
      return await hear(material, scorer).catch((error) => {
        if (signal.aborted) return undefined;
        throw error;
      });
    });
    if (heard === undefined) {
      process.kill(process.pid, 'SIGINT'); // ends as what was interrupted ends, for scripts to see
      return undefined;
    }
    for (const error of heard.failed) printError(error);
    return { ...heard, pipeline, folder, head, collarSeconds };
  } finally {
    await pipeline.close();
  }
}

async function checkWritable(folder: string): Promise<void> {
  await access(folder, constants.W_OK).catch((error) => {
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder}: cannot be written: ${messageOf(error)}`,
      'Copy that folder to a place of your own and give its path as --model, or see the result only: --dry-run.',
      { cause: error },
    );
  });
}

async function selectedMaterial(
  dir: string | undefined,
  folder: string,
  flags: MaterialFlags,
): Promise<Material> {
  const { split, groupBy } = flags;
  const material = await findMaterial(dir, flags.ordinary ?? [], parseRenames(flags.map ?? []));
  if (split === undefined) return material;
  if (split !== 'validation' || dir === undefined)
    throw new UserError(
      ExitCode.usage,
      `--split ${split}: only the validation part of DIR can be chosen`,
      'Write evaluate DIR --split validation, with the --validation and --seed that train had.',
    );
  return validationOnly(material, dir, folder, {
    share: numberFlag('validation', flags.validation, { min: 0.01, max: 0.9 }),
    seed: numberFlag('seed', flags.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }),
    ...(groupBy !== undefined && { groupBy: patternFlag(groupBy) }),
  });
}

/** Six digits are more than any of these figures has. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value;
}

function asText({ model, head, rule, clips, recordings, thresholds }: Evaluation): string[] {
  const { threshold, hits, window, instantThreshold } = rule;
  const alarms = rule.labels.length > 0 ? rule.labels.join(', ') : 'no class';
  return [
    `${model.name} ${model.version}, head ${head}, ${model.engine}`,
    `alarm: ${alarms} at ${threshold}, ${hits} of ${window} windows, at once from ${instantThreshold}`,
    ...(clips ? ['', ...clipLines(clips)] : []),
    ...(recordings ? ['', ...recordingLines(recordings)] : []),
    '',
    ...tableLines([
      ['threshold', ...(recordings ? RECORDING_COLUMNS : []), ...(clips ? CLIP_COLUMNS : [])],
      ...thresholds.map((each) => [
        `${each.threshold}${each.chosen ? ' *' : ''}`,
        ...(each.recordings
          ? [
              String(each.recordings.falseAlarms),
              rate(each.recordings.falseAlarmsPerHour),
              rate(each.recordings.upperBoundPerHour),
              share(each.recordings.recall),
              share(each.recordings.precision),
            ]
          : []),
        ...(each.clips ? [`${each.clips.found}/${each.clips.events}`, String(each.clips.falseAlarms)] : []),
      ]),
    ]),
  ];
}

const RECORDING_COLUMNS = ['false alarms', 'per hour', '95 % below', 'events found', 'precision'];
const CLIP_COLUMNS = ['alarm clips found', 'other clips that alarm'];

function clipLines(clips: ClipFigures): string[] {
  const { accuracy, balancedAccuracy, classes, labels, confusion, curves } = clips;
  return [
    `${clips.count} clips: accuracy ${share(accuracy)}, balanced ${share(balancedAccuracy)}, calibration error ${share(clips.calibration.expectedError)}`,
    ...(curves
      ? [
          `alarm classes against the others: ROC AUC ${share(curves.rocAuc)}, average precision ${share(curves.averagePrecision)}`,
        ]
      : []),
    ...alarmLines(clips),
    '',
    ...tableLines([
      ['class', 'clips', 'precision', 'recall', 'F1', 'alarms'],
      ...classes.map((each, i) => [
        each.label,
        String(each.clips),
        share(each.precision),
        share(each.recall),
        share(each.f1),
        String(clips.alarms[i]?.alarms ?? 0),
      ]),
    ]),
    '',
    ...tableLines([
      ['is \\ taken for', ...labels],
      ...confusion.map((row, i) => [labels[i] ?? '', ...row.map(String)]),
    ]),
    ...(clips.kinds ? ['', ...kindLines(clips.kinds, labels)] : []),
    ...clips.mistakes
      .slice(0, PRINTED_MISTAKES)
      .map(
        ({ path, label, predicted, confidence }) =>
          `  ${label} taken for ${predicted} (${share(confidence)}): ${path}`,
      ),
  ];
}

function alarmLines({ missedAlarms: missed, falseAlarms: other }: ClipFigures): string[] {
  return [
    ...(missed.clips > 0
      ? [`missed alarms: ${share(missed.share)}, ${missed.count} of ${missed.clips} clips of alarm classes`]
      : []),
    ...(other.clips > 0
      ? [`other clips that alarm: ${share(other.share)}, ${other.count} of ${other.clips}`]
      : []),
  ];
}

function kindLines(kinds: readonly KindFigures[], labels: readonly string[]): string[] {
  return tableLines([
    ['class', 'kind', 'clips', ...labels, 'alarms'],
    ...kinds.map(({ label, kind, clips, decided, alarmShare }) => [
      label,
      kind || NOTHING,
      String(clips),
      ...labels.map((each) => share(decided[each])),
      share(alarmShare),
    ]),
  ]);
}

function recordingLines({ count, outcome, falseAlarms, missed }: RecordingFigures): string[] {
  const { ordinaryHours, events, found, recall, precision, delaySeconds } = outcome;
  return [
    `${count} recordings, ${duration(ordinaryHours)} of ordinary sound: ${outcome.falseAlarms} false alarms, ${rate(outcome.falseAlarmsPerHour)} per hour (95 % below ${rate(outcome.upperBoundPerHour)})`,
    ...(events > 0
      ? [
          `${found} of ${events} events found: recall ${share(recall)}, precision ${share(precision)}, delay ${seconds(delaySeconds.median)} (median), ${seconds(delaySeconds.p95)} (95 %)`,
        ]
      : []),
    ...falseAlarms
      .slice(0, PRINTED_MISTAKES)
      .map(
        (each) => `  false alarm at ${position(each.atSeconds)} (${share(each.confidence)}): ${each.path}`,
      ),
    ...missed
      .slice(0, PRINTED_MISTAKES)
      .map((each) => `  missed ${each.label} at ${position(each.atSeconds)}: ${each.path}`),
  ];
}
