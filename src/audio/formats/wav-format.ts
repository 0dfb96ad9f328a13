import { badAudio, type Decoder, notSupported, straighten } from './format.js';
import { openMp3 } from './mp3.js';

/** More than any array of microphones has. */
const MAX_CHANNELS = 64;
const MP3 = 0x55;
/** Samples as they are, by the bits of their containers: integers, floats, A-law and µ-law. */
const WIDTHS: Record<number, readonly number[]> = { 1: [8, 16, 24, 32], 3: [32, 64], 6: [8], 7: [8] };
/** Blocks of samples of 4 bits, each with a header for each channel and so many samples in that: Microsoft, IMA. */
const ADPCM: Record<number, { readonly headerBytes: number; readonly headerSamples: number }> = {
  2: { headerBytes: 7, headerSamples: 2 },
  17: { headerBytes: 4, headerSamples: 1 },
};
const NAMES: Record<number, string> = {
  1: 'PCM',
  3: 'floats',
  32: 'Yamaha ADPCM',
  49: 'GSM 6.10',
  64: 'G.721',
  69: 'G.726',
  80: 'MPEG layer II',
  146: 'AC-3',
  255: 'AAC',
  352: 'WMA',
  353: 'WMA',
  655: 'G.722',
  8192: 'AC-3',
  8193: 'DTS',
};

/** How the sound of a WAV file is cut into pieces that belong together, and who decodes it. */
interface WavFormat {
  readonly frameBytes: number;
  readonly open: () => Promise<Decoder>;
}

/**
 * Reads the format of a WAV file, and refuses what the decoder would stumble over.
 * Fields: multimedia.cx/index.php/WAVEFORMATEX
 *
 * @throws UserError bad data
 */
export function readWavFormat(bytes: Buffer, path: string): WavFormat {
  const tagAt = bytes.length >= 2 && bytes.readUInt16LE(0) === 0xfffe ? 24 : 0;
  if (bytes.length < Math.max(16, tagAt + 2))
    throw badAudio(path, 'is a WAV file whose header is cut off or damaged');
  const tag = bytes.readUInt16LE(tagAt);
  const channels = bytes.readUInt16LE(2);
  const rateHz = bytes.readUInt32LE(4);
  const frameBytes = bytes.readUInt16LE(12);
  const bits = bytes.readUInt16LE(14);
  if (tag === MP3) return { frameBytes: 1, open: openMp3 };
  const name = NAMES[tag] ?? `format 0x${tag.toString(16)}`;
  const kind = (what: string) => `a WAV file of ${what}`;
  if (!WIDTHS[tag] && !ADPCM[tag]) throw notSupported(path, kind(name));
  if (channels > (ADPCM[tag] ? 2 : MAX_CHANNELS)) throw notSupported(path, kind(`${channels} channels`));
  // Fewer bits lie in the upper ones of their container.
  const container = (frameBytes / channels) * 8;
  const samples = ADPCM[tag] && samplesPerBlock(tag, channels, frameBytes);
  const fits =
    samples === undefined ? bits <= container && frameBytes % channels === 0 : bits === 4 && samples > 0;
  if (channels === 0 || frameBytes === 0 || !fits)
    throw badAudio(
      path,
      `is a WAV file whose header contradicts itself: ${channels} channels, ${bits} bits, ${frameBytes} bytes`,
    );
  if (samples === undefined && !WIDTHS[tag]?.includes(container))
    throw notSupported(path, kind(`${name} with ${bits} bits`));
  const width = samples === undefined ? container : bits;
  const header = wavHeader(tag, channels, rateHz, frameBytes, width, samples);
  return { frameBytes, open: () => openWav(header, tag === 1 ? container : undefined) };
}

/** By the length of the block: what the header says of it the decoder would believe, and make memory of. */
function samplesPerBlock(tag: number, channels: number, blockBytes: number): number {
  const { headerBytes, headerSamples } = ADPCM[tag]!;
  // IMA takes turns between channels after 4 bytes each.
  const turnBytes = tag === 17 ? 4 * channels : 1;
  const turns = Math.floor((blockBytes - headerBytes * channels) / turnBytes);
  return turns < 0 ? 0 : headerSamples + (turns * turnBytes * 2) / channels;
}

/** A header of what is known and nothing else, with sound to the end of the file behind it. */
function wavHeader(
  tag: number,
  channels: number,
  rateHz: number,
  frameBytes: number,
  bits: number,
  samples = 0,
): Uint8Array {
  const header = Buffer.alloc(48);
  header.write('RIFF\xff\xff\xff\xffWAVEfmt ', 'latin1');
  header.writeUInt32LE(20, 16);
  header.writeUInt16LE(tag, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt16LE(frameBytes, 32);
  header.writeUInt16LE(bits, 34);
  header.writeUInt16LE(2, 36);
  header.writeUInt16LE(samples, 38);
  header.write('data\xff\xff\xff\xff', 40, 'latin1');
  return header;
}

async function openWav(header: Uint8Array, integerBits = 32): Promise<Decoder> {
  const library = (await import('@audio/decode-wav')).decoder();
  library.decode(header);
  return {
    decode(bytes) {
      const decoded = library.decode(bytes);
      for (const channel of decoded.channelData) straighten(channel, integerBits, 'positive');
      return [decoded];
    },
    flush: () => [],
    free: () => library.free(),
  };
}
