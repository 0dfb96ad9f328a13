import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { type Bundle, beside, MODEL_FILE, readBundle } from './bundle.js';
import { withHeadOf } from './combine.js';
import { headNamed } from './head.js';
import { manifestSchema } from './manifest.js';

/** The bundles that come with the program. */
export const SHIPPED_MODELS = fileURLToPath(new URL('../../models', import.meta.url));

/** In a folder of its own on a shelf: heads for a network that does not come with the program. */
export const HEADS_FILE = 'heads.json';

/** Where bundles lie: the person's own first, then the shipped ones. */
export function modelShelves(stateFolder: string): string[] {
  return [join(stateFolder, 'models'), SHIPPED_MODELS];
}

/**
 * Reads the bundle and the head that are asked for.
 *
 * @param model see `findBundle`
 * @param head one of the bundle's, or another bundle, whose default head is then put on this one's backbone; the
 *   bundle's default when left out
 * @returns the bundle and the head's name in it
 * @throws UserError where there is no such bundle, it is damaged, or the head does not fit it
 */
export async function readModel(
  { name, head }: { readonly name: string; readonly head?: string | undefined },
  shelves: readonly string[],
): Promise<{ bundle: Bundle; head: string | undefined }> {
  const bundle = await withEvents(await readBundle(await findBundle(name, shelves)), shelves);
  if (head === undefined || headNamed(bundle.manifest.heads, head)) return { bundle, head };
  if (!head.includes(sep) && !(await isFile(join(head, MODEL_FILE)))) return { bundle, head }; // refused by name
  const combined = withHeadOf(bundle, await readBundle(await findBundle(head, shelves)));
  return { bundle: combined, head: combined.manifest.defaultHead };
}

/**
 * The bundle, and beside it the one that hears the kinds of events for it, where its manifest names one.
 *
 * @throws UserError no input where there is no such bundle, bad data where that has no event head
 */
export async function withEvents(bundle: Bundle, shelves: readonly string[]): Promise<Bundle> {
  const { name, eventModel } = bundle.manifest;
  if (eventModel === undefined) return bundle;
  const events = await readBundle(await findBundle(eventModel, shelves));
  const { event } = events.manifest;
  if (!event)
    throw new UserError(
      ExitCode.badData,
      `model ${name} leaves the kinds of events to model ${eventModel} (${events.folder}), which has no event head`,
      `Remove or rename that model, if it is your own: one that comes with the program is called so, too. Or name another one as eventModel in ${MODEL_FILE}.`,
    );
  return { ...bundle, manifest: { ...bundle.manifest, event }, events };
}

/**
 * Finds a bundle by name on the shelves and then in the working folder, or takes a path (anything with a slash)
 * as it is.
 *
 * @throws UserError no input, naming the bundles there are
 */
export async function findBundle(nameOrPath: string, shelves: readonly string[]): Promise<string> {
  const candidates = nameOrPath.includes(sep)
    ? [resolve(nameOrPath)]
    : [...shelves.map((shelf) => join(shelf, nameOrPath)), resolve(nameOrPath)];
  for (const folder of candidates) if (await isFile(join(folder, MODEL_FILE))) return folder;
  for (const folder of candidates)
    if (await isFile(join(folder, HEADS_FILE)))
      throw new UserError(
        ExitCode.noInput,
        `there is no model "${nameOrPath}" yet: YAMNet itself does not come with the program, ${folder} has only heads for it`,
        'Get it: bathnet2mqtt models pull yamnet, or of files of your own: bathnet2mqtt models import bathnet.tflite yamnet.tflite --name yamnet',
      );
  const known = await listBundles(shelves);
  throw new UserError(
    ExitCode.noInput,
    `there is no model "${nameOrPath}" (looked in ${candidates.join(', ')})`,
    `Choose one of ${known.map((folder) => folder.split(sep).at(-1)).join(', ')}, give the path of a bundle, or import one: bathnet2mqtt models import`,
  );
}

/** @throws UserError usage, for what cannot name a bundle */
export function checkModelName(name: string): void {
  if (!manifestSchema.shape.name.safeParse(name).success)
    throw new UserError(
      ExitCode.usage,
      `"${name}" cannot name a model`,
      'Use small letters, digits, dots, hyphens and underscores, a letter or digit first.',
    );
}

/**
 * Removes one of the person's own bundles: out of sight at once, then from the disk.
 *
 * @returns the folder where it lay
 * @throws UserError no input where there is none of that name, usage where it is not the person's own
 */
export async function removeBundle(name: string, shelves: readonly string[]): Promise<string> {
  const [own = ''] = shelves;
  const folder = join(own, name);
  if (!manifestSchema.shape.name.safeParse(name).success || !(await isFile(join(folder, MODEL_FILE))))
    throw new UserError(
      ExitCode.usage,
      `${await findBundle(name, shelves)} is none of your own models, so it stays`,
      `Only those that were imported or pulled are removed; they lie in ${own}.`,
    );
  const doomed = beside(folder);
  try {
    await rename(folder, doomed);
    await rm(doomed, { recursive: true });
  } catch (error) {
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder} cannot be removed: ${messageOf(error)}`,
      'Remove that folder as the user to whom it belongs.',
      { cause: error },
    );
  }
  return folder;
}

/** Folders of all bundles, the first of each name. */
export async function listBundles(shelves: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const shelf of shelves) {
    const names = await readdir(shelf).catch(() => []);
    for (const name of names.sort())
      if (!name.startsWith('.') && !found.has(name) && (await isFile(join(shelf, name, MODEL_FILE))))
        found.set(name, join(shelf, name));
  }
  return [...found.values()];
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
