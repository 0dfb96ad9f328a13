import { readFile } from 'node:fs/promises';
import { basename, extname, join, relative, resolve, sep } from 'node:path';
import { ExitCode, UserError } from '../../errors.js';
import { scanDataset } from '../../training/dataset.js';
import { type LabelledEvent, parseLabels } from '../../training/events.js';
import { splitByGroup } from '../../training/split.js';
import { AUDIO, audioBelow } from './audio-files.js';

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
 * they lie below `dir`, and under `ordinary` recordings in which nothing is to be found.
 *
 * @param renames labels of folders and label files that stand for others of the head
 * @throws UserError no input where a folder cannot be read; bad data where there is nothing in them, or a label
 *   file is broken
 */
export async function findMaterial(
  dir: string | undefined,
  ordinary: readonly string[],
  renames: ReadonlyMap<string, string>,
): Promise<Material> {
  const renamed = (label: string) => renames.get(label) ?? label;
  const clips: { path: string; label: string }[] = [];
  const recordings: { path: string; labels: readonly LabelledEvent[] }[] = [];
  const strays: string[] = [];
  for (const path of dir === undefined ? [] : await audioBelow(dir)) {
    const labels = await labelsBeside(path);
    const [folder, ...below] = relative(dir ?? '', path).split(sep);
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
  for (const folder of ordinary)
    for (const path of await audioBelow(folder)) recordings.push({ path, labels: [] });
  if (clips.length + recordings.length === 0)
    throw new UserError(
      ExitCode.badData,
      `${[dir, ...ordinary].filter((each) => each !== undefined).join(', ') || 'no folder'}: there is no audio file in it`,
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
  const few = (labels: readonly string[]) =>
    labels.slice(0, 12).join(', ') + (labels.length > 12 ? `, … (${labels.length})` : '');
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
 * Only the clips that `train` has kept for validation: those that the model's own report names, or else those
 * that it would keep with the same share and seed. Recordings stay.
 *
 * @param folder of the model's bundle
 */
export async function validationOnly(
  material: Material,
  dir: string,
  folder: string,
  options: { readonly share: number; readonly seed: number; readonly groupBy?: RegExp },
): Promise<Material> {
  const reported = await reportedValidation(folder);
  const named = new Set(reported?.map((name) => resolve(dir, name)));
  const clipsKept = material.clips.filter(({ path }) => named.has(resolve(path)));
  if (clipsKept.length > 0) return { ...material, clips: clipsKept };
  const { clips } = await scanDataset(dir, options.groupBy ? { groupBy: options.groupBy } : {});
  const kept = new Set(splitByGroup(clips, options.share, options.seed).validation.map(({ path }) => path));
  return { ...material, clips: material.clips.filter(({ path }) => kept.has(path)) };
}

/** `validationFiles` of the report that `train` leaves beside a model. */
async function reportedValidation(folder: string): Promise<string[] | undefined> {
  try {
    const { validationFiles } = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
    return Array.isArray(validationFiles)
      ? validationFiles.filter((name) => typeof name === 'string')
      : undefined;
  } catch {
    return undefined; // a model that was not trained here
  }
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
