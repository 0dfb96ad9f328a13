import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { ExitCode, messageOf, UserError } from '../errors.js';

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
  const temporary = (path: string) => `${path}.${process.pid}.tmp`;
  let at = '';
  try {
    for (const [path, content] of files) {
      at = path;
      if (!force && (await exists(path))) throw new Error('it exists already');
      await writeFile(temporary(path), content);
    }
    for (const [path] of files) {
      at = path;
      await rename(temporary(path), path);
    }
  } catch (error) {
    await Promise.all(files.map(([path]) => rm(temporary(path), { force: true })));
    throw new UserError(
      ExitCode.cannotCreate,
      `${at} cannot be written: ${messageOf(error)}`,
      force
        ? 'Choose a place that you may write to.'
        : 'Choose a place that you may write to, or replace what is there: --force',
      { cause: error },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
