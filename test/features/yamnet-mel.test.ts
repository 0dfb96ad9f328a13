import { describe, expect, it } from 'vitest';
import { createFrontEnd } from '../../src/features/create-front-end.js';
import {
  GOLDEN,
  maxDifference,
  meanDifference,
  readFloats,
  readWindow,
  SYNTHETIC,
} from '../support/golden.js';
import { sharedFolder } from '../support/require.js';

const shared = sharedFolder();
const recorded = [
  'abnormal-1257',
  'abnormal-13880',
  'background-office_0031',
  'singing-speech_004',
  'water-katelynwater_0005',
];
const cases = [
  ...SYNTHETIC.map((name) => [name, GOLDEN] as const),
  ...(shared ? recorded.map((name) => [name, `${shared}/golden`] as const) : []),
];

describe('YAMNet log-mel', () => {
  it.each(cases)('equals the reference for %s', (name, folder) => {
    const out = new Float32Array(96 * 64);
    createFrontEnd('yamnet-log-mel').compute(readWindow(folder, name), out);
    const reference = readFloats(folder, `${name}.logmel.f32`);
    expect(maxDifference(out, reference)).toBeLessThan(1e-3);
    expect(meanDifference(out, reference)).toBeLessThan(1e-4);
  });
});
