import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { decodeFile } from './decode.js';
import { whatIsWritten, writeWav } from './wav-writer.js';

export interface ConvertOptions {
  /** Convert even what is done, and replace whatever is in the place of the result. */
  readonly force: boolean;
  readonly signal?: AbortSignal;
  readonly onWarning?: (message: string) => void;
}

/**
 * Converts an audio file to 16 kHz mono 16-bit WAV. The result takes over the source's modification time; so a
 * file is done when its result is complete and has the same time. (A result that is merely newer may be that of
 * another source: one can be replaced by an older file.)
 *
 * @returns `refused` where something else than a result of an earlier run is in its place
 * @throws UserError as `decodeFile` and `writeWav`; the signal's reason where it aborts
 */
export async function convertFile(
  source: string,
  target: string,
  { force, signal, onWarning }: ConvertOptions,
): Promise<'converted' | 'skipped' | 'refused'> {
  const modifiedAtMs = (await find(source))?.mtimeMs;
  const there = force ? undefined : await find(target);
  if (there && modifiedAtMs !== undefined) {
    const written = await whatIsWritten(target);
    const sameTime = isSameTime(there.mtimeMs, modifiedAtMs);
    if (sameTime && written === 'all') return 'skipped';
    // What a loss of power has cut short has the time of its source; without that, only what is whole is believed.
    if (!(sameTime ? written : written === 'all' && hasGivenTime(there))) return 'refused';
  }
  await writeWav(target, decodeFile(source, onWarning), { modifiedAtMs, ...(signal && { signal }) });
  return 'converted';
}

function isSameTime(targetMs: number, sourceMs: number): boolean {
  // FAT keeps every other second only.
  const resolutionMs = targetMs % 1000 === 0 ? 2000 : 1;
  return Math.abs(targetMs - sourceMs) < resolutionMs;
}

/**
 * A result has the time of a source that was there before it. What was recorded where it lies looks the same
 * otherwise, but was made before it was last written. Not every file system knows when that was.
 */
function hasGivenTime({ birthtimeMs, mtimeMs }: Stats): boolean {
  return birthtimeMs === 0 || birthtimeMs > mtimeMs;
}

async function find(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}
