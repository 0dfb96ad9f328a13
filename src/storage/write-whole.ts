import { access, constants, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { cannotWrite } from '../errors.js';
import { beside } from './files.js';

/**
 * Whether files can be written, as far as that can be known beforehand: a folder that may be written to, and
 * nothing in the way.
 *
 * @param force whether they may replace others
 * @throws UserError cannot create
 */
export async function checkPlaces(paths: readonly string[], force: boolean): Promise<void> {
  for (const path of paths) {
    try {
      await access(dirname(resolve(path)), constants.W_OK);
      const there = await stat(path).catch(() => undefined);
      if (there && !there.isFile()) throw new Error('it is no regular file');
      if (there && !force) throw new Error('it exists already');
    } catch (error) {
      throw cannotWrite(path, error, hintOf(force));
    }
  }
}

/**
 * Writes files that belong together: each beside its place, and renamed when all are written, so that there is
 * never half of one.
 *
 * @param files path and content
 * @param force whether they may replace others
 * @throws UserError cannot create, where one exists or cannot be written; then nothing has changed
 */
export async function writeWhole(
  files: ReadonlyArray<readonly [path: string, content: string | Uint8Array]>,
  force: boolean,
): Promise<void> {
  await checkPlaces(
    files.map(([path]) => path),
    force,
  );
  const places = files.map(([path, content]) => ({ path, content, temporary: beside(path) }));
  let at = '';
  try {
    for (const { path, content, temporary } of places) {
      at = path;
      await writeFile(temporary, content);
    }
    for (const { path, temporary } of places) {
      at = path;
      await rename(temporary, path);
    }
  } catch (error) {
    await Promise.all(places.map(({ temporary }) => rm(temporary, { force: true })));
    throw cannotWrite(at, error, hintOf(force));
  }
}

const hintOf = (force: boolean) =>
  `Choose a place that you may write to${force ? '.' : ', or replace what is there: --force'}`;
