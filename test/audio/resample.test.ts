import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canResample, createResampler } from '../../src/audio/resample.js';
import { chirp, concatenate, snrDb, tone } from '../support/sound.js';

async function resample(
  samples: Float32Array,
  fromHz: number,
  cuts: readonly number[] = [4800],
): Promise<Float32Array> {
  const resampler = createResampler(fromHz);
  const parts: Float32Array[] = [];
  for (let at = 0, i = 0; at < samples.length; i++) {
    const length = cuts[i % cuts.length]!;
    parts.push(resampler.push(samples.subarray(at, at + length)));
    at += length;
  }
  parts.push(resampler.flush());
  resampler.close();
  resampler.close();
  return concatenate(parts);
}

function levelDb(samples: Float32Array): number {
  const middle = samples.subarray(400, -400);
  return 10 * Math.log10((2 * middle.reduce((sum, value) => sum + value * value, 0)) / middle.length);
}

describe('resampler', () => {
  it.each([8_000, 11_025, 22_050, 32_000, 44_100, 44_101, 48_000, 96_000, 192_000, 191_999, 384_000])(
    'keeps a chirp from %i Hz in place, to 100 dB',
    async (rateHz) => {
      const samples = await resample(chirp(200, 3500, 1, rateHz), rateHz);
      expect(samples).toHaveLength(16_000);
      expect(snrDb(samples, chirp(200, 3500, 1), 500)).toBeGreaterThan(100);
    },
  );

  it('passes what YAMNet hears, up to 7.5 kHz, and nothing from above 8 kHz', async () => {
    for (const hz of [125, 1000, 7000, 7500])
      expect(levelDb(await resample(tone(hz, 1, 48_000, 1), 48_000))).toBeCloseTo(0, 1);
    for (const hz of [8_500, 10_000, 15_000, 20_000, 23_000])
      expect(levelDb(await resample(tone(hz, 1, 48_000, 1), 48_000))).toBeLessThan(-100);
  });

  it('leaves sound at 16 kHz untouched', async () => {
    const samples = tone(440, 0.2);
    expect(await resample(samples, 16_000)).toEqual(samples);
  });

  it('gives the same samples however the input is cut', async () => {
    const samples = chirp(200, 7000, 0.3, 44_100);
    const whole = await resample(samples, 44_100, [samples.length]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 6 }),
        async (cuts) => {
          const pieced = await resample(samples, 44_100, cuts);
          expect(pieced).toEqual(whole);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('remembers nothing of a sound that ended, or was left, at the same rate', async () => {
    const samples = chirp(200, 7000, 0.3, 48_000);
    const first = await resample(samples, 48_000);
    const left = createResampler(48_000);
    left.push(tone(1000, 0.1, 48_000));
    left.close();
    expect(await resample(samples, 48_000)).toEqual(first);
  });

  it('keeps two sounds of one rate apart', async () => {
    const samples = chirp(200, 7000, 0.3, 44_100);
    const alone = createResampler(44_100);
    const expected = alone.push(samples);
    const [a, b] = [createResampler(44_100), createResampler(44_100)];
    const parts: Float32Array[] = [];
    for (let at = 0; at < samples.length; at += 1000) {
      parts.push(a.push(samples.subarray(at, at + 1000)));
      b.push(tone(500, 0.02, 44_100));
    }
    expect(concatenate(parts)).toEqual(expected);
    for (const each of [alone, a, b]) each.close();
  });

  it('takes no rate that makes no sense', async () => {
    for (const rateHz of [0, -8000, 3999, 768_001, 44_100.5, Number.NaN, 3_072_000_000]) {
      expect(canResample(rateHz)).toBe(false);
      expect(() => createResampler(rateHz)).toThrow(RangeError);
    }
  });
});
