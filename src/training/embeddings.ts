import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MEL_BANDS, PATCH_FRAMES, SAMPLE_RATE_HZ } from '../constants.js';
import { UserError } from '../errors.js';
import { createFrontEnd } from '../features/create-front-end.js';
import type { FrontEnd } from '../features/front-end.js';
import { levelOf } from '../features/level.js';
import { windowsOf } from '../features/ring.js';
import type { Bundle } from '../model/bundle.js';
import { backboneFingerprint } from '../model/head.js';
import type { Network } from '../model/network.js';
import { readSafetensors, writeSafetensors } from '../model/safetensors.js';

/** What the cache may hold; the entries that were not used for the longest time go first. */
const CACHE_MAX_BYTES = 2 ** 30;
/** Changes when the way embeddings are computed does, so that old entries are not used. */
const CACHE_FORMAT = 1;
const DIGEST_BYTES = 32;
/** How many bad files an error names. */
const NAMED_FILES = 10;

/** Every window of a sound file as the network sees it; window i starts at i × hop. */
export interface ClipEmbeddings {
  readonly path: string;
  /** Number of windows, at least 1. */
  readonly count: number;
  /** count × embeddingSize, row-major. */
  readonly frames: Float32Array;
  /** RMS level of each window. */
  readonly rmsDbfs: Float32Array;
}

/** Decodes a file to mono at 16 kHz, in blocks: `decodeFile` of src/audio/decode.ts. */
export type Decode = (path: string, onWarning: (message: string) => void) => AsyncIterable<Float32Array>;

export interface ExtractOptions {
  /** From the start of one window to the start of the next, as in the daemon. */
  readonly hopSeconds: number;
  readonly decode: Decode;
  /** Names what `decode` does to the sound, so that the cache can tell its results apart. */
  readonly variation?: string | undefined;
  /** Where embeddings are kept; nothing is kept without it. */
  readonly cacheDir?: string | undefined;
  /** Files that are no sound are warned of and left out, instead of an error that names them all. */
  readonly skipBad?: boolean | undefined;
  /** Stops between two windows; then `extractEmbeddings` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, path: string) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Sends sound files through the same windows, front end and network as the daemon does; the last window is filled up
 * with zeros. The scores of the bundle's heads come of the embeddings: `denseScores` of src/model/head.ts.
 *
 * Embeddings are kept in the cache by the hash of the file's content, of the backbone and of all that else they
 * depend on, so a second run over the same files is quick, also with another head on the same backbone.
 *
 * @param network of the bundle; the caller closes it
 * @returns one entry per file, in the order of `paths`
 * @throws UserError bad data, naming every file that cannot be decoded
 */
export async function extractEmbeddings(
  paths: readonly string[],
  bundle: Bundle,
  network: Network,
  options: ExtractOptions,
): Promise<ClipEmbeddings[]> {
  const { cacheDir, decode, variation = '', signal, onProgress, onWarning = () => {} } = options;
  const hopSamples = Math.round(options.hopSeconds * SAMPLE_RATE_HZ);
  const { frontEnd, embeddingSize } = bundle.manifest;
  const computedBy = [
    CACHE_FORMAT,
    frontEnd,
    hopSamples,
    network.engine,
    backboneFingerprint(bundle),
    variation,
  ].join();
  const analyse = createAnalysis(createFrontEnd(frontEnd), network, embeddingSize);
  const found: ClipEmbeddings[] = [];
  const bad: UserError[] = [];
  for (const [i, path] of paths.entries()) {
    signal?.throwIfAborted();
    try {
      const key =
        cacheDir &&
        createHash('sha256')
          .update(`${computedBy},${await hashOf(path)}`)
          .digest('hex');
      const entry = cacheDir && key && join(cacheDir, `${key}.emb`);
      let embeddings = entry ? await readEntry(entry, path, embeddingSize) : undefined;
      if (!embeddings) {
        embeddings = { path, ...(await analyse(decode(path, onWarning), hopSamples, signal)) };
        if (entry) await writeEntry(entry, embeddings, embeddingSize);
      }
      found.push(embeddings);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      bad.push(error);
      if (options.skipBad) onWarning(`left out: ${error.message}`);
    }
    onProgress?.(i + 1, path);
  }
  if (cacheDir) await pruneCache(cacheDir, CACHE_MAX_BYTES);
  if (bad.length > 0 && !options.skipBad) throw badFiles(bad);
  return found;
}

/** What turns a stream of sound into embeddings, window by window. */
function createAnalysis(frontEnd: FrontEnd, network: Network, embeddingSize: number) {
  const mel = new Float32Array(PATCH_FRAMES * MEL_BANDS);
  return async (
    sound: AsyncIterable<Float32Array>,
    hopSamples: number,
    signal?: AbortSignal,
  ): Promise<Omit<ClipEmbeddings, 'path'>> => {
    frontEnd.forget();
    const rows: Float32Array[] = [];
    const levels: number[] = [];
    for await (const window of windowsOf(sound, hopSamples)) {
      signal?.throwIfAborted();
      frontEnd.compute(window, mel);
      levels.push(levelOf(window.samples).rmsDbfs);
      rows.push((await network.run(mel)).embedding.slice());
    }
    const frames = new Float32Array(rows.length * embeddingSize);
    for (const [i, row] of rows.entries()) frames.set(row, i * embeddingSize);
    return { count: rows.length, frames, rmsDbfs: Float32Array.from(levels) };
  };
}

/** An entry is the SHA-256 of the rest, then a safetensors file. Anything but that is computed again. */
async function readEntry(entry: string, path: string, size: number): Promise<ClipEmbeddings | undefined> {
  const bytes = await readFile(entry).catch(() => undefined);
  if (!bytes) return undefined;
  const body = bytes.subarray(DIGEST_BYTES);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
  const tensors = readSafetensors(body, entry);
  const frames = tensors.get('frames');
  const rmsDbfs = tensors.get('rmsDbfs');
  if (!frames || !rmsDbfs || frames.shape[1] !== size) return undefined;
  const now = new Date();
  await utimes(entry, now, now).catch(() => {}); // used now, so it goes last
  return { path, count: rmsDbfs.data.length, frames: frames.data, rmsDbfs: rmsDbfs.data };
}

/** A cache that cannot be written costs time, nothing else. */
async function writeEntry(entry: string, { count, frames, rmsDbfs }: ClipEmbeddings, size: number) {
  const body = writeSafetensors(
    new Map([
      ['frames', { shape: [count, size], data: frames }],
      ['rmsDbfs', { shape: [count], data: rmsDbfs }],
    ]),
  );
  const temporary = `${entry}.${process.pid}.tmp`;
  try {
    await mkdir(join(entry, '..'), { recursive: true });
    await writeFile(temporary, [createHash('sha256').update(body).digest(), body]);
    await rename(temporary, entry);
  } catch {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/** Removes what was not used for the longest time until the rest fits. */
export async function pruneCache(cacheDir: string, maxBytes: number): Promise<void> {
  const names = await readdir(cacheDir).catch(() => []);
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = join(cacheDir, name);
      const { size = 0, mtimeMs = 0 } = (await stat(path).catch(() => undefined)) ?? {};
      return { path, size, mtimeMs };
    }),
  );
  let bytes = entries.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of entries.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (bytes <= maxBytes) return;
    await rm(path, { force: true });
    bytes -= size;
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    // A pipe would be waited for, for ever.
    if (!(await stat(path)).isFile()) return '';
    for await (const block of createReadStream(path)) hash.update(block);
  } catch {
    return ''; // the decoder says what is wrong with it
  }
  return hash.digest('hex');
}

function badFiles(bad: readonly UserError[]): UserError {
  const [first] = bad as [UserError, ...UserError[]];
  const more = bad.length > NAMED_FILES ? `\n  … and ${bad.length - NAMED_FILES} more` : '';
  const lines = bad.slice(0, NAMED_FILES).map(({ message }) => `\n  ${message}`);
  return new UserError(
    first.code,
    `${bad.length === 1 ? 'a file' : `${bad.length} files`} cannot be used:${lines.join('')}${more}`,
    'Remove or mend them, or leave them out with --skip-bad.',
    { cause: first },
  );
}
