import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes a folder of ours alone where it is missing, so that it survives a power cut. */
export function makeFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  const first = resolve(made);
  for (let path = resolve(folder); path.length >= first.length; path = dirname(path))
    syncFolder(dirname(path));
}

/** Returns after the text is on the disk under its name, whole; or throws and leaves nothing half-written. */
export function writeWholeSync(path: string, text: string): void {
  try {
    writeFileSync(`${path}.tmp`, text, { mode: 0o600, flush: true });
    renameSync(`${path}.tmp`, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(`${path}.tmp`, { force: true });
    throw error;
  }
}

/** A new name in a folder is on the disk only after this: fsync(2). */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
