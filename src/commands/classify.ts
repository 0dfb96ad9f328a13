import { once } from 'node:events';
import type { Command } from 'commander';
import { Sense } from '../alarm/sense.js';
import { SAMPLE_RATE_HZ } from '../constants.js';
import { ExitCode, UserError } from '../errors.js';
import { columnsOf } from '../files/ear.js';
import { listenToFiles } from '../files/listen.js';
import { scoredWindows } from '../files/table.js';
import { chooseHead } from '../model/head.js';
import { readModel } from '../model/shelf.js';
import { alarmRule } from '../pipeline.js';
import type { AlarmEnded, DecisionEvent, ScoredWindow } from '../types.js';
import { audioAt } from './support/audio-files.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom, shelvesOf } from './support/flags.js';
import { interruptible } from './support/interrupt.js';
import { type JobsFlag, jobsFlag, withJobs, withModel } from './support/options.js';
import { printError, warnOfFallback } from './support/print.js';

export function define(command: Command): void {
  withJobs(withModel(command))
    .argument('<file...>', 'WAV, FLAC, OGG or MP3; of a folder, all that lie in it and below')
    .option('--json', 'one JSON line per file')
    .action(finish(classify));
}

interface Flags extends ConfigFlags, JobsFlag {
  readonly json?: boolean;
}

interface FileResult {
  readonly file: string;
  readonly verdict: string;
  readonly confidence: number;
  /** Made anew each time: those of a long file are many. */
  readonly windows: () => Iterable<ScoredWindow>;
  readonly alarms: readonly AlarmEnded[];
}

/**
 * `classify FILE…`: a line per window and a verdict per file, on all cores; of a folder, for all files below it. What
 * cannot be read is named, and the others go on.
 *
 * @returns the exit code: that of the first file that failed
 */
async function classify(paths: string[], flags: Flags): Promise<ExitCode> {
  const jobs = jobsFlag(flags);
  const config = configFrom(flags);
  const { bundle, head } = await readModel(config.model, shelvesOf(config));
  const rule = alarmRule(bundle, chooseHead(bundle, head), config.alarm);
  const columns = columnsOf(bundle, head);
  const hopSamples = Math.round(config.window.hopSeconds * SAMPLE_RATE_HZ);
  let exitCode: ExitCode = ExitCode.ok;
  const failed = (error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    printError(error);
    exitCode ||= error.code;
  };

  const files: string[] = [];
  for (const path of paths)
    try {
      files.push(...(await audioAt(path)));
    } catch (error) {
      failed(error);
    }
  const sounds = files.map((path) => ({ path, lays: [{ how: 'as it is' } as const] }));
  const interrupted = await interruptible(async (signal) => {
    const heard = listenToFiles(sounds, {
      ...config.model,
      bundle,
      head,
      onFallback: warnOfFallback,
      wanted: 'scores',
      hopSamples,
      jobs,
      signal,
    });
    try {
      for await (const each of heard) {
        const { path } = each.sound;
        if ('error' in each) {
          failed(each.error);
          continue;
        }
        for (const warning of each.warnings) console.error(`warning: ${warning}`);
        const [{ tables, extent }] = each.lays as [(typeof each.lays)[number]];
        const windows = () => scoredWindows(tables, columns, hopSamples);
        // Without quiet hours: a file does not say at what time of day it was.
        const result = resultOf(path, windows, new Sense(rule, config.sense), extent.seconds);
        await print(flags.json ? asJson(result) : asText(result));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return signal.aborted;
  });
  if (interrupted) process.kill(process.pid, 'SIGINT'); // ends as what was interrupted ends, for scripts to see
  return exitCode;
}

/** The decision of the daemon over the windows of a file: the alarm's label, else the class with the highest mean. */
function resultOf(file: string, windows: FileResult['windows'], sense: Sense, seconds: number): FileResult {
  const alarms: AlarmEnded[] = [];
  const take = (event: DecisionEvent | undefined) => {
    if (event?.type === 'alarm_ended') alarms.push(event);
  };
  const sums = new Map<string, number>();
  let count = 0;
  for (const window of windows()) {
    count++;
    for (const [label, score] of Object.entries(window.scores))
      sums.set(label, (sums.get(label) ?? 0) + score);
    take(sense.push(window));
  }
  take(sense.end('stop', seconds, 0));
  const worst = alarms.reduce<AlarmEnded | undefined>(
    (a, b) => (a && a.peakConfidence >= b.peakConfidence ? a : b),
    undefined,
  );
  const means = [...sums].map(([label, sum]) => [label, sum / count] as const);
  const [verdict, confidence] = worst
    ? ([worst.label, worst.peakConfidence] as const)
    : means.reduce((a, b) => (b[1] > a[1] ? b : a));
  return { file, verdict, confidence, windows, alarms };
}

/** In pieces, as fast as they are read: the windows of a day are 40 MB of JSON. */
async function print(pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces) if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}

function* asJson({ file, verdict, confidence, windows, alarms }: FileResult): Generator<string> {
  const begin = JSON.stringify({ file, verdict, confidence: round(confidence) });
  yield `${begin.slice(0, -1)},"windows":[`;
  let comma = '';
  for (const { startSeconds, label, scores, kinds, rmsDbfs } of windows()) {
    const window = {
      startSeconds,
      label,
      scores: rounded(scores),
      ...(kinds && { kinds: rounded(kinds) }),
      levelDbfs: round(rmsDbfs),
    };
    yield comma + JSON.stringify(window);
    comma = ',';
  }
  const ended = alarms.map(({ atSeconds, durationSeconds, kind, peakConfidence }) => ({
    kind,
    startSeconds: round(atSeconds - durationSeconds),
    endSeconds: round(atSeconds),
    peakConfidence: round(peakConfidence),
  }));
  yield `],"alarms":${JSON.stringify(ended)}}\n`;
}

function* asText({ file, verdict, confidence, windows, alarms }: FileResult): Generator<string> {
  for (const { startSeconds, label, confidence: score, rmsDbfs } of windows())
    yield `${startSeconds.toFixed(2).padStart(8)} s  ${score.toFixed(2)}  ${rmsDbfs.toFixed(1).padStart(6)} dBFS  ${label}\n`;
  for (const { atSeconds, durationSeconds, label, kind, peakConfidence } of alarms)
    yield `   alarm ${(atSeconds - durationSeconds).toFixed(2)}–${atSeconds.toFixed(2)} s  ${peakConfidence.toFixed(2)}  ${label}${kind ? `, ${kind}` : ''}\n`;
  yield `${file}: ${verdict} (${confidence.toFixed(2)})\n`;
}

function rounded(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]));
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
