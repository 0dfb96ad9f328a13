import { AUDIO_EXTENSIONS } from '../../constants.js';
import { ExitCode, messageOf, UserError } from '../../errors.js';
import { filesBelow, isFolder } from '../../system/files-below.js';

/** The end of an audio file's name. */
export const AUDIO = new RegExp(`(${AUDIO_EXTENSIONS.join('|').replaceAll('.', '\\.')})$`, 'i');

/**
 * A file as it is, and of a folder the audio files below it.
 *
 * @throws UserError no input, where a folder cannot be read or there is no audio file below it
 */
export async function audioAt(path: string): Promise<string[]> {
  const found = (await isFolder(path)) ? await audioBelow(path) : [path]; // what cannot be read is said then
  if (found.length > 0) return found;
  throw new UserError(
    ExitCode.noInput,
    `${path}: there is no audio file in it`,
    'Give a folder with WAV, FLAC, OGG, Opus or MP3 files.',
  );
}

/**
 * All audio files below a folder, in the order of their paths, each once; nothing hidden.
 *
 * @throws UserError no input, where a folder cannot be read
 */
export async function audioBelow(folder: string): Promise<string[]> {
  const { files, unreadable } = await filesBelow(folder);
  for (const { folder, error } of unreadable)
    throw new UserError(
      ExitCode.noInput,
      `${folder}: cannot be read: ${messageOf(error)}`,
      'Give a folder with audio files.',
      { cause: error },
    );
  return files.filter((path) => AUDIO.test(path));
}
