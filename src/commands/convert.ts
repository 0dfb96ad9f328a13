import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Command } from 'commander';
import { type Conversion, planConversions } from '../audio/convert-plan.js';
import type { ConvertReply, ConvertRequest } from '../audio/convert-worker.js';
import { ExitCode, UserError } from '../errors.js';
import { finish } from './support/finish.js';
import { numberFlag } from './support/flag-values.js';
import { interruptible } from './support/interrupt.js';
import { showProgress } from './support/progress.js';

export function define(command: Command): void {
  command
    .argument('<in>', 'an audio file or a folder; its structure is kept')
    .argument('<out>', 'a .wav file or a folder')
    .option('-j, --jobs <number>', 'how many at a time (default: as many as there are cores)')
    .option('--force', 'convert again what is done')
    .option('--json', 'the summary as JSON')
    .action(finish(convert));
}

interface Flags {
  readonly jobs?: string;
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
 * done is skipped, so what was interrupted goes on where it stopped. What cannot be converted is listed at the end.
 *
 * @returns bad data, where a file is no sound; else the code of the first that failed
 * @throws UserError where results cannot be written; nothing else is tried then
 */
async function convert(input: string, output: string, flags: Flags): Promise<ExitCode> {
  const jobs = flags.jobs ? numberFlag('jobs', flags.jobs, { min: 1, max: 256, integer: true }) : undefined;
  const { conversions, refused } = await planConversions(input, output);
  const failed = refused.map(({ source, error }) => ({ file: source, error }));
  const outcome: Outcome = { converted: 0, skipped: 0, failed, warnings: [], interrupted: false };
  const progress = showProgress('convert', conversions.length);
  let done = 0;
  const note = ({ source }: Conversion, reply: ConvertReply) => {
    if (reply.type === 'stopped') return;
    progress.update(++done, source);
    if (reply.type === 'failed') {
      const error = new UserError(reply.code, reply.message, reply.hint);
      // A full disk is no fault of this file, and no other would fare better.
      if (reply.code === ExitCode.cannotCreate) throw error;
      failed.push({ file: source, error });
    } else {
      outcome[reply.type]++;
      outcome.warnings.push(...reply.warnings);
    }
  };
  try {
    await interruptible(async (signal) => {
      await convertAll(conversions, { jobs, force: flags.force ?? false, signal, onReply: note });
      outcome.interrupted = signal.aborted;
    });
  } finally {
    progress.stop();
    report(outcome, flags.json ?? false);
  }
  // Everything is in order: now end as one that was interrupted ends, for scripts to see.
  if (outcome.interrupted) process.kill(process.pid, 'SIGINT');
  const codes = failed.map(({ error }) => error.code);
  return codes.find((code) => code === ExitCode.badData) ?? codes[0] ?? ExitCode.ok;
}

interface PoolOptions {
  readonly jobs: number | undefined;
  readonly force: boolean;
  readonly signal: AbortSignal;
  /** What it throws ends everything. */
  readonly onReply: (conversion: Conversion, reply: ConvertReply) => void;
}

/** Threads take one conversion after the other from the list. On `signal`, and on the first error, all stop. */
async function convertAll(
  conversions: readonly Conversion[],
  { jobs = availableParallelism(), force, signal, onReply }: PoolOptions,
): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  signal.addEventListener('abort', stop, { once: true });
  const queue = conversions.values();
  const lane = async () => {
    const worker = new Worker(new URL('../audio/convert-worker.js', import.meta.url));
    const send = (request: ConvertRequest) => worker.postMessage(request);
    const stopWorker = () => send('stop');
    stopping.signal.addEventListener('abort', stopWorker, { once: true });
    try {
      for (const conversion of queue) {
        if (stopping.signal.aborted) return;
        const reply = once(worker, 'message'); // rejects where the thread breaks
        send({ ...conversion, force });
        onReply(conversion, ((await reply) as [ConvertReply])[0]);
      }
    } catch (error) {
      stop();
      throw error;
    } finally {
      stopping.signal.removeEventListener('abort', stopWorker);
      await worker.terminate();
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(jobs, conversions.length) }, lane));
  signal.removeEventListener('abort', stop);
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
}

function report({ converted, skipped, failed, warnings, interrupted }: Outcome, json: boolean): void {
  failed.sort((a, b) => (a.file < b.file ? -1 : 1));
  for (const warning of warnings) console.error(`warning: ${warning}`);
  for (const { error } of failed) console.error(`failed: ${error.message}`);
  for (const hint of new Set(failed.map(({ error }) => error.hint))) console.error(`  hint: ${hint}`);
  const failures = failed.map(({ file, error }) => ({ file, reason: error.message }));
  const end = interrupted ? ', interrupted: run it again for the rest' : '';
  console.log(
    json
      ? JSON.stringify({ converted, skipped, failed: failures, warnings, interrupted })
      : `${converted} converted, ${skipped} skipped, ${failed.length} failed${end}`,
  );
}
