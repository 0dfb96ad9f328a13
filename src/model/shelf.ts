import { readdir, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExitCode, UserError } from '../errors.js';
import { MODEL_FILE } from './bundle.js';

/** The bundles that come with the program. */
export const SHIPPED_MODELS = fileURLToPath(new URL('../../models', import.meta.url));

/** Where bundles lie: the person's own first, then the shipped ones. */
export function modelShelves(stateFolder: string): string[] {
  return [join(stateFolder, 'models'), SHIPPED_MODELS];
}

/**
 * Finds a bundle by name on the shelves, or takes a path (anything with a slash) as it is.
 *
 * @throws UserError no input, naming the bundles there are
 */
export async function findBundle(nameOrPath: string, shelves: readonly string[]): Promise<string> {
  const candidates = nameOrPath.includes(sep)
    ? [resolve(nameOrPath)]
    : shelves.map((shelf) => join(shelf, nameOrPath));
  for (const folder of candidates) if (await isFile(join(folder, MODEL_FILE))) return folder;
  const known = await listBundles(shelves);
  throw new UserError(
    ExitCode.noInput,
    `there is no model "${nameOrPath}" (looked in ${candidates.join(', ')})`,
    `Choose one of ${known.map((folder) => folder.split(sep).at(-1)).join(', ')}, give the path of a bundle, or import one: bathnet2mqtt models import`,
  );
}

/** Folders of all bundles, the first of each name. */
export async function listBundles(shelves: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const shelf of shelves) {
    const names = await readdir(shelf).catch(() => []);
    for (const name of names.sort())
      if (!found.has(name) && (await isFile(join(shelf, name, MODEL_FILE))))
        found.set(name, join(shelf, name));
  }
  return [...found.values()];
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
