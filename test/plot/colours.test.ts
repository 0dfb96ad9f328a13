import { describe, expect, it } from 'vitest';
import { COLOURS, classColours, DASHES, kindColours, OTHER_COLOUR } from '../../src/plot/colours.js';

type Rgb = [number, number, number];

/** What somebody sees of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1). */
const EYES: Record<string, number[][]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const times = (matrix: number[][], vector: number[]) =>
  matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i]!, 0)) as Rgb;

function linear(hex: string): Rgb {
  const channels = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
  return channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as Rgb;
}

/** CIE L*a*b* */
function lab(rgb: Rgb): Rgb {
  const [x, y, z] = times(
    [
      [0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505],
      [0.2126, 0.7152, 0.0722],
      [0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089],
    ],
    rgb.map((c) => Math.max(0, Math.min(1, c))),
  ).map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)) as Rgb;
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const difference = (a: string, b: string, eye: number[][]) =>
  Math.hypot(...lab(times(eye, linear(a))).map((value, i) => value - lab(times(eye, linear(b)))[i]!));

const luminance = (hex: string) => times([[0.2126, 0.7152, 0.0722]], linear(hex))[0];

const BATHROOM = (['other', 'water', 'speech', 'alarm'] as const).map((role) => ({ role }));
const KINDS = ['impact', 'breaking', 'scream', 'distress'].map((name) => ({
  name,
  values: new Float32Array(),
}));

describe.each([
  ['light', '#ffffff'],
  ['dark', '#14181c'],
] as const)('on %s paper', (paper, hex) => {
  it.each(Object.entries(EYES))('the four classes differ with %s', (_, eye) => {
    const colours = classColours(BATHROOM).map((colour) => COLOURS[colour]![paper]);
    for (const [i, a] of colours.entries())
      for (const b of colours.slice(i + 1)) expect(difference(a, b, eye), `${a} ${b}`).toBeGreaterThan(20);
  });

  it('every colour stands out as WCAG wants it of graphics', () => {
    for (const each of COLOURS) {
      const [a, b] = [luminance(each[paper]), luminance(hex)].sort((x, y) => x - y) as [number, number];
      expect((b + 0.05) / (a + 0.05), each[paper]).toBeGreaterThanOrEqual(3);
    }
  });
});

it('as many classes as are drawn have colours of their own, and none that of those that are not', () => {
  const colours = classColours(
    Array.from({ length: 7 }, () => ({ role: 'other' })),
    true,
  );
  expect(new Set(colours).size).toBe(7);
  expect(colours).not.toContain(OTHER_COLOUR);
});

it('kinds of events differ in more than colour', () => {
  expect(new Set(kindColours(KINDS)).size).toBe(4);
  expect(new Set(DASHES).size).toBe(4);
});
