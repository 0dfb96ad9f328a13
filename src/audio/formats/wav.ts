import type { FileHandle } from 'node:fs/promises';
import { type AudioFile, badAudio, readAt } from './format.js';
import { readWavFormat } from './wav-format.js';

/** How the chunks of a file are laid out. */
interface Layout {
  readonly firstChunk: number;
  readonly headerBytes: number;
  /** Chunks begin at multiples of this, counted from the beginning of the one before. */
  readonly align: number;
  /** Of what follows the header. */
  readonly length: (header: Buffer) => number;
  /** Where nothing is as long as this in the file, it stands for "to the end". */
  readonly endless: number;
}

interface Chunk {
  readonly id: string;
  readonly start: number;
  readonly length: number;
}

const RIFF: Layout = {
  firstChunk: 12,
  headerBytes: 8,
  align: 2,
  length: (header) => header.readUInt32LE(4),
  endless: 0x7fff_f000,
};
/** Where "riff" is the beginning of a GUID: Sony's Wave64, whose lengths count their own header. */
const WAVE64: Layout = {
  firstChunk: 40,
  headerBytes: 24,
  align: 8,
  length: (header) => Math.max(0, Number(header.readBigUInt64LE(16)) - 24),
  endless: 2 ** 62,
};

const MAX_CHUNKS = 1000;
const MAX_FORMAT_BYTES = 4096;
/** What is known to lie behind the sound; a length of 0 before it means just that. */
const KNOWN = /^(LIST|id3 |ID3 |bext|fact|cue |smpl|inst|iXML|axml|chna|JUNK|junk|PEAK|acid|FLLR|data)$/;

/** Whether a file that begins so is one that `wav` reads. */
export function isWav(head: Buffer): boolean {
  const [magic, form] = [head.toString('latin1', 0, 4), head.toString('latin1', 8, 12)];
  if (magic === 'riff') return head.toString('latin1', 24, 28) === 'wave';
  return ['RIFF', 'RF64', 'BW64'].includes(magic) && form === 'WAVE';
}

/**
 * Walks the chunks of a WAV file, one of more than 4 GB (RF64, BW64: EBU Tech 3306) or a Wave64 file to its sound,
 * of which there may be several chunks. The decoder does so, too, but it forgets the byte that pads an odd chunk,
 * believes every number, and does not say when the sound is shorter than promised; so it gets a header of its own.
 *
 * @throws UserError bad data, where there is no sound or it is of a kind that nothing here reads
 */
export async function wav(file: FileHandle, size: number, begin: number, path: string): Promise<AudioFile> {
  const magic = (await readAt(file, begin, 4)).toString('latin1');
  let layout = magic === 'riff' ? WAVE64 : RIFF;
  let format: ReturnType<typeof readWavFormat> | undefined;
  const parts: { start: number; end: number }[] = [];
  let damage: string | undefined;
  let remainders = 0;
  let at = begin + layout.firstChunk;
  for (let i = 0; i < MAX_CHUNKS && at < size; i++) {
    const chunk = await readChunk(file, at, layout);
    if (!chunk) break;
    const { id, start } = chunk;
    let { length } = chunk;
    const present = size - start;
    if (id === 'data') {
      if (!format) break;
      const empty = length === 0 && (present === 0 || (await isChunk(file, start, size, layout)));
      // Whoever writes to a pipe cannot know the length: 0 or the highest number stands for "to the end".
      if ((length === 0 && !empty) || (length > present && length >= layout.endless)) length = present;
      if (length > present) damage = `${length - present} of ${length} bytes are missing`;
      const bytes = Math.min(length, present);
      const remainder = bytes % format.frameBytes;
      // Some programs count the bytes that pad a Wave64 chunk.
      if (!damage && layout !== WAVE64) remainders += remainder;
      parts.push({ start, end: start + bytes - remainder });
    } else if (length > present) break;
    else if (id === 'fmt ' && !format)
      format = readWavFormat(await readAt(file, start, Math.min(length, MAX_FORMAT_BYTES)), path);
    else if (id === 'ds64' && magic !== 'RIFF') layout = longRiff(await readAt(file, start, 16));
    at = Math.min(size, start + length);
    const padding = (layout.align - (length % layout.align)) % layout.align;
    // Some programs forget it.
    if (at + padding >= size || !(await isChunk(file, at, size, layout))) at = Math.min(size, at + padding);
  }
  if (!format || parts.length === 0) throw badAudio(path, 'is a WAV file whose header is cut off or damaged');
  return { parts, open: format.open, damage, passedOver: size - at + remainders };
}

async function readChunk(file: FileHandle, at: number, layout: Layout): Promise<Chunk | undefined> {
  const header = await readAt(file, at, layout.headerBytes);
  const id = header.toString('latin1', 0, 4);
  // A file within a file is one that was put behind it, and its sound would be passed over unseen.
  if (header.length < layout.headerBytes || !/^[\x20-\x7e]{4}$/.test(id) || /^(RIFF|RF64|BW64)$/i.test(id))
    return undefined;
  return { id, start: at + layout.headerBytes, length: layout.length(header) };
}

async function isChunk(file: FileHandle, at: number, size: number, layout: Layout): Promise<boolean> {
  const chunk = await readChunk(file, at, layout);
  return chunk !== undefined && (KNOWN.test(chunk.id) || chunk.start + chunk.length <= size);
}

/** Lengths of 64 bits lie in a chunk of their own: that of the whole file, then that of the sound. */
function longRiff(ds64: Buffer): Layout {
  const data = ds64.length >= 16 ? Number(ds64.readBigUInt64LE(8)) : 0;
  return {
    ...RIFF,
    length: (header) => {
      const length = RIFF.length(header);
      return length === 0xffff_ffff && header.toString('latin1', 0, 4) === 'data' ? data : length;
    },
    endless: 2 ** 62,
  };
}
