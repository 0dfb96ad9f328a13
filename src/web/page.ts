import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { MiddlewareHandler } from 'hono';
import { every } from 'hono/combine';
import { etag } from 'hono/etag';
import { getMimeType } from 'hono/utils/mime';

/** Where `npm run build` puts the page: the same from src/web, dist/web and dist/bundle. */
const FOLDER = fileURLToPath(new URL('../../dist/web/page', import.meta.url));
/** Of files whose name holds the hash of what is in them. */
const FOR_EVER = 'public, max-age=31536000, immutable';

interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly zipped: Uint8Array<ArrayBuffer>;
}

/**
 * The page's files, for whoever asks: there is nothing secret in them. They are read once, when somebody looks for the
 * first time, and live in memory from then on: the event loop, which hears, waits for no disk.
 */
export function page(): MiddlewareHandler {
  let files: Promise<Map<string, PageFile>> | undefined;
  const serve: MiddlewareHandler = async (context, next) => {
    files ??= readFiles(FOLDER);
    const path = context.req.path === '/' ? '/index.html' : context.req.path;
    const file = (await files).get(path);
    if (!file) return next();
    const zipped = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '');
    if (zipped) context.header('content-encoding', 'gzip');
    context.header('vary', 'accept-encoding');
    context.header('cache-control', path.startsWith('/assets/') ? FOR_EVER : 'no-cache');
    return context.body(zipped ? file.zipped : file.bytes, 200, { 'content-type': file.type });
  };
  return every(etag(), serve);
}

async function readFiles(folder: string): Promise<Map<string, PageFile>> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const read = async (name: string): Promise<[string, PageFile]> => {
    const bytes = new Uint8Array(await readFile(join(folder, name)));
    // Brotli, which is smaller, browsers take over TLS and from their own machine only.
    const zipped = new Uint8Array(await promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }));
    return [`/${name}`, { type: getMimeType(name) ?? 'application/octet-stream', bytes, zipped }];
  };
  return new Map(await Promise.all(names.filter((name) => extname(name) !== '').map(read)));
}
