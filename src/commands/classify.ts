import { once } from 'node:events';
import { type Command, Option } from 'commander';
import { Sense } from '../alarm/sense.js';
import { wantedSounds } from '../config/sections/sounds.js';
import { SAMPLE_RATE_HZ } from '../constants.js';
import { ExitCode, UserError } from '../errors.js';
import { columnsOf } from '../files/ear.js';
import { listenToFiles } from '../files/listen.js';
import { scoredWindows, watchedScores } from '../files/table.js';
import { Thread } from '../files/threads.js';
import { chooseHead } from '../model/head.js';
import { readModel } from '../model/shelf.js';
import { alarmRule } from '../pipeline.js';
import type { KindEvidence } from '../types.js';
import { asJson, asText } from './classify/output.js';
import { type Found, PLOT_FORMATS, type PlotFlags, plotPlaces } from './classify/places.js';
import { EvidenceCurves, recordingOf, roleOf } from './classify/recording.js';
import { resultOf } from './classify/result.js';
import { SoundsOfFiles } from './classify/sounds.js';
import { shownLabel, stripOf } from './classify/strip.js';
import { checkRenderer, writePlot } from './classify/write-plot.js';
import { audioAt } from './support/audio-files.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom, shelvesOf } from './support/flags.js';
import { interruptible } from './support/interrupt.js';
import { type JobsFlag, jobsFlag, withJobs, withModel } from './support/options.js';
import { printable, printError, warn, warnOfFallback } from './support/print.js';
import { isTerminal } from './support/screen.js';

export function define(command: Command): void {
  withJobs(withModel(command))
    .argument('<file...>', 'WAV, FLAC, OGG or MP3; of a folder, all that lie in it and below')
    .option('--json', 'one JSON line per file')
    .option(
      '--plot <file>',
      'draw waveform, spectrogram, scores and evidence: .svg, .png, or .html to zoom and play; for several recordings a folder',
    )
    .addOption(
      new Option(
        '--plot-format <format>',
        'what is drawn in a folder (default: html, with the recording in it)',
      ).choices(PLOT_FORMATS),
    )
    .action(finish(classify));
}

interface Flags extends ConfigFlags, JobsFlag, PlotFlags {
  readonly json?: boolean;
}

/**
 * `classify FILE…`: a line per window and a verdict per file, on all cores; of a folder, for all files below it. What
 * cannot be read is named, and the others go on.
 *
 * @returns the exit code: that of the first file that failed
 */
async function classify(paths: string[], flags: Flags): Promise<ExitCode> {
  const jobs = jobsFlag(flags);
  Thread.prepare('hear-thread'); // starts while the model is read
  const config = configFrom(flags);
  const { bundle, head: headName } = await readModel(config.model, shelvesOf(config));
  const head = chooseHead(bundle, headName);
  const rule = alarmRule(bundle, head, config.alarm);
  const beside = new SoundsOfFiles(wantedSounds(config.sounds), bundle.manifest);
  const columns = columnsOf(bundle, headName, beside.watched);
  const hopSamples = Math.round(config.window.hopSeconds * SAMPLE_RATE_HZ);
  const role = (label: string) => roleOf(label, rule, config.sense);
  let exitCode: ExitCode = ExitCode.ok;
  const failed = (error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    printError(error);
    exitCode ||= error.code;
  };

  const files: Found[] = [];
  for (const argument of paths)
    try {
      for (const path of await audioAt(argument)) files.push({ path, argument });
    } catch (error) {
      failed(error);
    }
  const places = await plotPlaces(files, flags);
  if (places) await checkRenderer(places.format);
  const sounds = files.map(({ path }) => ({ path, lays: [{ how: 'as it is' } as const] }));
  await interruptible(async (signal) => {
    const heard = listenToFiles(sounds, {
      ...config.model,
      bundle,
      head: headName,
      onFallback: warnOfFallback,
      wanted: 'scores',
      watched: beside.watched,
      hopSamples,
      sketch: places !== undefined,
      jobs,
      signal,
      onLevels: beside.onLevels,
    });
    for await (const each of heard) {
      const { path } = each.sound;
      if ('error' in each) {
        beside.forget(each.sound);
        failed(each.error);
        continue;
      }
      each.warnings.forEach(warn);
      const [{ tables, extent, sketches = [] }] = each.lays as [(typeof each.lays)[number]];
      const windows = () => scoredWindows(tables, columns, hopSamples);
      const evidence = new EvidenceCurves(rule.evidence?.kinds ?? []);
      const onWindow = places && ((now: readonly KindEvidence[]) => evidence.push(now));
      // Without quiet hours: a file does not say at what time of day it was.
      const sense = new Sense(rule, config.sense);
      const scores = watchedScores(tables, columns);
      const sounds = beside.spansOf(each.sound, scores, hopSamples, extent.seconds);
      const result = resultOf(path, windows, sense, extent.seconds, sounds, onWindow);
      const strip = isTerminal(process.stdout)
        ? stripOf(result, process.stdout, columns.labels, role)
        : undefined;
      await print(
        flags.json
          ? asJson(result)
          : asText(result, (label) => shownLabel(label, process.stdout, role), strip),
      );
      if (!places) continue;
      const place = places.of.get(path)!;
      const { name, version, frontEnd } = bundle.manifest;
      const { engine, precision } = each.network;
      const recording = recordingOf(result, {
        labels: columns.labels,
        rule,
        role,
        evidence: evidence.curves,
        sketches,
        hopSeconds: hopSamples / SAMPLE_RATE_HZ,
        heardBy: `${name} ${version}, head ${head.name}, ${engine} in ${precision}`,
        frontEnd,
      });
      await writePlot(recording, path, place, places.format);
      if (!flags.json) console.error(`plot: ${printable(place)}`);
    }
  });
  return exitCode;
}

/** In pieces, as fast as they are read: the windows of a day are 40 MB of JSON. */
async function print(pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces) if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}
