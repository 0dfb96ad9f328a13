import { expect, it } from 'vitest';
import { levelOf, piecePowers } from '../../src/features/level.js';
import { GOLDEN, readSamples } from '../support/golden.js';

it('measures RMS and peak against full scale', () => {
  const sine = Float32Array.from(
    { length: 16_000 },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / 16_000),
  );
  expect(levelOf(sine).rmsDbfs).toBeCloseTo(-9.03, 2);
  expect(levelOf(sine).peakDbfs).toBeCloseTo(-6.02, 2);
  expect(levelOf(readSamples(GOLDEN, 'quiet-noise-minus-70dbfs')).rmsDbfs).toBeCloseTo(-70, 0);
});

it('gives silence a number', () => {
  expect(levelOf(new Float32Array(100))).toEqual({ rmsDbfs: -120, peakDbfs: -120 });
});

it('does not count a constant offset, of a window or of its pieces', () => {
  const noise = readSamples(GOLDEN, 'quiet-noise-minus-70dbfs');
  const offset = noise.map((x) => x + 0.1);
  expect(levelOf(offset).rmsDbfs).toBeCloseTo(levelOf(noise).rmsDbfs, 1);
  expect(levelOf(offset).peakDbfs).toBeCloseTo(levelOf(noise).peakDbfs, 1);
  expect(levelOf(new Float32Array(16_000).fill(0.1))).toEqual({ rmsDbfs: -120, peakDbfs: -120 });
  const [plain, moved] = [piecePowers(noise, 160), piecePowers(offset, 160)];
  for (const [i, power] of moved.entries()) expect(10 * Math.log10(power / plain[i]!)).toBeCloseTo(0, 1);
});
