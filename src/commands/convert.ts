import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { type Conversion, planConversions } from '../audio/convert-plan.js';
import { clearAbandoned } from '../audio/wav-writer.js';
import { ExitCode, UserError } from '../errors.js';
import type { Converted, ConvertRequest } from '../files/convert-thread.js';
import { Thread } from '../files/threads.js';
import { finish } from './support/finish.js';
import { interruptible } from './support/interrupt.js';
import { type JobsFlag, jobsFlag, withJobs } from './support/options.js';
import { printable, warn } from './support/print.js';
import { showProgress } from './support/progress.js';

export function define(command: Command): void {
  withJobs(command)
    .argument('<in>', 'an audio file or a folder; its structure is kept')
    .argument('<out>', 'a .wav file or a folder')
    .option('--force', 'convert again what is done, and replace what else is in the place of a result')
    .option('--json', 'the summary as JSON')
    .action(finish(convert));
}

interface Flags extends JobsFlag {
  readonly force?: boolean;
  readonly json?: boolean;
}

interface Outcome {
  converted: number;
  skipped: number;
  readonly failed: { readonly file: string; readonly error: UserError }[];
  readonly warnings: string[];
  interrupted: boolean;
}

/**
 * `convert IN OUT`: a file or a tree to 16 kHz mono 16-bit WAV, in as many threads as there are cores. What is
 * done is skipped, so what was interrupted goes on where it stopped. What cannot be converted, or would replace what
 * is no result of an earlier run, is listed at the end.
 *
 * @returns bad data, where a file is no sound; else the code of the first that failed
 * @throws UserError where results cannot be written; nothing else is tried then
 */
async function convert(input: string, output: string, flags: Flags): Promise<ExitCode> {
  const jobs = jobsFlag(flags);
  const { conversions, refused } = await planConversions(input, output);
  const failed = refused.map(({ source, error }) => ({ file: source, error }));
  for (const folder of new Set(conversions.map(({ target }) => dirname(target))))
    await clearAbandoned(folder);
  const outcome: Outcome = { converted: 0, skipped: 0, failed, warnings: [], interrupted: false };
  const progress = showProgress('convert', conversions.length);
  let done = 0;
  const note = ({ source, target }: Conversion, result: Converted | UserError) => {
    if (result instanceof UserError) {
      // A full disk is no fault of this file, and no other would fare better.
      if (result.code === ExitCode.cannotCreate) throw result;
      failed.push({ file: source, error: result });
    } else if (result.type === 'stopped') return;
    else if (result.type === 'refused') failed.push({ file: source, error: taken(source, target) });
    else {
      outcome[result.type]++;
      outcome.warnings.push(...result.warnings);
    }
    progress.update(++done, source);
  };
  await interruptible(async (signal) => {
    try {
      await convertAll(conversions, { jobs, force: flags.force ?? false, signal, onResult: note });
      outcome.interrupted = signal.aborted;
    } finally {
      progress.stop();
      report(outcome, flags.json ?? false);
    }
    signal.throwIfAborted();
  });
  const codes = failed.map(({ error }) => error.code);
  return codes.find((code) => code === ExitCode.badData) ?? codes[0] ?? ExitCode.ok;
}

function taken(source: string, target: string): UserError {
  return new UserError(
    ExitCode.cannotCreate,
    `${source}: its result would replace ${target}, of which it cannot be told that an earlier run has made it`,
    'Choose another place for the results, or replace what is there with --force.',
  );
}

interface PoolOptions {
  readonly jobs: number | undefined;
  readonly force: boolean;
  readonly signal: AbortSignal;
  /** What it throws ends everything. */
  readonly onResult: (conversion: Conversion, result: Converted | UserError) => void;
}

/** Threads take one conversion after the other from the list. On `signal`, and on the first error, all stop. */
async function convertAll(
  conversions: readonly Conversion[],
  { jobs = availableParallelism(), force, signal, onResult }: PoolOptions,
): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  signal.addEventListener('abort', stop, { once: true });
  const queue = conversions.values();
  const lane = async () => {
    const thread = Thread.take('convert-thread');
    const stopThread = () => thread.stop();
    stopping.signal.addEventListener('abort', stopThread, { once: true });
    try {
      for (const conversion of queue) {
        if (stopping.signal.aborted) return;
        const request: ConvertRequest = { ...conversion, force };
        const result = await thread.ask<Converted>(request).catch((error) => {
          if (error instanceof UserError) return error;
          throw error;
        });
        onResult(conversion, result);
      }
    } catch (error) {
      stop();
      throw error;
    } finally {
      stopping.signal.removeEventListener('abort', stopThread);
      await thread.end();
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(jobs, conversions.length) }, lane));
  signal.removeEventListener('abort', stop);
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
}

function report({ converted, skipped, failed, warnings, interrupted }: Outcome, json: boolean): void {
  failed.sort((a, b) => (a.file < b.file ? -1 : 1));
  warnings.forEach(warn);
  for (const { error } of failed) console.error(`failed: ${printable(error.message)}`);
  for (const hint of new Set(failed.map(({ error }) => error.hint)))
    console.error(`  hint: ${printable(hint)}`);
  const failures = failed.map(({ file, error }) => ({ file, reason: error.message }));
  const end = interrupted ? ', interrupted: run it again for the rest' : '';
  console.log(
    json
      ? JSON.stringify({ converted, skipped, failed: failures, warnings, interrupted })
      : `${converted} converted, ${skipped} skipped, ${failed.length} failed${end}`,
  );
}
