import { stat } from 'node:fs/promises';
import { decodeFile } from './decode.js';
import { isCompleteWav, writeWav } from './wav-writer.js';

export interface ConvertOptions {
  /** Convert even what is done. */
  readonly force: boolean;
  readonly signal?: AbortSignal;
  readonly onWarning?: (message: string) => void;
}

/**
 * Converts an audio file to 16 kHz mono 16-bit WAV. The result takes over the source's modification time; so a
 * file is done when its result is complete and has the same time. (A result that is merely newer may be that of
 * another source: one can be replaced by an older file.)
 *
 * @throws UserError as `decodeFile` and `writeWav`; the signal's reason where it aborts
 */
export async function convertFile(
  source: string,
  target: string,
  { force, signal, onWarning }: ConvertOptions,
): Promise<'converted' | 'skipped'> {
  const modifiedAtMs = await modifiedAt(source);
  if (!force && modifiedAtMs !== undefined && (await isDone(target, modifiedAtMs))) return 'skipped';
  await writeWav(target, decodeFile(source, onWarning), { modifiedAtMs, ...(signal && { signal }) });
  return 'converted';
}

async function isDone(target: string, sourceMs: number): Promise<boolean> {
  const targetMs = await modifiedAt(target);
  if (targetMs === undefined) return false;
  // FAT keeps every other second only.
  const resolutionMs = targetMs % 1000 === 0 ? 2000 : 1;
  return Math.abs(targetMs - sourceMs) < resolutionMs && (await isCompleteWav(target));
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}
