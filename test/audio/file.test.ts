import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileSource } from '../../src/audio/file.js';
import type { PcmChunk } from '../../src/types.js';
import { ManualClock } from '../support/clock.js';
import { chirp, concatenate, readPlainWav, silentLog, writeWav } from '../support/sound.js';

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-'));
  path = await writeWav(join(folder, 'clip.wav'), [chirp(100, 5000, 1.05)]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Takes `count` chunks (all by default), letting time pass while none comes; returns when each came. */
async function play(clock: ManualClock, speed: number, loop = false, count = Number.POSITIVE_INFINITY) {
  const stop = new AbortController();
  const startMs = clock.now();
  const got: Array<PcmChunk & { atMs: number }> = [];
  let ended = false;
  const playing = (async () => {
    for await (const chunk of new FileSource({ path, speed, loop }, silentLog, clock).chunks(stop.signal)) {
      got.push({ ...chunk, atMs: clock.now() - startMs });
      if (got.length === count) break;
    }
  })().finally(() => {
    ended = true;
  });
  while (!ended) await clock.advance(1);
  await playing;
  expect(clock.pending).toBe(0);
  return got;
}

describe('file source', () => {
  it('hands each chunk over when its last sample has sounded, without drift', async () => {
    for (const speed of [1, 4]) {
      const clock = new ManualClock();
      const chunks = await play(clock, speed);
      let samples = 0;
      for (const chunk of chunks) {
        samples += chunk.samples.length;
        const dueMs = samples / 16 / speed;
        expect(chunk.atMs).toBeGreaterThanOrEqual(dueMs - 1e-6);
        expect(chunk.capturedAtMs - clock.wallMs() + clock.now()).toBeCloseTo(chunk.atMs, 6);
      }
      expect(chunks.at(-1)?.atMs).toBeGreaterThanOrEqual(1050 / speed);
      expect(concatenate(chunks.map((chunk) => chunk.samples))).toEqual(await readPlainWav(path));
    }
  });

  it('takes no time at infinite speed', async () => {
    const stop = new AbortController();
    const clock = new ManualClock();
    const source = new FileSource({ path, speed: Number.POSITIVE_INFINITY, loop: false }, silentLog, clock);
    let samples = 0;
    for await (const chunk of source.chunks(stop.signal)) samples += chunk.samples.length;
    expect(samples).toBe(16_800);
    expect(clock.now()).toBe(0);
  });

  it('loops without a gap', async () => {
    const once = await readPlainWav(path);
    const chunks = await play(new ManualClock(), Number.POSITIVE_INFINITY, true, 40);
    const samples = concatenate(chunks.map((chunk) => chunk.samples));
    expect(samples.length).toBeGreaterThan(2 * once.length);
    for (let i = 0; i < samples.length; i++)
      if (samples[i] !== once[i % once.length]) throw new Error(`sample ${i} differs`);
  });

  it('ends without an error and without a timer when it is stopped between two chunks', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const chunks = new FileSource({ path, speed: 1, loop: true }, silentLog, clock).chunks(stop.signal);
    const next = chunks.next();
    while (clock.pending === 0) await clock.advance(0);
    stop.abort();
    expect((await next).done).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
