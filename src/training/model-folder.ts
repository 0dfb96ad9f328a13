import { lstat, mkdir, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cannotWrite, ExitCode, UserError } from '../errors.js';
import { beside, MODEL_FILE, WEIGHTS_FILE, writeBundle } from '../model/bundle.js';
import type { Trained } from './train.js';
import { reportMarkdown } from './train-report.js';

const CLASS_NAMES_FILE = 'class_names.txt';
const REPORT_FILE = 'report.json';
const REPORT_TEXT_FILE = 'report.md';
/** All that a trained model consists of. */
const OWN_FILES = [MODEL_FILE, WEIGHTS_FILE, CLASS_NAMES_FILE, REPORT_FILE, REPORT_TEXT_FILE];

/** Where a path leads, links followed, whether or not there is something at its end. */
export async function realPlace(path: string): Promise<string> {
  return await realpath(path).catch(async () => join(await realPlace(dirname(path)), basename(path)));
}

/** Whether a model can be written there, or may take the place of another. */
async function checkTarget(folder: string, force: boolean): Promise<void> {
  const exists = await lstat(folder).catch(() => undefined);
  if (!exists) return;
  const isBundle = await stat(join(folder, MODEL_FILE)).catch(() => undefined);
  if (isBundle && force) return checkContents(folder, folder);
  throw new UserError(
    ExitCode.cannotCreate,
    `${folder}: there is ${isBundle ? 'a model' : 'something'} already`,
    isBundle
      ? 'Replace it with --force or choose another place.'
      : 'Choose a folder that does not exist yet.',
  );
}

/** The folder is replaced as a whole: what nobody can train again would be lost. */
async function checkContents(place: string, folder: string): Promise<void> {
  const others = (await readdir(place)).filter((name) => !OWN_FILES.includes(name));
  if (others.length > 0)
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder}: there is more than a model in it: ${others.join(', ')}`,
      'Move that elsewhere, or choose another place: --force replaces the whole folder.',
    );
}

/** Where a model is to be written. */
export interface Place {
  readonly folder: string;
  /** Holds what is not whole yet, and is gone in the end. */
  readonly room: string;
  readonly force: boolean;
}

/**
 * Does work that ends with a model, for which there is room beside its place, or above that where its folder is missing,
 * before it begins: what cannot be written in the end is known then. Nothing is left of it.
 *
 * @param folder as `realPlace` gives it
 * @param force whether the model may take the place of another
 * @throws UserError cannot create
 */
export async function inPlace<T>(
  folder: string,
  force: boolean,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  await checkTarget(folder, force);
  await checkDevice(folder);
  const room = beside(join(await folderAbove(folder), basename(folder)));
  await mkdir(room).catch((error) => {
    throw cannotWrite(folder, error);
  });
  try {
    return await work({ folder, room, force });
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

/** What is mounted cannot be replaced as a whole. */
async function checkDevice(folder: string): Promise<void> {
  const [inside, outside] = await Promise.all([stat(folder), stat(dirname(folder))]).catch(() => []);
  if (inside?.dev !== outside?.dev)
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder}: is a file system of its own, which cannot be replaced`,
      'Choose a folder in it.',
    );
}

/** The nearest that is there. */
async function folderAbove(path: string): Promise<string> {
  const above = dirname(path);
  const missing = await lstat(above).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'ENOENT',
  );
  return missing ? await folderAbove(above) : above;
}

/**
 * The whole bundle, with its reports, beside its place, which it then takes.
 *
 * @throws UserError cannot create; then the place is as it was
 */
export async function writeTrained(
  { folder, room, force }: Place,
  { manifest, tensors, report }: Trained,
): Promise<void> {
  const [made, old] = [join(room, 'new'), join(room, 'old')];
  try {
    await writeBundle(made, manifest, tensors).catch((error: Error) => {
      throw error.cause ?? error; // without the name of `made`, which nobody has chosen
    });
    await writeFile(join(made, CLASS_NAMES_FILE), report.labels.map((label) => `${label}\n`).join(''));
    await writeFile(join(made, REPORT_FILE), `${JSON.stringify(report, null, 1)}\n`);
    await writeFile(join(made, REPORT_TEXT_FILE), reportMarkdown(report));
    await mkdir(dirname(folder), { recursive: true });
    if (force)
      await rename(folder, old).then(
        () => checkContents(old, folder), // of what came in meanwhile
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error;
        },
      );
    await rename(made, folder);
  } catch (error) {
    await rename(old, folder).catch(() => {});
    throw error instanceof UserError ? error : cannotWrite(folder, error);
  }
}

/** A bundle is called as its folder, as far as bundles can. */
export function bundleName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-');
  return /^[a-z0-9]/.test(name) ? name : `model${name}`;
}
