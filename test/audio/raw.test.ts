import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRawReader, RAW_FORMATS, type RawFormat, rawChunks } from '../../src/audio/raw.js';
import { StdinSource } from '../../src/audio/stdin.js';
import { watchedInput } from '../../src/audio/watched-input.js';
import type { PcmChunk } from '../../src/types.js';
import { ManualClock } from '../support/clock.js';
import { chirp, concatenate, silentLog, snrDb } from '../support/sound.js';

const clock = new ManualClock();
const never = new AbortController().signal;

/** Writes values in −1…1 as FFmpeg's formats of these names do. */
function encode(values: readonly number[], format: RawFormat): Buffer {
  const parts = values.map((value) => {
    const bytes = Buffer.alloc({ u8: 1, s16le: 2, s24le: 3, s32le: 4, f32le: 4 }[format]);
    if (format === 'f32le') bytes.writeFloatLE(value);
    else if (format === 'u8') bytes.writeUInt8(value * 128 + 128);
    else bytes.writeIntLE(value * 2 ** (bytes.length * 8 - 1), 0, bytes.length);
    return bytes;
  });
  return Buffer.concat(parts);
}

async function all(chunks: AsyncIterable<PcmChunk>): Promise<PcmChunk[]> {
  const got: PcmChunk[] = [];
  for await (const chunk of chunks) got.push(chunk);
  return got;
}

describe('raw PCM', () => {
  it.each(RAW_FORMATS)('reads %s frames of any channel count, cut at any byte', (format) => {
    // Multiples of 1/128 are exact in every format.
    const value = fc.integer({ min: -128, max: 127 }).map((integer) => integer / 128);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }).chain((channels) =>
          fc.record({
            channels: fc.constant(channels),
            frames: fc.array(fc.array(value, { minLength: channels, maxLength: channels }), {
              maxLength: 40,
            }),
            cuts: fc
              .array(fc.integer({ min: 0, max: 30 }), { minLength: 1 })
              .filter((cuts) => cuts.some((cut) => cut > 0)),
          }),
        ),
        ({ channels, frames, cuts }) => {
          const bytes = encode(frames.flat(), format);
          const read = createRawReader({ format, sampleRateHz: 16_000, channels });
          const parts: Float32Array[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const length = cuts[i % cuts.length]!;
            parts.push(read(bytes.subarray(at, at + length)));
            at += length;
          }
          const means = frames.map((frame) => frame.reduce((sum, each) => sum + each, 0) / channels);
          expect(concatenate(parts)).toEqual(Float32Array.from(means, (mean) => mean + 0));
        },
      ),
    );
  });

  it('takes no broken float for a sound, in any channel, and counts it', async () => {
    const values = [Number.NaN, 0.5, Number.POSITIVE_INFINITY, 0.5, 32_768, -1, -9, 1, 7.5, -7.5, 1.5, 0.25];
    const stream = Readable.from([encode(values, 'f32le')]);
    const layout = { format: 'f32le', sampleRateHz: 16_000, channels: 2 } as const;
    const [chunk] = await all(rawChunks(stream, layout, clock, never));
    expect([...(chunk?.samples ?? [])]).toEqual([0.25, 0.25, 0, 0, 0, 0.875]);
    expect(chunk?.broken).toBe(4);
    const whole = await all(rawChunks(Readable.from([encode([1.5, -1], 'f32le')]), layout, clock, never));
    expect(whole[0]?.broken).toBeUndefined();
  });

  it('says once that floats are broken', async () => {
    const lines: string[] = [];
    const log = { ...silentLog, warn: (_: object, message: string) => void lines.push(message) };
    const layout = { format: 'f32le', sampleRateHz: 16_000, channels: 1 } as const;
    const second = encode([...chirp(200, 3000, 1), 1e9], 'f32le');
    const source = {
      description: 'a network card',
      live: false,
      chunks: (stop: AbortSignal) => rawChunks(Readable.from([second, second]), layout, clock, stop),
    };
    const handlers = { onChunk() {}, onOnline() {}, onOffline() {}, onFaults() {} };
    const options = { ...layout, source: 'stdin', noDataTimeoutSeconds: 5 } as const;
    const input = watchedInput(source, options, handlers, clock, log);
    input.start();
    await input.done;
    expect(lines).toEqual([expect.stringMatching(/a network card gives samples that are no sound/)]);
  });

  it('brings another rate to 16 kHz, in chunks of at most 0.1 s, stamped backwards from now', async () => {
    const bytes = encode([...chirp(200, 3000, 1, 48_000)], 'f32le');
    const layout = { format: 'f32le', sampleRateHz: 48_000, channels: 1 } as const;
    const chunks = await all(rawChunks(Readable.from([bytes]), layout, clock, never));
    const samples = concatenate(chunks.map((chunk) => chunk.samples));
    expect(samples).toHaveLength(16_000);
    expect(snrDb(samples, chirp(200, 3000, 1), 500)).toBeGreaterThan(100);
    expect(Math.max(...chunks.map((chunk) => chunk.samples.length))).toBe(1600);
    expect(clock.wallMs() - chunks[0]!.capturedAtMs).toBeCloseTo(892, -1);
  });

  it('holds a stream back that is read slowly', async () => {
    let made = 0;
    const endless = new Readable({
      highWaterMark: 65_536,
      read() {
        made += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    });
    const chunks = rawChunks(endless, { format: 's16le', sampleRateHz: 16_000, channels: 1 }, clock, never);
    for (let i = 0; i < 50; i++) await chunks.next();
    expect(made).toBeLessThan(50 * 3200 + 4 * 65_536);
    await chunks.return();
    expect(endless.destroyed).toBe(true);
  });
});

describe('stdin', () => {
  const layout = { format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;

  it('is read to its end, an incomplete last sample left out', async () => {
    const input = new PassThrough();
    input.end(Buffer.concat([encode([0.5, -0.25], 's16le'), Buffer.from([1])]));
    const [chunk] = await all(new StdinSource(layout, clock, input).chunks(never));
    expect([...(chunk?.samples ?? [])]).toEqual([0.5, -0.25]);
  });

  it('ends at once when it is stopped while nothing comes', async () => {
    const stop = new AbortController();
    const reading = all(new StdinSource(layout, clock, new PassThrough()).chunks(stop.signal));
    setImmediate(() => stop.abort());
    expect(await reading).toEqual([]);
  });

  it('refuses a terminal', async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true });
    await expect(all(new StdinSource(layout, clock, terminal).chunks(never))).rejects.toThrow(
      'stdin is a terminal',
    );
  });
});
