/** A thread that converts one file after the other: decoding takes all of a core. */
import { convertFile } from '../audio/convert.js';
import type { Conversion } from '../audio/convert-plan.js';
import { answer, stopping } from './threads.js';

export type ConvertRequest = Conversion & { readonly force: boolean };

export interface Converted {
  /** `refused`: its place is taken. `stopped`: nothing of it is left behind. */
  readonly type: 'converted' | 'skipped' | 'refused' | 'stopped';
  readonly warnings: readonly string[];
}

answer(async ({ source, target, force }: ConvertRequest) => {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  try {
    return {
      value: { type: await convertFile(source, target, { force, signal: stopping, onWarning }), warnings },
    };
  } catch (error) {
    if (stopping.aborted) return { value: { type: 'stopped', warnings } };
    throw error;
  }
});
