import { randomUUID } from 'node:crypto';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  utimes,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SAMPLE_RATE_HZ } from '../constants.js';
import { cannotWrite } from '../errors.js';

const HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;
/** Lengths in a WAV file have 32 bits: 37 hours. */
const MAX_DATA_BYTES = 2 ** 32 - HEADER_BYTES;
const BUFFER_BYTES = 65_536;
/** What is not complete yet. */
const PART = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/;
/** What is being written changes every few seconds. */
const ABANDONED_MS = 24 * 3_600_000;

export interface WavOptions {
  /** Ends the writing: it throws the signal's reason, and nothing is left behind. */
  readonly signal?: AbortSignal;
  /** Modification time the file shall have, milliseconds since the epoch. */
  readonly modifiedAtMs?: number | undefined;
  /** Leaves what is there already, also what another process has just put there. */
  readonly onlyNew?: boolean;
}

/**
 * Writes mono 16 kHz sound as a 16-bit WAV file, beside its place at first, so that it is there as a whole or not
 * at all. Folders are made as needed, but none before the first block has come. Values n / 32768 keep every bit;
 * what lies beyond −1…1 saturates.
 *
 * @returns number of samples; undefined where there is a file already that is to be left
 * @throws UserError cannot create; and whatever `blocks` throws
 */
export async function writeWav(
  path: string,
  blocks: Iterable<Float32Array> | AsyncIterable<Float32Array>,
  { signal, modifiedAtMs, onlyNew = false }: WavOptions = {},
): Promise<number | undefined> {
  // A short name of its own: that of the file may be as long as a name can be.
  const temporary = join(dirname(path), `.${randomUUID()}.part`);
  const buffer = Buffer.alloc(BUFFER_BYTES);
  let file: FileHandle | undefined;
  let buffered = 0;
  let dataBytes = 0;
  const attempt = <T>(action: Promise<T>): Promise<T> =>
    action.catch((error: unknown) => {
      throw cannotWrite(path, error);
    });
  const flush = async () => {
    file ??= await attempt(create(temporary));
    await attempt(file.writeFile(buffer.subarray(0, buffered)));
    dataBytes += buffered;
    buffered = 0;
    if (dataBytes + BUFFER_BYTES > MAX_DATA_BYTES)
      throw cannotWrite(path, 'a WAV file holds no more than 37 hours');
  };
  try {
    for await (const block of blocks) {
      signal?.throwIfAborted();
      for (const sample of block) {
        buffered = buffer.writeInt16LE(toInt16(sample), buffered);
        if (buffered === BUFFER_BYTES) await flush();
      }
    }
    await flush();
    if (file) await attempt(finish(file, dataBytes));
    if (modifiedAtMs !== undefined)
      await attempt(utimes(temporary, modifiedAtMs / 1000, modifiedAtMs / 1000));
    const placed = await attempt(onlyNew ? placeNew(temporary, path) : replace(temporary, path));
    return placed ? dataBytes / SAMPLE_BYTES : undefined;
  } catch (error) {
    await file?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** Removes from a folder what `writeWav` has left there where its process was killed. */
export async function clearAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!PART.test(name)) continue;
    const path = join(folder, name);
    // When it was changed: just before it is complete, it gets the modification time of its source.
    const { ctimeMs } = await lstat(path).catch(() => ({ ctimeMs: Number.NaN }));
    if (Date.now() - ctimeMs > ABANDONED_MS) await rm(path, { force: true }).catch(() => {});
  }
}

/** Of a file that `writeWav` has written, how much is there; undefined where it is none. */
export async function whatIsWritten(path: string): Promise<'all' | 'part' | undefined> {
  let file: FileHandle | undefined;
  try {
    // Whatever else lies there (a pipe) might never open.
    if (!(await stat(path)).isFile()) return undefined;
    file = await open(path);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const dataBytes = buffer.readUInt32LE(HEADER_BYTES - 4);
    if (bytesRead < HEADER_BYTES || !buffer.equals(header(dataBytes))) return undefined;
    const missing = HEADER_BYTES + dataBytes - size;
    return missing < 0 ? undefined : missing > 0 ? 'part' : 'all';
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

function toInt16(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768)));
}

/** Room for the header, which is written last: only then is the length known. */
async function create(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'wx');
  await file.writeFile(Buffer.alloc(HEADER_BYTES));
  return file;
}

async function finish(file: FileHandle, dataBytes: number): Promise<void> {
  await file.write(header(dataBytes), 0, HEADER_BYTES, 0);
  await file.close();
}

function header(dataBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20); // integer PCM
  bytes.writeUInt16LE(1, 22); // channels
  bytes.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  bytes.writeUInt32LE(SAMPLE_RATE_HZ * SAMPLE_BYTES, 28);
  bytes.writeUInt16LE(SAMPLE_BYTES, 32);
  bytes.writeUInt16LE(SAMPLE_BYTES * 8, 34);
  bytes.write('data', 36, 'latin1');
  bytes.writeUInt32LE(dataBytes, 40);
  return bytes;
}

async function replace(temporary: string, path: string): Promise<boolean> {
  await rename(temporary, path);
  return true;
}

/** @returns whether the place was free; renaming would not tell */
async function placeNew(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      // FAT, among others, knows no second name of a file: an empty one takes the place until then.
      await (await open(path, 'wx')).close();
      await rename(temporary, path);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(temporary, { force: true });
  }
}
