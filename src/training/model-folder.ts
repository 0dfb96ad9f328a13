import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { beside, MODEL_FILE, writeBundle } from '../model/bundle.js';
import type { Trained } from './train.js';
import { reportMarkdown } from './train-report.js';

/**
 * Whether a model can be written there; looked at before the work begins, not after it.
 *
 * @param force whether it may take the place of another model
 * @throws UserError cannot create
 */
export async function checkTarget(folder: string, force: boolean): Promise<void> {
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

/**
 * The whole bundle, with its reports, beside its place, which it then takes.
 *
 * @throws UserError cannot create; then the place is as it was
 */
export async function writeTrained(folder: string, { manifest, tensors, report }: Trained): Promise<void> {
  const temporary = beside(folder);
  const old = beside(folder);
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
export function bundleName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-');
  return /^[a-z0-9]/.test(name) ? name : `model${name}`;
}
