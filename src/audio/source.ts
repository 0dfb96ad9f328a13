import { ExitCode, UserError } from '../errors.js';
import type { Clock, Logger, Source } from '../types.js';
import { CommandSource } from './command.js';
import { FileSource } from './file.js';
import { PortAudioSource } from './portaudio.js';
import type { Channel, RawFormat, RawLayout } from './raw.js';
import { StdinSource } from './stdin.js';

export interface SourceOptions {
  readonly source: 'portaudio' | 'command' | 'file' | 'stdin';
  /** portaudio: name, part of a name, card id or index; undefined for the default device. */
  readonly device?: string | undefined;
  /** command: a shell command line that writes raw PCM to stdout. */
  readonly command?: string | undefined;
  /** file: path of a WAV, FLAC, OGG or MP3 file. */
  readonly file?: string | undefined;
  /** file: 1 in real time, `Infinity` as fast as possible. */
  readonly speed: number;
  readonly loop: boolean;
  /** command and stdin: what their bytes mean. */
  readonly format: RawFormat;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Which channel is heard, counted from 1; all of them, mixed, when left out. */
  readonly channel?: Channel;
}

/** @throws UserError configuration, where a file source has no file or a command source no command */
export function createSource(options: SourceOptions, log: Logger, clock: Clock): Source {
  const { format, sampleRateHz, channels, channel = 'mix', speed, loop } = options;
  const layout: RawLayout = { format, sampleRateHz, channels, channel };
  const one = channel === 'mix' ? undefined : channel;
  switch (options.source) {
    case 'portaudio':
      return new PortAudioSource(options.device, log, clock, one);
    case 'command':
      return new CommandSource(needed(options, 'command'), layout, log, clock);
    case 'file':
      return new FileSource({ path: needed(options, 'file'), speed, loop, channel: one }, log, clock);
    case 'stdin':
      return new StdinSource(layout, clock);
  }
}

function needed(options: SourceOptions, key: 'command' | 'file'): string {
  const value = options[key];
  if (!value)
    throw new UserError(ExitCode.config, `the source "${key}" has no ${key}`, `Say which: --source ${key}:…`);
  return value;
}
