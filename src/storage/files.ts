import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Files that survive a power cut. A sync can take seconds on a card or a busy disk: what ends in `Sync` is for the
 * time before there is sound.
 */

/** Makes a folder of ours alone where it is missing. */
export async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const parent of parentsOf(folder, made)) await syncFolder(parent);
}

export function makeFolderSync(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const parent of parentsOf(folder, made)) syncFolderSync(parent);
}

/** Resolves when the text is on the disk under its name, whole; or rejects and leaves nothing half-written. */
export async function writeFileWhole(path: string, text: string): Promise<void> {
  try {
    const file = await open(`${path}.tmp`, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(`${path}.tmp`, { force: true });
    throw error;
  }
}

export function writeWholeSync(path: string, text: string): void {
  try {
    writeFileSync(`${path}.tmp`, text, { mode: 0o600, flush: true });
    renameSync(`${path}.tmp`, path);
    syncFolderSync(dirname(path));
  } catch (error) {
    rmSync(`${path}.tmp`, { force: true });
    throw error;
  }
}

/** The folders in which a name is new, where `made` is the first that was missing. */
function parentsOf(folder: string, made: string | undefined): string[] {
  if (made === undefined) return [];
  const parents: string[] = [];
  const first = resolve(made);
  for (let path = resolve(folder); path.length >= first.length; path = dirname(path))
    parents.push(dirname(path));
  return parents;
}

/** A new name in a folder is on the disk only after this: fsync(2). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function syncFolderSync(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
