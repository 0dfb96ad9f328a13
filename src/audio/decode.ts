import { type FileHandle, open, stat } from 'node:fs/promises';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { type AudioFile, badAudio, type Decoded, type Decoder, readAt, release } from './formats/format.js';
import { identify } from './formats/identify.js';
import { downmix, pieces } from './pcm.js';
import { canResample, createResampler, type Resampler } from './resample.js';

const READ_BYTES = 32_768;
/** Nothing that was recorded is 40 dB above full scale. */
const HIGHEST_SAMPLE = 100;
/** Errors of a program, not of a file: the last is WebAssembly's. */
const UNFORESEEN = ['RangeError', 'ReferenceError', 'TypeError', 'RuntimeError'];

/**
 * Decodes a WAV (also RF64, BW64, Wave64; 8 to 64 bits, integer, float, G.711, ADPCM), FLAC, OGG (Vorbis, Opus,
 * FLAC) or MPEG audio file to mono at 16 kHz, in blocks of at most 1600 samples. It is read as fast as the blocks
 * are taken. Integer PCM at 16 kHz comes out exact: value / 2^(bits−1).
 *
 * @param onWarning told once, at the end, where the file is damaged or cut off and what is there has been decoded,
 *   and how many bytes were passed over
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
    let { damage, passedOver = 0, promisedSamples = 0 } = audio;
    let [samples, errors] = [0, 0];
    decoder = await audio.open();
    for await (const block of decodeAll(file, path, audio, decoder)) {
      errors += block.errors ?? 0;
      passedOver += block.passedOver ?? 0;
      damage ??= block.damage;
      if (!block.channelData[0]?.length) continue;
      samples += block.channelData[0].length;
      if (resampler?.fromHz !== block.sampleRate) {
        if (!canResample(block.sampleRate))
          throw badAudio(path, `has a sample rate of ${block.sampleRate} Hz, which is not supported`);
        // Chained OGG streams and joined MP3 files may change their rate on the way.
        if (resampler) yield* pieces(resampler.converter.flush());
        resampler?.converter.close();
        resampler = { fromHz: block.sampleRate, converter: createResampler(block.sampleRate) };
      }
      if ((channel ?? 1) > block.channelData.length)
        throw badAudio(path, `has ${block.channelData.length} channels, and none with number ${channel}`);
      const mono = downmix(block.channelData, channel);
      checkScale(mono, path);
      yield* pieces(resampler.converter.push(mono));
    }
    if (samples < promisedSamples) damage ??= `${samples} of ${promisedSamples} samples could be decoded`;
    if (errors > 0) damage ??= `${errors} errors while decoding`;
    const reasons = [damage ?? [], passedOver > 0 ? `${passedOver} bytes in it were passed over` : []];
    const reason = reasons.flat().join('; ');
    if (!resampler) throw badAudio(path, `holds no sound that can be decoded${reason && `: ${reason}`}`);
    yield* pieces(resampler.converter.flush());
    if (reason) onWarning(`${path}${damage ? ' is damaged' : ''}: ${reason}`);
  } finally {
    resampler?.converter.close();
    release(decoder);
    await file.close();
  }
}

async function* decodeAll(
  file: FileHandle,
  path: string,
  { parts }: AudioFile,
  decoder: Decoder,
): AsyncGenerator<Decoded, void, void> {
  for (const { start, end } of parts)
    for (let at = start; at < end; ) {
      const bytes = await readAt(file, at, Math.min(READ_BYTES, end - at));
      if (bytes.length === 0) break;
      at += bytes.length;
      yield* orBadAudio(path, decoder.decode(bytes));
    }
  yield* orBadAudio(path, decoder.flush());
}

async function* orBadAudio(
  path: string,
  decoded: Iterable<Decoded> | AsyncIterable<Decoded>,
): AsyncGenerator<Decoded, void, void> {
  try {
    yield* decoded;
  } catch (error) {
    // What a library did not foresee says nothing to its user.
    const unforeseen = error instanceof Error && UNFORESEEN.includes(error.name);
    const problem = unforeseen ? 'is damaged' : `cannot be decoded: ${messageOf(error)}`;
    throw badAudio(path, problem, undefined, error);
  }
}

/** Floats as large as integers are: of which width shows in none of them, so they cannot be brought to −1…1. */
function checkScale(samples: Float32Array, path: string): void {
  let highest = 0;
  for (let i = 0; i < samples.length; i++) highest = Math.max(highest, Math.abs(samples[i]!));
  if (highest <= HIGHEST_SAMPLE) return;
  throw badAudio(
    path,
    `has samples like ${Math.round(highest)}, where sound lies between −1 and 1`,
    'Scale it; where they were integers of 16 bits: ffmpeg -i FILE -af volume=1/32768 out.wav',
  );
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
