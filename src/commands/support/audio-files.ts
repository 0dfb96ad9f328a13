import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { AUDIO_EXTENSIONS } from '../../constants.js';
import { ExitCode, messageOf, UserError } from '../../errors.js';

/** The end of an audio file's name. */
export const AUDIO = new RegExp(`(${AUDIO_EXTENSIONS.join('|').replaceAll('.', '\\.')})$`, 'i');

/**
 * A file as it is, and of a folder the audio files below it.
 *
 * @throws UserError no input, where a folder cannot be read or there is no audio file below it
 */
export async function audioAt(path: string): Promise<string[]> {
  const isFolder = await stat(path).then(
    (kind) => kind.isDirectory(),
    () => false, // said when it is read
  );
  const found = isFolder ? await audioBelow(path) : [path];
  if (found.length > 0) return found;
  throw new UserError(
    ExitCode.noInput,
    `${path}: there is no audio file in it`,
    'Give a folder with WAV, FLAC, OGG, Opus or MP3 files.',
  );
}

/**
 * All audio files below a folder, in the order of their paths; nothing hidden.
 *
 * @throws UserError no input, where it cannot be read
 */
export async function audioBelow(folder: string): Promise<string[]> {
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error('it is no folder');
    const names = await readdir(folder, { recursive: true });
    const hidden = (name: string) => name.split(sep).some((part) => part.startsWith('.'));
    return names
      .filter((name) => AUDIO.test(name) && !hidden(name))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    throw new UserError(
      ExitCode.noInput,
      `${folder}: cannot be read: ${messageOf(error)}`,
      'Give a folder with audio files.',
      { cause: error },
    );
  }
}
