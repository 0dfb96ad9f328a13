import { dirname, relative, resolve, sep } from 'node:path';

/** Where a file lies seen from a page, as an address: every character that means something in one is escaped. */
export function soundAddress(page: string, path: string): string {
  const way = relative(dirname(resolve(page)), resolve(path));
  return way.split(sep).map(encodeURIComponent).join('/');
}
