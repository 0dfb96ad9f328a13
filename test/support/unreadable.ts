import { symlinkSync } from 'node:fs';

/** Puts a file there that nobody can read, not even root, and that can be replaced: a link to itself (ELOOP). */
export function makeUnreadable(path: string): void {
  symlinkSync(path, path);
}
