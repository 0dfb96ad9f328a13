import { readdir } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { AUDIO_EXTENSIONS } from '../constants.js';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { filesBelow, isFolder } from '../system/files-below.js';
import { byCode } from './collections.js';

/** Numbers of one stem that differ by no more than this belong to one recording. */
const MAX_GAP = 10;

/** A sound file and what it is a sound of. */
export interface Clip {
  readonly path: string;
  readonly label: string;
  /** The recording it was cut from. */
  readonly group: string;
  /** Its number in the recording, where the group was read from numbers: such a recording may be cut in two. */
  readonly cut?: number;
}

export interface Dataset {
  readonly dir: string;
  /** Names of the class folders, sorted. */
  readonly labels: readonly string[];
  /** Sorted by label, recording, number and path. */
  readonly clips: readonly Clip[];
  /** Files that are no audio by their name, or lie in no class folder: they are left out. */
  readonly ignored: readonly string[];
}

/**
 * Finds the clips of a folder with one folder per class; folders within a class are fine, hidden files and folders
 * are left alone.
 *
 * The recording of a clip (its `group`) is, without `groupBy`, guessed from its name: the stem is split at its
 * last number (`office_0012` → `office_`, 12), and files of one folder with the same rest are cuts of one
 * recording as long as their sorted numbers have no gap of more than 10. A name without a number is a recording
 * of its own. With `groupBy`, it is the first capture group, or else the whole match, in the path below `dir`
 * without extension (`water/tap/office_0012`, always with slashes).
 *
 * @throws UserError no input where the folder cannot be read; bad data where it has fewer than two classes, a
 *   class without clips, or a clip that `groupBy` does not match
 */
export async function scanDataset(dir: string, options: { groupBy?: RegExp } = {}): Promise<Dataset> {
  const entries = (await list(dir)).filter((name) => !isHidden(name)).sort(byCode);
  const ignored: string[] = [];
  const labels: string[] = [];
  const clips: Clip[] = [];
  for (const label of entries) {
    const folder = join(dir, label);
    if (!(await isFolder(folder))) {
      ignored.push(folder);
      continue;
    }
    if (!isLabel(label))
      throw new UserError(
        ExitCode.badData,
        `${JSON.stringify(folder)}: this name cannot be that of a class`,
        'Rename the folder: letters, digits, spaces and punctuation, on one line.',
      );
    labels.push(label);
    const { files: paths, unreadable } = await filesBelow(folder);
    for (const { folder, error } of unreadable) throw cannotBeRead(folder, error);
    const isAudio = (path: string) => AUDIO_EXTENSIONS.includes(extname(path).toLowerCase());
    ignored.push(...paths.filter((path) => !isAudio(path)));
    const audio = paths.filter(isAudio);
    clips.push(
      ...(options.groupBy ? grouped(dir, label, audio, options.groupBy) : guessed(dir, label, audio)),
    );
  }
  const empty = labels.filter((label) => !clips.some((clip) => clip.label === label));
  const broken = (what: string) =>
    new UserError(
      ExitCode.badData,
      `${dir}: ${what}`,
      `Make one folder per class with audio files (${AUDIO_EXTENSIONS.join(' ')}) in it: ${join(dir, 'doorbell')}, ${join(dir, 'background')}, …`,
    );
  if (labels.length === 0) throw broken('there is no class folder in it');
  if (empty.length > 0) throw broken(`no audio file in ${empty.join(', ')}`);
  if (labels.length === 1) throw broken(`there is only one class, ${labels[0]}: nothing to tell it from`);
  return { dir, labels, clips, ignored };
}

/** Clips whose recordings a person has named. */
function grouped(dir: string, label: string, paths: readonly string[], pattern: RegExp): Clip[] {
  return paths
    .map((path): Clip => {
      const name = below(dir, path);
      const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(name);
      if (!match)
        throw new UserError(
          ExitCode.badData,
          `--group-by ${pattern.source} does not match ${name}`,
          'Give a regular expression that finds the name of the recording in every path, for example ([^/]+)_\\d+$',
        );
      return { path, label, group: match[1] ?? match[0] };
    })
    .sort((a, b) => byCode(a.group, b.group) || byCode(a.path, b.path));
}

/** Clips whose recordings are read from their numbers. */
function guessed(dir: string, label: string, paths: readonly string[]): Clip[] {
  const numbered = paths.map((path) => {
    const name = below(dir, path);
    const [, before = '', digits, after = ''] = /^(.*?)(\d+)(\D*)$/s.exec(name) ?? [];
    const inName = digits !== undefined && !after.includes('/');
    return { path, stem: inName ? `${before}#${after}` : name, cut: inName ? Number(digits) : undefined };
  });
  numbered.sort((a, b) => byCode(a.stem, b.stem) || (a.cut ?? 0) - (b.cut ?? 0) || byCode(a.path, b.path));
  let last: { stem: string; cut: number; group: string } | undefined;
  return numbered.map(({ path, stem, cut }): Clip => {
    if (cut === undefined) return { path, label, group: stem };
    const goesOn = last?.stem === stem && cut - last.cut <= MAX_GAP;
    const group = goesOn && last ? last.group : stem.replace('#', String(cut));
    last = { stem, cut, group };
    return { path, label, group, cut };
  });
}

/** The path below `dir` without extension, with slashes on every system. */
function below(dir: string, path: string): string {
  const name = relative(dir, path).split(sep).join('/');
  return name.slice(0, name.length - extname(name).length);
}

async function list(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error) => {
    throw cannotBeRead(folder, error);
  });
}

function cannotBeRead(folder: string, error: unknown): UserError {
  return new UserError(
    ExitCode.noInput,
    `${folder}: cannot be read: ${messageOf(error)}`,
    'Give a folder with one folder per class.',
    { cause: error },
  );
}

/** What stands in lists, one a line, and as a key in JSON. */
const isLabel = (name: string) => !/\p{Cc}/u.test(name) && name !== '__proto__';
const isHidden = (name: string) => name.startsWith('.');
