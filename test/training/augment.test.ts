import { describe, expect, it } from 'vitest';
import { augmented, stretch, vary } from '../../src/training/augment.js';
import { createRandom } from '../../src/training/random.js';
import { collect, tone } from '../support/sound.js';

/** Frequency of a tone, from its zero crossings. */
function frequencyHz(sound: Float32Array): number {
  const middle = sound.subarray(sound.length / 4, (sound.length * 3) / 4);
  let crossings = 0;
  for (let i = 1; i < middle.length; i++) if ((middle[i - 1] ?? 0) < 0 && (middle[i] ?? 0) >= 0) crossings++;
  return (crossings * 16_000) / middle.length;
}

describe('augmentation', () => {
  it.each([0.8, 1, 1.25])('makes a sound %f times as long and keeps its pitch and level', (factor) => {
    const sound = tone(440, 1);
    const longer = stretch(sound, factor);
    expect(longer).toHaveLength(Math.round(16_000 * factor));
    expect(frequencyHz(longer)).toBeGreaterThan(434);
    expect(frequencyHz(longer)).toBeLessThan(446);
    const power = (x: Float32Array) => x.reduce((sum, v) => sum + v * v, 0) / x.length;
    expect(power(longer) / power(sound)).toBeGreaterThan(0.8);
    expect(power(longer) / power(sound)).toBeLessThan(1.2);
  });

  it('varies pitch, length and level within bounds, and never clips beyond full scale', () => {
    const random = createRandom(3);
    const heard = Array.from({ length: 20 }, () => vary(tone(440, 1, 16_000, 0.9), random));
    const lengths = heard.map(({ length }) => length);
    expect(new Set(lengths).size).toBeGreaterThan(10);
    expect(Math.min(...lengths)).toBeGreaterThan(0.84 * 16_000);
    expect(Math.max(...lengths)).toBeLessThan(1.64 * 16_000);
    const peaks = heard.map((sound) => sound.reduce((a, b) => Math.max(a, Math.abs(b)), 0));
    expect(Math.max(...peaks)).toBeLessThanOrEqual(1);
    expect(Math.min(...peaks)).toBeLessThan(0.5);
  });

  it('gives the same variation for the same sound, seed and copy, and others for others', async () => {
    const sound = (hz: number) =>
      async function* () {
        yield tone(hz, 0.5);
      };
    const heard = (hz: number, seed: number, copy: number) => collect(augmented(sound(hz)(), seed, copy));
    const first = await heard(440, 1, 1);
    expect(await heard(440, 1, 1)).toEqual(first);
    for (const other of [await heard(440, 1, 2), await heard(440, 2, 1), await heard(450, 1, 1)])
      expect(other).not.toEqual(first);
  });

  it('takes sounds that are too short to be stretched, and empty ones', () => {
    expect(vary(new Float32Array(100).fill(0.1), createRandom(1)).length).toBeGreaterThan(50);
    expect(stretch(new Float32Array(0), 1.2)).toHaveLength(0);
  });
});
