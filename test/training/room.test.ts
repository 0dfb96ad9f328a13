import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WINDOW_SAMPLES } from '../../src/constants.js';
import { levelOf } from '../../src/features/level.js';
import { inRoom } from '../../src/training/room.js';
import { tone } from '../support/sound.js';

const HOP = 7680;

async function roomOf(sound: Float32Array, { block = 1600, aroundSamples = 0 } = {}): Promise<Float32Array> {
  async function* blocks() {
    for (let at = 0; at < sound.length; at += block) yield sound.subarray(at, at + block);
  }
  const out: number[] = [];
  for await (const samples of inRoom(blocks(), { hopSamples: HOP, aroundSamples })) out.push(...samples);
  return Float32Array.from(out);
}

/** Where a loud sound begins. */
const onsetOf = (samples: Float32Array) => samples.findIndex((x) => Math.abs(x) > 0.1);

describe('a sound in a room', () => {
  it('fills windows, and never with digital zero', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40_000 }),
        fc.integer({ min: 1, max: 20_000 }),
        async (length, block) => {
          const heard = await roomOf(new Float32Array(length), { block }); // a file of digital silence
          expect(heard.length).toBeGreaterThanOrEqual(Math.max(WINDOW_SAMPLES, length));
          expect(heard.length).toBeLessThan(Math.max(WINDOW_SAMPLES, length) + HOP);
          expect((heard.length - WINDOW_SAMPLES) % HOP).toBe(0);
          expect(heard.filter((x) => x === 0)).toHaveLength(0);
          expect(levelOf(heard).rmsDbfs).toBeGreaterThan(-75);
          expect(levelOf(heard).rmsDbfs).toBeLessThan(-65);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is the same every time, however its blocks are cut', async () => {
    const sound = tone(600, 3000 / 16_000);
    const heard = await roomOf(sound);
    expect(await roomOf(sound, { block: 700 })).toStrictEqual(heard);
  });

  it('lies anywhere in its window where it is shorter', async () => {
    const onsets = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => onsetOf(await roomOf(tone(300 + 10 * i, 3000 / 16_000)))),
    );
    expect(Math.min(...onsets)).toBeLessThan(3000);
    expect(Math.max(...onsets)).toBeGreaterThan(9000);
  });

  it('is left where it was and as loud as it was, with room around it where that is wanted', async () => {
    const sound = tone(600, 20000 / 16_000);
    const heard = await roomOf(sound, { aroundSamples: 5000 });
    expect(heard.length).toBe(5000 + WINDOW_SAMPLES + HOP + 5000);
    const off = sound.map((x, i) => x - heard[5000 + i]!);
    expect(levelOf(off).rmsDbfs).toBeLessThan(-65);
  });

  it('has as loud a room around it as the pauses within it', async () => {
    const noisy = tone(600, 0.75).map((x, i) => (i < 6000 ? 0 : x) + 0.002 * Math.sin(i * i));
    const heard = await roomOf(noisy, { aroundSamples: 8000 });
    expect(
      Math.abs(levelOf(heard.subarray(0, 8000)).rmsDbfs - levelOf(noisy.subarray(0, 5000)).rmsDbfs),
    ).toBeLessThan(3);
  });
});
