import type { FileHandle } from 'node:fs/promises';
import { flac } from './flac.js';
import { type AudioFile, badAudio, notSupported, readAt } from './format.js';
import { findMp3, isFreeFormat, mp3 } from './mp3.js';
import { nameOf } from './names.js';
import { findOgg, ogg } from './ogg.js';
import { tagBytes } from './tags.js';
import { isWav, wav } from './wav.js';

const SNIFFED_BYTES = 256;
const MAX_TAGS = 100;
/** So far is looked for sound behind what is none. */
const SEARCHED_BYTES = 2 ** 20;

/**
 * Finds out by its content what kind of audio file this is, where its sound lies and who decodes it. Whatever is
 * passed over, there or by the decoder, is counted in bytes.
 *
 * @throws UserError bad data, where it is none, its header is cut off, or it is of a kind that nothing here reads
 */
export async function identify(file: FileHandle, path: string): Promise<AudioFile> {
  const { size } = await file.stat();
  if (size === 0) throw badAudio(path, 'is empty');
  const begin = await afterTags(file);
  const head = await readAt(file, begin, SNIFFED_BYTES);
  if (isWav(head)) return wav(file, size, begin, path);
  if (head.toString('latin1', 0, 4) === 'fLaC') return flac(file, size, begin, path);
  const name = nameOf(head);
  if (name) throw notSupported(path, name);
  const searched = await readAt(file, begin, SEARCHED_BYTES);
  if (head.toString('latin1', 0, 4) === 'OggS') return ogg(searched, begin, size, path);
  const frame = findMp3(searched, begin + searched.length === size);
  if (frame >= 0) return mp3(file, size, begin, begin + frame);
  if (findOgg(searched)) return ogg(searched, begin, size, path);
  const stream = searched.indexOf('fLaC');
  if (stream > 0) {
    const audio = await flac(file, size, begin + stream, path);
    return { ...audio, passedOver: stream };
  }
  if (isFreeFormat(head)) throw notSupported(path, 'an MP3 file of free format');
  throw badAudio(path, begin > 0 ? 'holds no sound behind its tag' : 'is no audio file of a kind known here');
}

/** Where the tags end that the file begins with. */
async function afterTags(file: FileHandle): Promise<number> {
  let at = 0;
  for (let i = 0; i < MAX_TAGS; i++) {
    const length = tagBytes(await readAt(file, at, 32), 0);
    if (length === 0) break;
    at += length;
  }
  return at;
}
