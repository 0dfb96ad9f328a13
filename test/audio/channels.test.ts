import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSource } from '../../src/audio/file.js';
import { type Channel, rawChunks } from '../../src/audio/raw.js';
import { createSource } from '../../src/audio/source.js';
import { watchedInput } from '../../src/audio/watched-input.js';
import { ManualClock } from '../support/clock.js';
import { concatenate, silentLog, tone, writeWav } from '../support/sound.js';

const SECOND = 16_000;
const signal = new AbortController().signal;

/** Interleaved 16-bit PCM. */
function interleaved(channels: readonly Float32Array[]): Buffer {
  const bytes = Buffer.alloc((channels[0]?.length ?? 0) * channels.length * 2);
  for (const [c, samples] of channels.entries())
    for (const [i, x] of samples.entries())
      bytes.writeInt16LE(Math.round(x * 32_767), 2 * (i * channels.length + c));
  return bytes;
}

async function heard(channels: readonly Float32Array[], channel: Channel) {
  const layout = { format: 's16le' as const, sampleRateHz: SECOND, channels: channels.length, channel };
  const chunks = [];
  const stream = Readable.from([interleaved(channels)]);
  for await (const chunk of rawChunks(stream, layout, new ManualClock(), signal)) chunks.push(chunk);
  const mixing = chunks.findLast((chunk) => chunk.mixing)?.mixing;
  return { samples: concatenate(chunks.map(({ samples }) => samples)), mixing };
}

const sound = tone(440, 3);
const inverted = sound.map((x) => -x);
const nothing = new Float32Array(sound.length);

describe('the channels of raw PCM', () => {
  it('are heard one by one', async () => {
    const { samples, mixing } = await heard([nothing, sound, inverted], 3);
    expect(samples[100]).toBeCloseTo(inverted[100]!, 4);
    expect(mixing).toBeUndefined();
  });

  it.each<[string, Float32Array[], lossDb: number, loudest: number]>([
    ['an inverted one', [sound, inverted], 120, 1],
    ['one of eight that hears', [...Array(5).fill(nothing), sound, nothing, nothing], 18, 6],
    ['all alike', [sound, sound], 0, 1],
    ['all alike, one on a constant', [sound, sound.map((x) => x / 2 + 0.4)], 2.5, 1],
  ])('tell what mixing them costs: %s', async (_, channels, lossDb, loudest) => {
    const { mixing } = await heard(channels, 'mix');
    expect(mixing?.loudest).toBe(loudest);
    if (lossDb > 100) expect(mixing?.lossDb).toBeGreaterThan(60);
    else expect(mixing?.lossDb).toBeCloseTo(lossDb, 0);
  });
});

describe('an input that mixes', () => {
  it('says that its channels cancel, with the flag that mends it, and that they do no more', async () => {
    const seen: string[] = [];
    const lines: string[] = [];
    const log = { ...silentLog, warn: (f: object, m: string) => lines.push(`${m} ${JSON.stringify(f)}`) };
    const good = interleaved([sound, sound]);
    const bad = interleaved([sound, inverted.map((x) => x * 0.9)]);
    const layout = { format: 's16le' as const, sampleRateHz: SECOND, channels: 2 };
    const pcm: Buffer[] = [...Array(12).fill(bad), ...Array(2).fill(good)];
    const input = watchedInput(
      {
        description: 'a sound card',
        live: false,
        chunks: (stop) => rawChunks(Readable.from(pcm), layout, new ManualClock(), stop),
      },
      { ...layout, source: 'stdin', noDataTimeoutSeconds: 5 },
      {
        onChunk() {},
        onOnline() {},
        onOffline() {},
        onFaults: (faults) => seen.push(faults.join()),
      },
      new ManualClock(),
      log,
    );
    input.start();
    await input.done;
    expect(seen).toEqual(['channels_cancel', '']);
    expect(lines.join()).toMatch(/a sound card loses 26 dB of its channel 1 .*--set input\.channel=1/);
  });
});

describe('an input that is opened again', () => {
  it('may have one channel, which cancels nothing and is not measured', async () => {
    const seen: string[] = [];
    const clock = new ManualClock();
    const samples = new Float32Array(SECOND).map(() => (Math.random() - 0.5) / 10);
    let opened = 0;
    const stop = new AbortController();
    async function* chunks() {
      const mixing = opened++ === 0 ? { lossDb: 40, loudest: 1 } : undefined;
      for (let i = 0; i < 12; i++) yield { samples, capturedAtMs: 0, ...(mixing && { mixing }) };
      if (opened > 1) stop.abort();
    }
    const input = watchedInput(
      { description: 'a sound card', live: true, chunks },
      { format: 's16le', source: 'portaudio', sampleRateHz: SECOND, channels: 2, noDataTimeoutSeconds: 5 },
      { onChunk() {}, onOnline() {}, onOffline() {}, onFaults: (faults) => seen.push(faults.join()) },
      clock,
      silentLog,
    );
    input.start();
    while (!stop.signal.aborted) await clock.advance(1000);
    expect(seen.join()).toMatch(/channels_cancel/);
    expect(seen.at(-1)).not.toMatch(/channels_cancel/);
    await input.stop();
  });
});

describe('8 bits', () => {
  it.each(['portaudio', 'stdin'] as const)(
    'of raw sound alone are no reason to doubt it: %s',
    async (source) => {
      const seen: string[] = [];
      async function* zeros() {
        for (let i = 0; i < 70; i++) yield { samples: new Float32Array(SECOND), capturedAtMs: 0 };
      }
      const input = watchedInput(
        { description: 'zeros', live: false, chunks: zeros },
        { format: 'u8', source, sampleRateHz: SECOND, channels: 1, noDataTimeoutSeconds: 5 },
        { onChunk() {}, onOnline() {}, onOffline() {}, onFaults: (faults) => seen.push(faults.join()) },
        new ManualClock(),
        silentLog,
      );
      input.start();
      await input.done;
      expect(seen.join().includes('microphone_zero')).toBe(source === 'portaudio');
    },
  );
});

describe('the channels of a file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'channels-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const source = (path: string, channel: Channel) =>
    createSource(
      {
        ...{ source: 'file', file: path, speed: Number.POSITIVE_INFINITY, loop: false, channel },
        ...{ format: 's16le', sampleRateHz: SECOND, channels: 1 },
      },
      silentLog,
      new ManualClock(),
    );

  it('are heard one by one, and one that is not there is an error', async () => {
    const path = await writeWav(join(folder, 'two.wav'), [nothing, sound]);
    const chunks = [];
    for await (const { samples } of source(path, 2).chunks(signal)) chunks.push(samples.slice());
    expect(concatenate(chunks)[100]).toBeCloseTo(sound[100]!, 4);
    expect(source(path, 2)).toBeInstanceOf(FileSource);
    await expect(source(path, 3).chunks(signal)[Symbol.asyncIterator]().next()).rejects.toThrow(
      /has 2 channels, and none with number 3/,
    );
  });
});
