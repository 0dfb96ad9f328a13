import { expect, it } from 'vitest';
import { levelOf } from '../../src/features/level.js';
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
