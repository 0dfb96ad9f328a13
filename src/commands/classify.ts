import type { Command } from 'commander';
import { decodeFile } from '../audio/decode.js';
import { type ExitCode, UserError } from '../errors.js';
import { Listener } from '../listener.js';
import { readModel } from '../model/shelf.js';
import { Pipeline } from '../pipeline.js';
import { systemClock } from '../system/clock.js';
import { createLog } from '../system/log.js';
import type { AlarmEnded, Logger, ScoredWindow } from '../types.js';
import { audioAt } from './support/audio-files.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom, shelvesOf } from './support/flags.js';
import { withModel } from './support/options.js';
import { printError, warnOfFallback } from './support/print.js';

export function define(command: Command): void {
  withModel(command)
    .argument('<file...>', 'WAV, FLAC, OGG or MP3; of a folder, all that lie in it and below')
    .option('--json', 'one JSON line per file')
    .action(finish(classify));
}

interface FileResult {
  readonly file: string;
  readonly verdict: string;
  readonly confidence: number;
  readonly windows: readonly ScoredWindow[];
  readonly alarms: readonly AlarmEnded[];
}

/**
 * `classify FILE…`: a line per window and a verdict per file; of a folder, for all files below it. What cannot be
 * read is named, and the others go on.
 *
 * @returns the exit code: that of the first file that failed
 */
async function classify(paths: string[], flags: ConfigFlags & { json?: boolean }): Promise<ExitCode> {
  const config = configFrom(flags);
  const { bundle, head } = await readModel(config.model, shelvesOf(config));
  const pipeline = await Pipeline.create(bundle, {
    ...config.model,
    head,
    onFallback: warnOfFallback,
    alarm: config.alarm,
    // Without quiet hours: a file does not say at what time of day it was.
    sense: config.sense,
  });
  const log = createLog(config.log);
  let exitCode: ExitCode = 0;
  const attempt = async (action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      printError(error);
      exitCode ||= error.code;
    }
  };
  const one = async (file: string) => {
    const result = await classifyFile(file, pipeline, config.window.hopSeconds, log);
    console.log(flags.json ? JSON.stringify(asJson(result)) : asText(result));
  };
  for (const path of paths)
    await attempt(async () => {
      for (const file of await audioAt(path)) await attempt(() => one(file));
    });
  await pipeline.close();
  return exitCode;
}

/** Runs a file through the same listener, pipeline and decision as the daemon. */
async function classifyFile(
  file: string,
  pipeline: Pipeline,
  hopSeconds: number,
  log: Logger,
): Promise<FileResult> {
  pipeline.reset();
  const windows: ScoredWindow[] = [];
  const alarms: AlarmEnded[] = [];
  const listener = new Listener(
    pipeline,
    { hopSeconds, live: false },
    {
      onWindow: ({ scored }) => windows.push(scored),
      onEvent(event) {
        if (event.type === 'alarm_ended') alarms.push(event);
      },
    },
    systemClock,
    log,
  );
  for await (const samples of decodeFile(file, (message) => console.error(`warning: ${message}`)))
    await listener.chunk({ samples, capturedAtMs: 0 });
  await listener.finish();
  await listener.stop();
  return { file, ...verdictOf(windows, alarms), windows, alarms };
}

/** The alarm's label if there was an alarm, else the class with the highest mean score. */
function verdictOf(
  windows: readonly ScoredWindow[],
  alarms: readonly AlarmEnded[],
): Pick<FileResult, 'verdict' | 'confidence'> {
  const worst = alarms.reduce<AlarmEnded | undefined>(
    (a, b) => (a && a.peakConfidence >= b.peakConfidence ? a : b),
    undefined,
  );
  if (worst) return { verdict: worst.label, confidence: worst.peakConfidence };
  const labels = Object.keys(windows[0]?.scores ?? {});
  const mean = (label: string) =>
    windows.reduce((sum, { scores }) => sum + scores[label]!, 0) / windows.length;
  const verdict = labels.reduce((a, b) => (mean(b) > mean(a) ? b : a));
  return { verdict, confidence: mean(verdict) };
}

function asJson({ file, verdict, confidence, windows, alarms }: FileResult): object {
  return {
    file,
    verdict,
    confidence: round(confidence),
    windows: windows.map(({ startSeconds, label, scores, kinds, rmsDbfs }) => ({
      startSeconds,
      label,
      scores: rounded(scores),
      ...(kinds && { kinds: rounded(kinds) }),
      levelDbfs: round(rmsDbfs),
    })),
    alarms: alarms.map(({ atSeconds, durationSeconds, kind, peakConfidence }) => ({
      kind,
      startSeconds: round(atSeconds - durationSeconds),
      endSeconds: round(atSeconds),
      peakConfidence: round(peakConfidence),
    })),
  };
}

function asText({ file, verdict, confidence, windows, alarms }: FileResult): string {
  const lines = windows.map(
    ({ startSeconds, label, confidence: score, rmsDbfs }) =>
      `${startSeconds.toFixed(2).padStart(8)} s  ${score.toFixed(2)}  ${rmsDbfs.toFixed(1).padStart(6)} dBFS  ${label}`,
  );
  const raised = alarms.map(
    ({ atSeconds, durationSeconds, label, kind, peakConfidence }) =>
      `   alarm ${(atSeconds - durationSeconds).toFixed(2)}–${atSeconds.toFixed(2)} s  ${peakConfidence.toFixed(2)}  ${label}${kind ? `, ${kind}` : ''}`,
  );
  return [...lines, ...raised, `${file}: ${verdict} (${confidence.toFixed(2)})`].join('\n');
}

function rounded(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]));
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
