import { describe, expect, it } from 'vitest';
import { createMagnitudes, Fft } from '../../src/features/fft.js';

/** Without any order or symmetry: the definition. */
function plainSum(re: readonly number[], im: readonly number[]): [re: number, im: number][] {
  return re.map((_, k) => {
    let [sumR, sumI] = [0, 0];
    for (let n = 0; n < re.length; n++) {
      const angle = (-2 * Math.PI * ((k * n) % re.length)) / re.length;
      sumR += re[n]! * Math.cos(angle) - im[n]! * Math.sin(angle);
      sumI += re[n]! * Math.sin(angle) + im[n]! * Math.cos(angle);
    }
    return [sumR, sumI];
  });
}

const some = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => Math.sin(seed + i * i * 0.37) - 0.2);

describe('a fast Fourier transform', () => {
  it.each([4, 16, 64, 256])('of %i points is the plain sum', (size) => {
    const fft = new Fft(size);
    const [re, im] = [some(size, 1), some(size, 2)];
    for (let i = 0; i < size; i++) {
      fft.re[i] = re[fft.order[i]!]!;
      fft.im[i] = im[fft.order[i]!]!;
    }
    fft.transform();
    for (const [k, [wantedR, wantedI]] of plainSum(re, im).entries()) {
      expect(fft.re[k]).toBeCloseTo(wantedR, 11);
      expect(fft.im[k]).toBeCloseTo(wantedI, 11);
    }
  });

  it.each([8, 32, 512])('of %i real samples gives the magnitudes of the plain sum', (size) => {
    const samples = some(size, 3);
    const out = new Float64Array(size / 2 + 1);
    createMagnitudes(size)(Float64Array.from(samples), out);
    const wanted = plainSum(
      samples,
      samples.map(() => 0),
    );
    for (const [k, magnitude] of out.entries()) expect(magnitude).toBeCloseTo(Math.hypot(...wanted[k]!), 11);
  });
});
