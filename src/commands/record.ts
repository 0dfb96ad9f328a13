import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { faultOf, trimToSound } from '../audio/clip.js';
import { Ear, EndOfSound } from '../audio/ear.js';
import { createSource } from '../audio/source.js';
import { clearAbandoned, writeWav } from '../audio/wav-writer.js';
import { SAMPLE_RATE_HZ } from '../constants.js';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { levelOf } from '../features/level.js';
import { systemClock } from '../system/clock.js';
import { createLog } from '../system/log.js';
import type { Source } from '../types.js';
import { finish } from './support/finish.js';
import { numberFlag } from './support/flag-values.js';
import { type ConfigFlags, configFrom } from './support/flags.js';
import { interruptible } from './support/interrupt.js';
import { logLevel, source, withSettings } from './support/options.js';
import { openKeyboard, recordScreen } from './support/record-screen.js';

export function define(command: Command): void {
  withSettings(
    command
      .requiredOption('-l, --label <name>', 'the class; names the folder and the clips')
      .option('-o, --out <folder>', 'folder of all classes', 'clips')
      .option('-n, --count <number>', 'how many clips', '20')
      .option('--seconds <number>', 'how long to record for each; it is trimmed to where there is sound', '2')
      .option(
        '--interval <seconds>',
        'record by itself, with this pause before each clip, instead of waiting for Enter',
      )
      .option('--min-level <dBFS>', 'refuse as silent what stays below', '-60')
      .option('--json', 'the summary as JSON')
      .addOption(source()),
  )
    .addOption(logLevel())
    .action(finish(record));
}

/** Without anybody at a keyboard, so many refused clips in a row end it. */
const MAX_REFUSED = 10;
const COUNTDOWN_SECONDS = 3;

export interface RecordFlags extends ConfigFlags {
  readonly label: string;
  readonly out: string;
  readonly count: string;
  readonly seconds: string;
  readonly interval?: string;
  readonly minLevel: string;
  readonly json?: boolean;
}

interface Clip {
  readonly file: string;
  readonly seconds: number;
  readonly rmsDbfs: number;
  readonly peakDbfs: number;
}

/**
 * `record --label NAME`: takes training clips from the input, one after the other, trims them to where there is
 * sound, and writes `OUT/NAME/NAME_001.wav` and so on, beside those that are there already. At a terminal each
 * clip waits for Enter; with `--interval`, or without a terminal, they come by themselves. Ctrl-C ends it.
 *
 * @throws UserError usage for a flag; no input, where the input ends before all clips are recorded; bad data,
 *   where one clip after the other is refused and nobody is there to ask
 */
async function record(flags: RecordFlags): Promise<ExitCode> {
  const label = labelFrom(flags.label);
  const count = numberFlag('count', flags.count, { min: 1, max: 10_000, integer: true });
  const seconds = numberFlag('seconds', flags.seconds, { min: 1, max: 60 });
  const interval =
    flags.interval === undefined ? undefined : numberFlag('interval', flags.interval, { min: 0, max: 3600 });
  const minLevelDbfs = numberFlag('min-level', flags.minLevel, { min: -120, max: 0 });
  const config = configFrom(flags);
  // What would scroll through the meter is for those who ask for it.
  const log = await createLog({ ...config.log, level: flags.logLevel ?? 'warn' });
  const source = createSource(config.input, log, systemClock);

  const folder = join(flags.out, label);
  await clearAbandoned(folder);
  let number = await lastNumber(folder, label);
  const clips: Clip[] = [];
  const refused: string[] = [];
  const screen = recordScreen();
  const keyboard = interval === undefined ? openKeyboard() : undefined;

  const session = async (ear: Ear) => {
    let refusedInRow = 0;
    while (clips.length < count) {
      const title = `clip ${clips.length + 1} of ${count}`;
      if (keyboard) {
        keyboard.ask();
        screen.message(`${title}: Enter to record, q and Enter to stop`);
        while (keyboard.answer === undefined) screen.level(await ear.next(), title);
        if (keyboard.answer === 'q') return;
      }
      const pause = interval ?? COUNTDOWN_SECONDS;
      screen.message(`${title} in ${pause} s`);
      await ear.hear(pause, (sound, left) => screen.level(sound, `${title} in ${Math.ceil(left)} s`));
      screen.message(`${title}: recording ${seconds} s`);
      const heard = await ear.hear(seconds, (sound, left) =>
        screen.level(sound, `● recording ${left.toFixed(1)} s`),
      );
      const fault = faultOf(heard, minLevelDbfs);
      if (fault !== undefined) {
        screen.message(`${title}: not kept, ${fault}`);
        refused.push(fault);
        if (++refusedInRow === MAX_REFUSED && !keyboard) throw nothingToLearn(fault);
        continue;
      }
      refusedInRow = 0;
      const samples = trimToSound(heard);
      let file: string;
      do file = join(folder, `${label}_${String(++number).padStart(3, '0')}.wav`);
      while ((await writeWav(file, [samples], { onlyNew: true })) === undefined); // another `record` was quicker
      const clip = { file, seconds: samples.length / SAMPLE_RATE_HZ, ...levelOf(samples) };
      clips.push(clip);
      screen.message(`${title}: ${describe(clip)}`);
    }
  };

  try {
    await interruptible(async (signal) => {
      const { noDataTimeoutSeconds, firstSoundTimeoutSeconds } = config.input;
      const ear = new Ear(source, noDataTimeoutSeconds, signal, firstSoundTimeoutSeconds);
      try {
        await session(ear);
      } catch (error) {
        if (!(error instanceof EndOfSound)) throw error;
        if (!signal.aborted) throw endedEarly(source, clips.length, count);
      } finally {
        await ear.close();
      }
    });
  } finally {
    keyboard?.close();
    screen.close();
    console.log(
      flags.json
        ? JSON.stringify({ label, folder, clips, refused })
        : `${clips.length} of ${count} clips recorded into ${folder}, ${refused.length} refused`,
    );
  }
  return ExitCode.ok;
}

/** A label becomes the name of a folder, of files, and of a class. */
function labelFrom(text: string): string {
  const label = text.normalize('NFC');
  if (/^[\p{L}\p{N}][\p{L}\p{N}_-]{0,63}$/u.test(label)) return label;
  throw new UserError(
    ExitCode.usage,
    `--label ${JSON.stringify(text)} cannot be the name of a class and its folder`,
    'Use up to 64 letters, digits, _ and -, beginning with a letter or digit: breaking_glass',
  );
}

/** Number of the last clip in the folder; 0 where there is none. */
async function lastNumber(folder: string, label: string): Promise<number> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder} cannot hold the clips: ${messageOf(error)}`,
      'Name another folder with --out.',
    );
  });
  const numbers = names
    .map((name) => name.normalize('NFC'))
    .filter((name) => name.startsWith(`${label}_`))
    .map((name) => Number(/^(\d+)\.wav$/i.exec(name.slice(label.length + 1))?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

function describe({ file, seconds, peakDbfs }: Clip): string {
  return `${file} (${seconds.toFixed(2)} s, peak ${peakDbfs.toFixed(1)} dBFS)`;
}

function nothingToLearn(fault: string): UserError {
  return new UserError(
    ExitCode.badData,
    `${MAX_REFUSED} clips in a row were refused, the last as ${fault}`,
    'Check the microphone: bathnet2mqtt doctor. For sounds that are meant to be quiet, lower --min-level.',
  );
}

function endedEarly(source: Source, got: number, wanted: number): UserError {
  return new UserError(
    ExitCode.noInput,
    `${source.description} ended after ${got} of ${wanted} clips`,
    'Choose a source that goes on, or fewer clips with --count.',
  );
}
