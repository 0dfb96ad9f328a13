/**
 * A thread that converts one file after the other: decoding takes all of a core. `stop` ends the one it is at.
 */
import { convertFile } from '../audio/convert.js';
import type { Conversion } from '../audio/convert-plan.js';
import { answer } from './threads.js';

export type ConvertRequest = 'stop' | (Conversion & { readonly force: boolean });

export interface Converted {
  /** `refused`: its place is taken. `stopped`: nothing of it is left behind. */
  readonly type: 'converted' | 'skipped' | 'refused' | 'stopped';
  readonly warnings: readonly string[];
}

const stopping = new AbortController();

answer(async (request: ConvertRequest) => {
  if (request === 'stop') {
    stopping.abort(); // the file that it is at answers
    return undefined;
  }
  const { source, target, force } = request;
  const { signal } = stopping;
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  try {
    return { value: { type: await convertFile(source, target, { force, signal, onWarning }), warnings } };
  } catch (error) {
    if (signal.aborted) return { value: { type: 'stopped', warnings } };
    throw error;
  }
});
