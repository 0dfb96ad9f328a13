import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { GOLDEN } from './golden.js';

/** A sound of the golden vectors. */
export const golden = (name: string) => join(GOLDEN, `${name}.wav`);

/** Copies files into a folder, which is made, and returns it. */
export function copyInto(folder: string, ...files: string[]): string {
  mkdirSync(folder, { recursive: true });
  for (const file of files) copyFileSync(file, join(folder, basename(file)));
  return folder;
}
