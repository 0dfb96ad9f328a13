import type { Readable } from 'node:stream';
import { SAMPLE_RATE_HZ } from '../constants.js';
import type { Clock, PcmChunk } from '../types.js';
import { MixWatch } from './mix-watch.js';
import { pieces } from './pcm.js';
import { createResampler, type Resampler } from './resample.js';

/** Width of a sample in bytes and its value in −1…1; names are FFmpeg's. */
const FORMATS = {
  u8: { bytes: 1, read: (view: DataView, at: number) => (view.getUint8(at) - 128) / 128 },
  s16le: { bytes: 2, read: (view: DataView, at: number) => view.getInt16(at, true) / 32_768 },
  s24le: {
    bytes: 3,
    read: (view: DataView, at: number) =>
      ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608,
  },
  s32le: { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) / 2_147_483_648 },
  f32le: { bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at, true) },
} as const;

/** 18 dB beyond full scale. A float of more is no sound: a single one of 32768 in a quiet room was an alarm. */
const MOST = 8;

export type RawFormat = keyof typeof FORMATS;
export const RAW_FORMATS = Object.keys(FORMATS) as [RawFormat, ...RawFormat[]];

/** How raw interleaved PCM is to be read. */
export interface RawLayout {
  readonly format: RawFormat;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Which of them is heard, counted from 1; all, mixed, when left out. */
  readonly channel?: Channel;
}

/** One channel, counted from 1, or all of them mixed. */
export type Channel = number | 'mix';

export function frameBytes({ format, channels }: Pick<RawLayout, 'format' | 'channels'>): number {
  return FORMATS[format].bytes * channels;
}

/**
 * Reads interleaved PCM to mono at its own rate. Bytes may be cut anywhere: what is left of a frame
 * waits for the next call. Float values that are no numbers become silence, those far beyond full scale just that.
 *
 * @param watch sees what is mixed
 * @param onBroken is told of each such value
 */
export function createRawReader(
  layout: RawLayout,
  watch?: MixWatch,
  onBroken?: () => void,
): (bytes: Uint8Array) => Float32Array {
  const { bytes: width, read } = FORMATS[layout.format];
  const frame = frameBytes(layout);
  const { channel: chosen = 'mix' } = layout;
  // A single channel is read as if it were all there is.
  const [from, count] = chosen === 'mix' ? [0, layout.channels] : [chosen - 1, 1];
  let rest: Uint8Array = new Uint8Array(0);
  return (arrived) => {
    const bytes = rest.length === 0 ? arrived : Buffer.concat([rest, arrived]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const mono = new Float32Array(Math.floor(bytes.length / frame));
    for (let i = 0; i < mono.length; i++) {
      let sum = 0;
      for (let channel = from; channel < from + count; channel++) {
        let value = read(view, i * frame + channel * width);
        if (!(value >= -MOST && value <= MOST)) {
          value = Number.isFinite(value) ? Math.sign(value) : 0;
          onBroken?.();
        }
        watch?.add(channel, value);
        sum += value;
      }
      mono[i] = sum / count;
      watch?.mixed(mono[i]!);
    }
    rest = bytes.subarray(mono.length * frame);
    return mono;
  };
}

/**
 * Chunks of at most 0.1 s, mono at 16 kHz, out of a stream of raw PCM, as soon as they arrive.
 * The stream is destroyed when it has been read or `signal` aborts.
 */
export async function* rawChunks(
  stream: Readable,
  layout: RawLayout,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<PcmChunk, void, void> {
  const mixes = layout.channels > 1 && (layout.channel ?? 'mix') === 'mix';
  const watch = mixes ? new MixWatch(layout.channels, layout.sampleRateHz) : undefined;
  let broken = 0;
  const read = createRawReader(layout, watch, () => broken++);
  const destroy = () => stream.destroy();
  signal.addEventListener('abort', destroy, { once: true });
  let resampler: Resampler | undefined;
  try {
    resampler = createResampler(layout.sampleRateHz);
    if (signal.aborted) return;
    for await (const bytes of stream) {
      const samples = resampler.push(read(bytes));
      const mixing = watch?.take();
      yield* stamp(samples, clock.wallMs(), { ...(mixing && { mixing }), ...(broken > 0 && { broken }) });
      if (samples.length > 0) broken = 0;
    }
    yield* stamp(resampler.flush(), clock.wallMs());
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', destroy);
    stream.destroy();
    resampler?.close();
  }
}

/** The last of the samples was captured just now, the others before it. */
function* stamp(
  samples: Float32Array,
  nowMs: number,
  told?: Pick<PcmChunk, 'mixing' | 'broken'>,
): Generator<PcmChunk> {
  let left = samples.length;
  for (const piece of pieces(samples)) {
    left -= piece.length;
    const capturedAtMs = nowMs - (left * 1000) / SAMPLE_RATE_HZ;
    // The last piece tells.
    yield { samples: piece, capturedAtMs, ...(left === 0 && told) };
  }
}
