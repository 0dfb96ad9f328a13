import { describe, expect, it } from 'vitest';
import { createDft400 } from '../../src/features/dft400.js';
import { createLibrosaMel } from '../../src/features/librosa-mel.js';
import { GOLDEN, maxDifference, readFloats, readWindow, SYNTHETIC } from '../support/golden.js';
import { sharedFolder } from '../support/require.js';

const FRAMES = 96;
const BANDS = 64;
const shared = sharedFolder();
const recorded = ['abnormal-1257', 'background-office_0031', 'singing-speech_004', 'water-katelynwater_0005'];
const cases = [
  ...SYNTHETIC.map((name) => [name, GOLDEN] as const),
  ...(shared ? recorded.map((name) => [name, `${shared}/golden`] as const) : []),
];

describe('librosa dB-mel', () => {
  it.each(cases)('equals the reference for %s within 0.0001 dB', (name, folder) => {
    const out = new Float32Array(FRAMES * BANDS);
    createLibrosaMel().compute(readWindow(folder, name), out);
    const bandsFirst = readFloats(folder, `${name}.dbmel.f32`);
    const reference = out.map((_, i) => bandsFirst[(i % BANDS) * FRAMES + Math.floor(i / BANDS)] as number);
    expect(maxDifference(out, reference)).toBeLessThan(1e-4);
  });

  it('has its maximum at 0 dB whatever the level', () => {
    const frontEnd = createLibrosaMel();
    const noise = readWindow(GOLDEN, 'white-noise');
    const [loud, soft] = [new Float32Array(FRAMES * BANDS), new Float32Array(FRAMES * BANDS)];
    frontEnd.compute(noise, loud);
    frontEnd.compute({ ...noise, samples: noise.samples.map((sample) => sample / 8) }, soft);
    expect(Math.max(...loud)).toBe(0);
    expect(maxDifference(loud, soft)).toBeLessThan(1e-4);
  });
});

describe('the 400-point power spectrum', () => {
  it('is that of the plain sum in every bin', () => {
    const frame = Float64Array.from({ length: 400 }, (_, n) => Math.sin(n * n) + (n % 7) / 3);
    const power = new Float64Array(201);
    createDft400().power(frame, power);
    const plain = power.map((_, k) => {
      let [re, im] = [0, 0];
      for (const [n, x] of frame.entries()) {
        re += x * Math.cos((2 * Math.PI * ((n * k) % 400)) / 400);
        im -= x * Math.sin((2 * Math.PI * ((n * k) % 400)) / 400);
      }
      return re * re + im * im;
    });
    expect(maxDifference(power, plain) / Math.max(...plain)).toBeLessThan(1e-13);
  });
});
