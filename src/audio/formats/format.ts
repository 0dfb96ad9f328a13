import type { FileHandle } from 'node:fs/promises';
import { ExitCode, messageOf, UserError } from '../../errors.js';

/** Where the sound of a file lies and who decodes it. */
export interface AudioFile {
  /** Pieces of the file that are handed to the decoder, one after the other; each ends before `end`. */
  readonly parts: readonly { readonly start: number; readonly end: number }[];
  /** @throws Error where the decoder cannot be loaded */
  readonly open: () => Promise<Decoder>;
  /** Samples per channel, where the header says so. */
  readonly promisedSamples?: number;
  /** Why less sound is there than there should be. */
  readonly damage?: string | undefined;
  /** Bytes before, between and behind the parts that are neither sound nor anything that belongs there. */
  readonly passedOver?: number;
}

/** Decodes one file. What it yields is bounded, whatever the bytes are; so is the time it takes for a byte. */
export interface Decoder {
  /** Pieces may be cut anywhere. */
  decode(bytes: Uint8Array): Iterable<Decoded> | AsyncIterable<Decoded>;
  /** The rest. */
  flush(): Iterable<Decoded> | AsyncIterable<Decoded>;
  free(): void;
}

/** Frees a decoder. A damaged file can spoil the memory of its library so that even this fails; it goes with it then. */
export function release(decoder: Pick<Decoder, 'free'> | undefined): void {
  try {
    decoder?.free();
  } catch {
    // What could be decoded has been.
  }
}

/** What is said beside the sound, or without any, is true of what has been read since the last time. */
export interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly sampleRate: number;
  /** Packets or frames that could not be decoded. */
  readonly errors?: number;
  /** Bytes that are neither sound nor anything that belongs there. */
  readonly passedOver?: number;
  /** Why less sound is there than there should be. */
  readonly damage?: string | undefined;
}

/** What a library has decoded; the types of some do not tell of errors. */
export function fromLibrary(
  decoded: Omit<Decoded, 'errors'> & { readonly errors?: readonly unknown[] },
): Decoded {
  const { channelData, sampleRate, errors = [] } = decoded;
  return { channelData, sampleRate, errors: errors.length };
}

/**
 * Bounds the search for frames in a file that was made, or is damaged, so that every byte looks like the
 * beginning of one.
 */
export class SearchLimit {
  #bytesLeft = 2 ** 24;

  /** So many bytes of the file have come; of those of real ones, few are looked at again. */
  give(bytes: number): void {
    this.#bytesLeft += 8 * bytes;
  }

  /**
   * So many bytes have been looked at in vain.
   *
   * @throws Error where it has been too much
   */
  search(bytes: number): void {
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft < 0) throw new Error('too much of it is damaged');
  }
}

/**
 * Integer PCM is value / 2^(bits−1), but libraries divide by 2^(bits−1) − 1; where they do so with positive values
 * only, that bends the waveform: a loud tone gets overtones as strong as the log-mel's offset. This undoes it exactly;
 * at 32 bits nothing of it is left in a float.
 *
 * @param divided the values that the library divides so
 */
export function straighten(samples: Float32Array, bits: number, divided: 'all' | 'positive'): void {
  if (bits > 24) return;
  const highest = 2 ** (bits - 1) - 1;
  for (let i = 0; i < samples.length; i++)
    if (divided === 'all' || samples[i]! > 0) samples[i] = Math.round(samples[i]! * highest) / (highest + 1);
}

/** The error of a file whose content is wrong. */
export function badAudio(path: string, what: string, hint?: string, cause?: unknown): UserError {
  return new UserError(
    ExitCode.badData,
    `${path}: ${what}`,
    hint ??
      'Give a WAV, FLAC, OGG (Vorbis, Opus) or MP3 file that plays elsewhere, or convert it: ffmpeg -i FILE out.wav',
    { cause },
  );
}

/** The error of a file that is in order, but of a kind that nothing here reads. */
export function notSupported(path: string, kind: string): UserError {
  return badAudio(path, `is ${kind}, which is not supported`, 'Convert it: ffmpeg -i FILE out.wav');
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

/** The libraries return their errors and write them to the console, too; they do so before a promise is there. */
export function quietly<T>(call: () => T): T {
  const { error } = console;
  console.error = () => {};
  try {
    return call();
  } finally {
    console.error = error;
  }
}
