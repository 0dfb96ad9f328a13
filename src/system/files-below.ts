import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FilesBelow {
  /** In the order of their paths, by character code. */
  readonly files: readonly string[];
  /** Folders that cannot be read. */
  readonly unreadable: ReadonlyArray<{ readonly folder: string; readonly error: unknown }>;
}

/**
 * All files below a folder, but nothing hidden. Links are followed, but no folder is entered twice (so a link back
 * ends nothing in a loop), and no file is given twice: what lies there itself is given where it lies. A link that
 * leads nowhere is given, for its reader to say so.
 *
 * @param except the real path of a folder that is not entered
 */
export async function filesBelow(root: string, except?: string): Promise<FilesBelow> {
  const files = new Map<string, string>(); // by where they really lie
  const unreadable: { folder: string; error: unknown }[] = [];
  const entered = new Set([except]);
  const folders = [root];
  // Last of all: what a link leads to may lie below the folder anyway, and belongs there.
  const linked = { folders: [] as string[], files: [] as string[] };
  const enter = async (folder: string) => {
    const place = await realpath(folder);
    if (entered.has(place)) return;
    entered.add(place);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isSymbolicLink()) linked[(await isFolder(path)) ? 'folders' : 'files'].push(path);
      else if (entry.isDirectory()) folders.push(path);
      else files.set(join(place, entry.name), path);
    }
    linked.folders.sort();
  };
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop() ?? linked.folders.shift())
    await enter(folder).catch((error: unknown) => unreadable.push({ folder, error }));
  for (const path of linked.files.sort()) {
    const place = await realpath(path).catch(() => path);
    if (!files.has(place)) files.set(place, path);
  }
  return { files: [...files.values()].sort(), unreadable };
}

/** Whether there is a folder, or a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
