import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * Files that survive a power cut. A sync can take seconds on a card or a busy disk: what ends in `Sync` is for the
 * time before there is sound.
 */

/** What is not whole yet: a file, or a sound (`audio/wav-writer.ts`). */
const LEFTOVER = /\.(tmp|part)$/;

/** A name beside a file, for what is to take its place: no other process or call has it. */
export function beside(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/** Removes what a cut left half-written in a folder and those in it, as far as that goes; nobody else may write there. */
export function removeLeftovers(folder: string): void {
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      if (LEFTOVER.test(name)) rmSync(join(folder, name), { force: true });
  } catch {
    // it costs a little room
  }
}

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
  const temporary = beside(path);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export function writeWholeSync(path: string, text: string): void {
  const temporary = beside(path);
  try {
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o600, flush: true });
    renameSync(temporary, path);
    syncFolderSync(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
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
