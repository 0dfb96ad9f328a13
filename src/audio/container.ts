import type { FileHandle } from 'node:fs/promises';
import { ExitCode, messageOf, UserError } from '../errors.js';

export type Codec = 'wav' | 'flac' | 'ogg-flac' | 'mp3' | 'vorbis' | 'opus';

/** What the decoder of a file needs to know beforehand. */
export interface AudioFile {
  readonly codec: Codec;
  /** Fed to the decoder before the bytes `start` to `end` of the file. */
  readonly preamble?: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Bits per sample where they are integers. */
  readonly integerBits?: number;
  /** Samples per channel, where the header says so. */
  readonly promisedSamples?: number;
  /** Why less sound is there than there should be. */
  readonly damage?: string;
}

const SNIFFED_BYTES = 4096;
/** Largest page of an OGG file. */
const OGG_PAGE_BYTES = 65_307;
const MAX_WAV_CHUNKS = 1000;

/**
 * Finds out by its content what kind of audio file this is and where its sound lies.
 *
 * @throws UserError bad data, where it is none, its header is cut off, or it is of a kind that nothing here reads
 */
export async function identify(file: FileHandle, path: string): Promise<AudioFile> {
  const { size } = await file.stat();
  if (size === 0) throw badAudio(path, 'is empty');
  const head = await readAt(file, 0, SNIFFED_BYTES);
  const whole = { start: 0, end: size };
  const magic = head.toString('latin1', 0, 4);
  if (magic === 'RIFF' && head.toString('latin1', 8, 12) === 'WAVE') return wav(file, size, path);
  if (magic === 'fLaC') return { codec: 'flac', ...whole, ...flacStreamInfo(head, path) };
  if (magic === 'OggS') return { ...whole, ...(await ogg(file, size, head, path)) };
  if (magic.startsWith('ID3')) {
    const start = afterId3(head);
    const tagged = await readAt(file, start, SNIFFED_BYTES);
    if (tagged.toString('latin1', 0, 4) === 'fLaC')
      return { codec: 'flac', start, end: size, ...flacStreamInfo(tagged, path) };
    return { codec: 'mp3', ...(await mp3(file, size, start)) };
  }
  if (isMp3Frame(head)) return { codec: 'mp3', ...(await mp3(file, size, 0)) };
  throw badAudio(path, 'is no audio file of a kind known here');
}

/** The error of a file whose content is wrong. */
export function badAudio(path: string, what: string, cause?: unknown): UserError {
  return new UserError(
    ExitCode.badData,
    `${path}: ${what}`,
    'Give a WAV, FLAC, OGG (Vorbis, Opus) or MP3 file that plays elsewhere, or convert it: ffmpeg -i FILE out.wav',
    { cause },
  );
}

/**
 * Walks the chunks of a WAV file to its sound. The decoder does so, too, but it forgets the byte that pads
 * an odd chunk and does not say when the sound is shorter than promised; so it gets a header of its own.
 */
async function wav(file: FileHandle, size: number, path: string): Promise<AudioFile> {
  let format: Buffer | undefined;
  for (let at = 12, i = 0; at + 8 <= size && i < MAX_WAV_CHUNKS; i++) {
    const header = await readAt(file, at, 8);
    const id = header.toString('latin1', 0, 4);
    const length = header.readUInt32LE(4);
    const start = at + 8;
    if (id === 'fmt ') format = await readAt(file, start, Math.min(length & ~1, SNIFFED_BYTES));
    if (id === 'data') {
      if (format === undefined) break;
      const { integerBits } = checkWavFormat(format, path);
      const present = size - start;
      // Whoever writes to a pipe cannot know the length: 0 or the highest number stands for "to the end".
      const empty = length === 0 && (await isChunkId(file, start));
      const unknown = (length === 0 && !empty) || length >= 0x7fff_f000;
      const end = unknown ? size : Math.min(size, start + length);
      return {
        codec: 'wav',
        preamble: wavHeader(format),
        start,
        end,
        ...(integerBits && { integerBits }),
        ...(!unknown && length > present && { damage: `${length - present} of ${length} bytes are missing` }),
      };
    }
    at = start + length + (length % 2);
  }
  throw badAudio(path, 'is a WAV file whose header is cut off or damaged');
}

/** Whether another chunk begins here, so that a length of 0 means just that. */
async function isChunkId(file: FileHandle, at: number): Promise<boolean> {
  const id = (await readAt(file, at, 4)).toString('latin1');
  return /^(LIST|id3 |ID3 |bext|fact|cue |smpl|iXML|JUNK|junk|PEAK|acid)$/.test(id);
}

/** Refuses what the decoder would stumble over. Fields: multimedia.cx/index.php/WAVEFORMATEX */
function checkWavFormat(format: Buffer, path: string): { integerBits?: number } {
  const extensible = format.length >= 26 && format.readUInt16LE(0) === 0xfffe;
  if (format.length < 16) throw badAudio(path, 'is a WAV file whose header is cut off or damaged');
  const tag = format.readUInt16LE(extensible ? 24 : 0);
  const channels = format.readUInt16LE(2);
  const frameBytes = format.readUInt16LE(12);
  const bits = format.readUInt16LE(14);
  const widths = { 1: [8, 16, 24, 32], 3: [32, 64], 6: [8], 7: [8] }[tag];
  const adpcm = tag === 2 || tag === 0x11;
  if (widths ? !widths.includes(bits) : !adpcm)
    throw badAudio(
      path,
      `is a WAV file of format 0x${tag.toString(16)} with ${bits} bits, which is not supported`,
    );
  if (channels === 0 || frameBytes === 0 || (widths && frameBytes !== (channels * bits) / 8))
    throw badAudio(
      path,
      `is a WAV file whose header contradicts itself: ${channels} channels, ${bits} bits, ${frameBytes} bytes`,
    );
  return tag === 1 ? { integerBits: bits } : {};
}

function wavHeader(format: Buffer): Uint8Array {
  const header = Buffer.alloc(12 + 8 + format.length + 8);
  header.write('RIFF\xff\xff\xff\xffWAVEfmt ', 'latin1');
  header.writeUInt32LE(format.length, 16);
  format.copy(header, 20);
  header.write('data\xff\xff\xff\xff', 20 + format.length, 'latin1');
  return header;
}

/** https://www.rfc-editor.org/rfc/rfc9639#name-streaminfo */
function flacStreamInfo(head: Buffer, path: string): { integerBits: number; promisedSamples?: number } {
  const info = head.subarray(head.indexOf('fLaC') + 8);
  if (info.length < 18) throw badAudio(path, 'is a FLAC file whose header is cut off');
  const promisedSamples = (info[13]! & 0x0f) * 2 ** 32 + info.readUInt32BE(14);
  return {
    integerBits: (((info[12]! & 1) << 4) | (info[13]! >> 4)) + 1,
    ...(promisedSamples > 0 && { promisedSamples }),
  };
}

/**
 * Codec by the first page, length by the last one, which every OGG stream ends with and which is marked as such.
 * https://www.rfc-editor.org/rfc/rfc3533#section-6, https://www.rfc-editor.org/rfc/rfc7845#section-4
 */
async function ogg(
  file: FileHandle,
  size: number,
  head: Buffer,
  path: string,
): Promise<Pick<AudioFile, 'codec' | 'integerBits' | 'promisedSamples' | 'damage'>> {
  const opus = head.indexOf('OpusHead');
  const flac = head.includes('\x7fFLAC');
  if (opus < 0 && !flac && !head.includes('\x01vorbis'))
    throw badAudio(path, 'is an OGG file with neither Vorbis, Opus nor FLAC in it');
  const tail = await readAt(file, Math.max(0, size - OGG_PAGE_BYTES), OGG_PAGE_BYTES);
  const page = tail.subarray(Math.max(0, tail.lastIndexOf('OggS')));
  const segments = page.subarray(27, 27 + (page[26] ?? 0));
  const complete = page.length >= 27 + segments.length + segments.reduce((sum, length) => sum + length, 0);
  const last = complete && (page[5]! & 4) !== 0;
  const skipped = opus >= 0 && head.length >= opus + 12 ? head.readUInt16LE(opus + 10) : 0;
  return {
    codec: opus >= 0 ? 'opus' : flac ? 'ogg-flac' : 'vorbis',
    ...(flac && { integerBits: flacStreamInfo(head, path).integerBits }),
    ...(last
      ? { promisedSamples: Number(page.readBigInt64LE(6)) - skipped }
      : { damage: 'its end is cut off' }),
  };
}

/**
 * Looks into the encoder's first frame, where there is one, for the number of bytes there
 * should be. http://gabriel.mp3-tech.org/mp3infotag.html
 */
async function mp3(file: FileHandle, size: number, start: number): Promise<Omit<AudioFile, 'codec'>> {
  const frame = await readAt(file, start, 200);
  const tag = Math.max(frame.indexOf('Xing'), frame.indexOf('Info'));
  const flags = frame[tag + 7] ?? 0;
  const knowsBytes = tag > 0 && (flags & 2) !== 0 && frame.length >= tag + 16;
  const bytes = knowsBytes ? frame.readUInt32BE(tag + 8 + (flags & 1) * 4) : 0;
  return { start, end: size, ...(start + bytes > size && { damage: 'its end is cut off' }) };
}

/** Where an ID3v2 tag ends: its length is in four times 7 bits. https://id3.org/id3v2.4.0-structure */
function afterId3(head: Buffer): number {
  return 10 + head.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 127), 0);
}

/** Sync word, layer III, and neither bit rate nor sample rate that is not allowed. */
function isMp3Frame(head: Buffer): boolean {
  const [sync = 0, layer = 0, rates = 0] = head;
  return sync === 0xff && (layer & 0xe6) === 0xe2 && rates >> 4 !== 15 && ((rates >> 2) & 3) !== 3;
}

/**
 * At most so many bytes, in a buffer of their own.
 *
 * @throws UserError no input, where the medium fails
 */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  try {
    // Not of Node's shared pool: decoders keep views of what they have not used yet.
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw new UserError(
      ExitCode.noInput,
      `the file cannot be read at byte ${position}: ${messageOf(error)}`,
      'Copy it to another disk, if that still works.',
      { cause: error },
    );
  }
}
