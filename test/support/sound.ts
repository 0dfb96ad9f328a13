import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { whatIsWritten } from '../../src/audio/wav-writer.js';
import type { Logger } from '../../src/types.js';

export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export function tone(hz: number, seconds: number, rateHz = 16_000, amplitude = 0.5): Float32Array {
  return Float32Array.from(
    { length: Math.round(seconds * rateHz) },
    (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / rateHz),
  );
}

/** A smoke alarm's tone in its rhythm, T3. */
export function smokeAlarm(seconds: number, rateHz = 16_000): Float32Array {
  return tone(3100, seconds, rateHz, 0.05).map((value, i) => {
    const at = (i / rateHz) % 4;
    return at < 3 && at % 1 < 0.5 ? value : 0;
  });
}

/** A tone that rises evenly from one frequency to another. */
export function chirp(fromHz: number, toHz: number, seconds: number, rateHz = 16_000): Float32Array {
  const slope = (toHz - fromHz) / seconds;
  return Float32Array.from({ length: Math.round(seconds * rateHz) }, (_, i) => {
    const t = i / rateHz;
    return 0.5 * Math.sin(2 * Math.PI * (fromHz + (slope * t) / 2) * t);
  });
}

export interface WavOptions {
  readonly rateHz?: number;
  readonly bits?: 8 | 16 | 24 | 32;
  readonly float?: boolean;
  readonly extensible?: boolean;
  /** Put before the sound; a byte of padding follows where its length is odd. */
  readonly chunk?: { readonly id: string; readonly data: Uint8Array };
  /** What the header says of the sound's bytes, where that is not the truth. */
  readonly promisedBytes?: number;
}

/** The bytes of a WAV file; each of `channels` holds values in −1…1, integers are rounded. */
export function wavBytes(channels: readonly ArrayLike<number>[], options: WavOptions = {}): Buffer {
  const { rateHz = 16_000, bits = 16, float = false, extensible = false, chunk } = options;
  const width = bits / 8;
  const frames = channels[0]?.length ?? 0;
  const data = Buffer.alloc(frames * channels.length * width);
  for (let i = 0, at = 0; i < frames; i++)
    for (const channel of channels) {
      const value = channel[i]!;
      const integer = Math.max(
        -(2 ** (bits - 1)),
        Math.min(2 ** (bits - 1) - 1, Math.round(value * 2 ** (bits - 1))),
      );
      if (float) data.writeFloatLE(value, at);
      else if (bits === 8) data.writeUInt8(integer + 128, at);
      else data.writeIntLE(integer, at, width);
      at += width;
    }
  const format = Buffer.alloc(extensible ? 40 : 16);
  const tag = float ? 3 : 1;
  format.writeUInt16LE(extensible ? 0xfffe : tag, 0);
  format.writeUInt16LE(channels.length, 2);
  format.writeUInt32LE(rateHz, 4);
  format.writeUInt32LE((rateHz * channels.length * width) >>> 0, 8);
  format.writeUInt16LE(channels.length * width, 12);
  format.writeUInt16LE(bits, 14);
  if (extensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(bits, 18);
    format.writeUInt16LE(tag, 24);
    Buffer.from('000000001000800000aa00389b71', 'hex').copy(format, 26);
  }
  const parts = [
    riffChunk('fmt ', format),
    ...(chunk ? [riffChunk(chunk.id, chunk.data)] : []),
    riffChunk('data', data, options.promisedBytes),
  ];
  const body = Buffer.concat([Buffer.from('WAVE'), ...parts]);
  return Buffer.concat([Buffer.from('RIFF'), u32(body.length), body]);
}

export async function writeWav(
  path: string,
  channels: readonly ArrayLike<number>[],
  options?: WavOptions,
): Promise<string> {
  await writeFile(path, wavBytes(channels, options));
  return path;
}

/** The samples of a 16-bit mono WAV file with a plain 44-byte header, as value / 32768. */
export async function readPlainWav(path: string): Promise<Float32Array> {
  const bytes = (await readFile(path)).subarray(44);
  return Float32Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readInt16LE(i * 2) / 32_768);
}

export function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-nostdin', '-y', '-loglevel', 'error', ...args]);
}

export async function collect(blocks: AsyncIterable<Float32Array>): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for await (const block of blocks) parts.push(block.slice());
  return concatenate(parts);
}

export function concatenate(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** Signal to noise in dB, of the part that leaves out `margin` samples at both ends. */
export function snrDb(actual: Float32Array, expected: Float32Array, margin = 0): number {
  let signal = 0;
  let noise = 0;
  for (let i = margin; i < expected.length - margin; i++) {
    signal += expected[i]! ** 2;
    noise += ((actual[i] ?? 0) - expected[i]!) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

/** The highest correlation of a clip with any part of a recording, and where that part begins. */
export function bestCorrelation(
  recording: Float32Array,
  clip: Float32Array,
): { readonly correlation: number; readonly offset: number } {
  // A stretch from the middle is looked for first: sound servers swallow some milliseconds where a clip begins.
  const probeAt = loudest(clip, 400, clip.length / 4, (clip.length * 3) / 4);
  const probe = clip.subarray(probeAt, probeAt + 400);
  let best = { correlation: -1, offset: 0 };
  for (let at = 0; at + 400 <= recording.length; at++) {
    const correlation = correlate(recording.subarray(at, at + 400), probe);
    if (correlation > best.correlation) best = { correlation, offset: at - probeAt };
  }
  const offset = Math.max(0, best.offset);
  return { correlation: correlate(recording.subarray(offset, offset + clip.length), clip), offset };
}

/** Pearson's coefficient without removing the mean; missing samples count as silence. */
export function correlate(a: Float32Array, b: Float32Array): number {
  let [product, powerA, powerB] = [0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    const x = a[i] ?? 0;
    product += x * b[i]!;
    powerA += x * x;
    powerB += b[i]! ** 2;
  }
  return powerA * powerB === 0 ? 0 : product / Math.sqrt(powerA * powerB);
}

function loudest(samples: Float32Array, length: number, from: number, to: number): number {
  let best = { power: -1, at: 0 };
  for (let at = Math.floor(from); at + length <= to; at += length) {
    const power = samples.subarray(at, at + length).reduce((sum, value) => sum + value * value, 0);
    if (power > best.power) best = { power, at };
  }
  return best.at;
}

function riffChunk(id: string, data: Uint8Array, length = data.length): Buffer {
  return Buffer.concat([Buffer.from(id), u32(length), data, Buffer.alloc(data.length % 2)]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** Whether the file is one that the program has written to its end; false where there is none. */
export async function isCompleteWav(path: string): Promise<boolean> {
  return (await whatIsWritten(path)) === 'all';
}
