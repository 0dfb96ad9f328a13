import { type FileHandle, open, stat } from 'node:fs/promises';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { type AudioFile, badAudio, type Codec, identify, readAt } from './container.js';
import { createFlacDecoder, createOggFlacDecoder } from './flac.js';
import { downmix, pieces } from './pcm.js';
import { canResample, createResampler, type Resampler } from './resample.js';

/** The part of the decoders that is used. */
interface Decoder {
  decode(bytes: Uint8Array): Decoded | Promise<Decoded>;
  flush?(): Decoded | Promise<Decoded>;
  free(): void;
}

interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly sampleRate: number;
  readonly errors?: readonly unknown[];
}

const DECODERS: Record<Codec, () => Promise<Decoder>> = {
  wav: async () => (await import('@audio/decode-wav')).decoder(),
  flac: createFlacDecoder,
  'ogg-flac': createOggFlacDecoder,
  mp3: async () => (await import('@audio/decode-mp3')).decoder(),
  vorbis: async () => (await import('@audio/decode-vorbis')).decoder(),
  opus: async () => (await import('@audio/decode-opus')).decoder(),
};

const READ_BYTES = 32_768;
/** A decoder may read so much without a sound (a cover picture has up to 16 MiB) before it is given up. */
const SILENT_BYTES = 20 * 2 ** 20;

/**
 * Decodes a WAV (8 to 64 bits, integer, float, G.711, ADPCM), FLAC, OGG (Vorbis, Opus, FLAC) or MP3 file to
 * mono at 16 kHz, in blocks of at most 1600 samples. It is read as fast as the blocks are taken. Integer PCM
 * at 16 kHz comes out exact: value / 2^(bits−1).
 *
 * @param onWarning told when the file is damaged or cut off and what is there has been decoded.
 * @param channel the one that is heard, counted from 1; all of them, mixed, when left out
 * @throws UserError no input where the file cannot be read, bad data where no sound can be decoded
 */
export async function* decodeFile(
  path: string,
  onWarning: (message: string) => void = () => {},
  channel?: number,
): AsyncGenerator<Float32Array, void, void> {
  const file = await openFile(path);
  let decoder: Decoder | undefined;
  let resampler: { readonly fromHz: number; readonly converter: Resampler } | undefined;
  try {
    const audio = await identify(file, path);
    decoder = await DECODERS[audio.codec]();
    let samples = 0;
    let errors = 0;
    for await (const block of decodeAll(file, path, audio, decoder)) {
      errors += block.errors?.length ?? 0;
      if (!block.channelData[0]?.length) continue;
      samples += block.channelData[0].length;
      if (audio.integerBits)
        for (const channel of block.channelData) rescale(channel, audio.integerBits, audio.codec);
      if (resampler?.fromHz !== block.sampleRate) {
        if (!canResample(block.sampleRate))
          throw badAudio(path, `has a sample rate of ${block.sampleRate} Hz, which is not supported`);
        // Chained OGG streams and joined MP3 files may change their rate on the way.
        if (resampler) yield* pieces(resampler.converter.flush());
        resampler?.converter.close();
        resampler = { fromHz: block.sampleRate, converter: await createResampler(block.sampleRate) };
      }
      if ((channel ?? 1) > block.channelData.length)
        throw badAudio(path, `has ${block.channelData.length} channels, and none with number ${channel}`);
      yield* pieces(resampler.converter.push(downmix(block.channelData, channel)));
    }
    if (!resampler) throw badAudio(path, `holds no sound that can be decoded${because(audio.damage)}`);
    yield* pieces(resampler.converter.flush());
    if (audio.damage) onWarning(`${path} is damaged: ${audio.damage}`);
    else if (samples < (audio.promisedSamples ?? 0))
      onWarning(`${path} is damaged: ${samples} of ${audio.promisedSamples} samples could be decoded`);
    else if (errors > 0) onWarning(`${path} is damaged: ${errors} errors while decoding`);
  } finally {
    resampler?.converter.close();
    decoder?.free();
    await file.close();
  }
}

async function* decodeAll(
  file: FileHandle,
  path: string,
  audio: AudioFile,
  decoder: Decoder,
): AsyncGenerator<Decoded, void, void> {
  const attempt = async (decode: () => Decoded | Promise<Decoded>): Promise<Decoded> => {
    try {
      return await decode();
    } catch (error) {
      throw badAudio(path, `cannot be decoded: ${messageOf(error)}`, error);
    }
  };
  if (audio.preamble) {
    const { preamble } = audio;
    yield await attempt(() => decoder.decode(preamble));
  }
  let silentBytes = 0;
  for (let at = audio.start; at < audio.end && silentBytes < SILENT_BYTES; ) {
    const bytes = await readAt(file, at, Math.min(READ_BYTES, audio.end - at));
    if (bytes.length === 0) break;
    at += bytes.length;
    const block = await attempt(() => decoder.decode(bytes));
    silentBytes = block.channelData[0]?.length ? 0 : silentBytes + bytes.length;
    yield block;
  }
  yield await attempt(() => decoder.flush?.() ?? { channelData: [], sampleRate: 0 });
}

/**
 * Integer PCM is value / 2^(bits−1), but the FLAC decoder divides by 2^(bits−1) − 1, and the WAV decoder does so
 * with positive values only, which bends the waveform: a loud tone gets overtones as strong as the log-mel's
 * offset. This undoes it exactly; at 32 bits nothing of it is left in a float.
 */
function rescale(samples: Float32Array, bits: number, codec: Codec): void {
  if (bits > 24) return;
  const highest = 2 ** (bits - 1) - 1;
  for (let i = 0; i < samples.length; i++)
    if (codec !== 'wav' || samples[i]! > 0) samples[i] = Math.round(samples[i]! * highest) / (highest + 1);
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const kind = await stat(path);
    if (!kind.isFile()) throw new Error(kind.isDirectory() ? 'it is a folder' : 'it is no regular file');
    return await open(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError(
      ExitCode.noInput,
      `${path}: ${missing ? 'there is no such file' : `cannot be read: ${messageOf(error)}`}`,
      'Give the path of an audio file that you may read.',
      { cause: error },
    );
  }
}

function because(damage: string | undefined): string {
  return damage === undefined ? '' : `: ${damage}`;
}
