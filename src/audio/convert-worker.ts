/**
 * A thread that converts one file after the other: decoding takes all of a core. It gets a request, answers it,
 * gets the next; `stop` ends the one it is at.
 */
import { parentPort } from 'node:worker_threads';
import { type ExitCode, UserError } from '../errors.js';
import { convertFile } from './convert.js';
import type { Conversion } from './convert-plan.js';

export type ConvertRequest = 'stop' | (Conversion & { readonly force: boolean });

export type ConvertReply =
  | { readonly type: 'converted' | 'skipped'; readonly warnings: readonly string[] }
  | { readonly type: 'failed'; readonly code: ExitCode; readonly message: string; readonly hint: string }
  /** Nothing of it is left behind. */
  | { readonly type: 'stopped' };

const stopping = new AbortController();
parentPort?.on('message', async (request: ConvertRequest) => {
  if (request === 'stop') return stopping.abort();
  parentPort?.postMessage(await answer(request));
});

async function answer({ source, target, force }: Exclude<ConvertRequest, 'stop'>): Promise<ConvertReply> {
  const { signal } = stopping;
  const warnings: string[] = [];
  try {
    const onWarning = (message: string) => void warnings.push(message);
    return { type: await convertFile(source, target, { force, signal, onWarning }), warnings };
  } catch (error) {
    if (signal.aborted) return { type: 'stopped' };
    if (!(error instanceof UserError)) throw error;
    return { type: 'failed', code: error.code, message: error.message, hint: error.hint };
  }
}
