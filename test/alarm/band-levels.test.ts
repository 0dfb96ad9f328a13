import { describe, expect, it } from 'vitest';
import { BandLevels, Stretches } from '../../src/alarm/band-levels.js';
import { MEL_BANDS, PATCH_FRAMES, PATCH_VALUES, STFT_HOP_SAMPLES } from '../../src/constants.js';

const levels = new BandLevels();
/** Laid a little before, as a stencil is. */
function mean(band: number, from: number, to: number): number {
  const stretches = new Stretches(levels, [
    [10, 11],
    [10, 10 + to - from],
  ]);
  stretches.layAt(from - 10);
  expect(stretches.length).toBe(2);
  expect(stretches.meanOfAll(band)).toBeCloseTo((stretches.mean(0, band) + stretches.mean(1, band)) / 2, 9);
  return stretches.mean(1, band);
}
/** Of each frame in a band its number and a hundredth of the band's, in another unit and from another zero. */
const window = (firstFrame: number, unitDb = 1, zeroDb = 0) => ({
  ...{ unitDb, zeroDb, startSample: firstFrame * STFT_HOP_SAMPLES },
  mel: Float32Array.from({ length: PATCH_VALUES }, (_, i) => {
    const level = firstFrame + Math.floor(i / MEL_BANDS) + (i % MEL_BANDS) / 100;
    return (level - zeroDb) / unitDb;
  }),
});

describe('levels of bands', () => {
  it('have a mean over any stretch, whatever the unit of each window', () => {
    for (let frame = 0; frame < 5000; frame += 48) levels.push(window(frame, 1 + (frame % 3), frame % 7));
    const { end } = levels;
    expect(end).toBe(4992 + PATCH_FRAMES);
    for (const [from, to] of [
      [end - 1, end],
      [end - 2000, end],
      [end - 100, end - 20],
    ] as const)
      expect(mean(7, from, to)).toBeCloseTo((from + to - 1) / 2 + 0.07, 3);
  });

  it('follow one another where no frame is missing, or so few that a hop leaves them out', () => {
    const begin = 10_000;
    expect(levels.push(window(begin))).toBe(false);
    expect(levels.begin).toBe(begin);
    expect(levels.push(window(begin + PATCH_FRAMES))).toBe(true);
    expect(levels.push({ ...window(begin + 2 * PATCH_FRAMES), startSample: (begin + 193.5) * 160 })).toBe(
      true,
    );
    expect(levels.begin).toBe(begin);
    expect(levels.push(window(begin + 300))).toBe(false);
    expect(levels.begin).toBe(begin + 300);
    // An earlier place is another stream.
    expect(levels.push(window(0))).toBe(false);
    levels.forget();
    expect(levels.push(window(48))).toBe(false);
    expect(mean(0, 48, 49)).toBeCloseTo(48, 3);
  });
});
