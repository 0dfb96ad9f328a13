import { readFile, realpath } from 'node:fs/promises';
import { basename, extname, join, relative, resolve, sep } from 'node:path';
import { ExitCode, messageOf, UserError } from '../../errors.js';
import { scanDataset } from '../../training/dataset.js';
import { type LabelledEvent, parseLabels } from '../../training/events.js';
import { splitByGroup } from '../../training/split.js';
import { AUDIO, audioBelow } from './audio-files.js';
import { warn } from './print.js';

/** Label files that lie beside a recording and have its name. */
const LABEL_FILES = ['.txt', '.csv'];

/** What there is to evaluate on. */
export interface Material {
  readonly clips: ReadonlyArray<{ readonly path: string; readonly label: string }>;
  /** Long recordings; `labels` are all that the file beside it says. */
  readonly recordings: ReadonlyArray<{ readonly path: string; readonly labels: readonly LabelledEvent[] }>;
}

/**
 * Finds clips in class folders, recordings with a label file beside them (same name, `.txt` or `.csv`), wherever
 * they lie below `dir`, and under `ordinary` recordings in which nothing is to be found, each once.
 *
 * @param renames labels of folders and label files that stand for others of the head
 * @throws UserError usage where no folder is named; no input where one cannot be read; bad data where there is nothing in them, a label
 *   file is broken, or one sound is both labelled and ordinary
 */
export async function findMaterial(
  dir: string | undefined,
  ordinary: readonly string[],
  renames: ReadonlyMap<string, string>,
): Promise<Material> {
  if (dir === undefined && ordinary.length === 0)
    throw new UserError(
      ExitCode.usage,
      'there is nothing to listen to: neither a folder nor --ordinary is named',
      'Give a folder with one folder per class, one with labelled recordings, or --ordinary FOLDER.',
    );
  const renamed = (label: string) => renames.get(label) ?? label;
  const clips: { path: string; label: string }[] = [];
  const recordings: { path: string; labels: readonly LabelledEvent[] }[] = [];
  const strays: string[] = [];
  const unlabelled: string[] = [];
  for (const path of dir === undefined ? [] : await audioBelow(dir)) {
    const labels = await labelsBeside(path);
    const [folder, ...below] = relative(dir ?? '', path).split(sep);
    if (labels?.length === 0 && below.length > 0) unlabelled.push(path);
    if (labels)
      recordings.push({ path, labels: labels.map((each) => ({ ...each, label: renamed(each.label) })) });
    else if (folder !== undefined && below.length > 0) clips.push({ path, label: renamed(folder) });
    else strays.push(path);
  }
  if (strays.length > 0)
    throw new UserError(
      ExitCode.badData,
      `${strays[0]}${strays.length > 1 ? ` and ${strays.length - 1} more` : ''}: lies in no class folder and has no label file`,
      `Put clips into folders named after their class, labels beside a recording as ${basename(strays[0] ?? '').replace(AUDIO, '.txt')}, and recordings of ordinary sound into a folder of their own: --ordinary FOLDER.`,
    );
  if (unlabelled.length > 0)
    warn(`ordinary sound for their empty label files, and no clips of their folders: ${few(unlabelled)}`);
  const others = new Map<string, string>();
  for (const folder of ordinary)
    for (const path of await audioBelow(folder)) others.set(await placeOf(path), path);
  for (const { path } of [...clips, ...recordings])
    if (others.has(await placeOf(path)))
      throw new UserError(
        ExitCode.badData,
        `${path}: is labelled, and ordinary sound (--ordinary) as well`,
        'Give folders of ordinary sound that have no sound of DIR in them.',
      );
  for (const path of others.values()) recordings.push({ path, labels: [] });
  if (clips.length + recordings.length === 0)
    throw new UserError(
      ExitCode.badData,
      `${[dir, ...ordinary].filter((each) => each !== undefined).join(', ')}: there is no audio file in it`,
      'Give a folder with one folder per class, with labelled recordings, or --ordinary FOLDER.',
    );
  return { clips, recordings };
}

/**
 * All labels must be the head's: a misspelt one would count as nothing to find.
 *
 * @throws UserError bad data, with the labels of both sides
 */
export function checkLabels({ clips, recordings }: Material, headLabels: readonly string[]): void {
  const found = [...clips, ...recordings.flatMap(({ labels }) => labels)].map(({ label }) => label);
  const unknown = [...new Set(found)].filter((label) => !headLabels.includes(label)).sort();
  if (unknown.length === 0) return;
  throw new UserError(
    ExitCode.badData,
    `the model has no class ${few(unknown)}; its classes are ${few(headLabels)}`,
    `Rename them with --map ${unknown[0]}=CLASS, or choose another --model or --head.`,
  );
}

/**
 * `--map singing=speech,glass=abnormal`, as often as wanted.
 *
 * @throws UserError usage
 */
export function parseRenames(texts: readonly string[]): Map<string, string> {
  return new Map(
    texts
      .flatMap((text) => text.split(','))
      .map((text) => {
        const [from, to, ...rest] = text.split('=').map((part) => part.trim());
        if (!from || !to || rest.length > 0)
          throw new UserError(
            ExitCode.usage,
            `--map ${text}: expected two labels`,
            'Write it as --map singing=speech',
          );
        return [from, to];
      }),
  );
}

/**
 * Only the clips that `train` has kept for validation: those that the model's own report names, and of a model
 * without one those that it would keep with the same share and seed. Recordings stay.
 *
 * @param folder of the model's bundle
 * @param unused flags that say nothing where there is a report
 * @throws UserError bad data, where the report names none of the clips: all others may have been trained on
 */
export async function validationOnly(
  material: Material,
  dir: string,
  folder: string,
  options: { readonly share: number; readonly seed: number; readonly groupBy?: RegExp },
  unused: readonly string[],
): Promise<Material> {
  const report = join(folder, 'report.json');
  const named = await reportedValidation(report);
  if (named === undefined) {
    const { clips } = await scanDataset(dir, options.groupBy ? { groupBy: options.groupBy } : {});
    const kept = new Set(splitByGroup(clips, options.share, options.seed).validation.map(({ path }) => path));
    return { ...material, clips: material.clips.filter(({ path }) => kept.has(path)) };
  }
  const wanted = new Set(named.map((name) => resolve(dir, name)));
  const clips = material.clips.filter(({ path }) => wanted.has(resolve(path)));
  if (clips.length === 0)
    throw new UserError(
      ExitCode.badData,
      named.length === 0
        ? `${report} names no clips that were kept for validation`
        : `none of the ${named.length} clips that ${report} names is in ${dir}`,
      'Give the folder that it was trained on, as it was then; or other clips, without --split.',
    );
  const there = new Set(clips.map(({ path }) => resolve(path)));
  const missing = named.filter((name) => !there.has(resolve(dir, name)));
  if (missing.length > 0)
    warn(
      `${missing.length} of the ${named.length} clips that ${report} names are not in ${dir}: ${few(missing)}`,
    );
  if (unused.length > 0) warn(`${unused.join(', ')} without effect: ${report} says which clips were kept`);
  return { ...material, clips };
}

/** Says where clips are beside those that `train` has kept for validation: of what was learnt by heart all is right. */
export async function warnOfTrained({ clips }: Material, dir: string, folder: string): Promise<void> {
  const named = await reportedValidation(join(folder, 'report.json')).catch(() => undefined);
  const kept = new Set(named?.map((name) => resolve(dir, name)));
  const others = clips.filter(({ path }) => !kept.has(resolve(path))).length;
  if (others > 0 && others < clips.length)
    warn(
      `${others} of the ${clips.length} clips are beside those that ${folder} was validated with, and may have been learnt by heart: --split validation leaves them out`,
    );
}

/**
 * `validationFiles` of the report that `train` leaves beside a model; undefined without a report.
 *
 * @throws UserError bad data, where it has none: the clips it was trained on would be taken for others
 */
async function reportedValidation(report: string): Promise<string[] | undefined> {
  try {
    const { validationFiles } = JSON.parse(await readFile(report, 'utf8'));
    if (Array.isArray(validationFiles) && validationFiles.every((name) => typeof name === 'string'))
      return validationFiles;
    throw new Error('it has no validationFiles');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // not trained here
    throw new UserError(
      ExitCode.badData,
      `${report} does not say which clips were kept for validation: ${messageOf(error)}`,
      'Train the model again, or evaluate other clips, without --split.',
      { cause: error },
    );
  }
}

/** The same for one file, whatever links lead to it; the path itself where it cannot be followed. */
function placeOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

/** The first of many names. */
function few(names: readonly string[]): string {
  return names.slice(0, 12).join(', ') + (names.length > 12 ? `, … (${names.length})` : '');
}

async function labelsBeside(path: string): Promise<LabelledEvent[] | undefined> {
  const stem = path.slice(0, path.length - extname(path).length);
  for (const extension of LABEL_FILES) {
    const file = stem + extension;
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new UserError(ExitCode.noInput, `${file}: cannot be read: ${error.message}`, 'Make it readable.');
    });
    if (text !== undefined) return parseLabels(text, file);
  }
  return undefined;
}
