import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

type Rgb = [number, number, number];

const css = readFileSync(new URL('../../src/web/page/style/colours.css', import.meta.url), 'utf8');
const [light = '', dark = ''] = css.split('@media');

/**
 * How people see colours who lack one kind of cone; matrices of linear RGB by Machado, Oliveira and Fernandes, "A
 * Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), severity 1.0.
 */
const SIGHTS: Readonly<Record<string, readonly number[]>> = {
  everybody: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

/** Below this, two colours beside each other are easily taken for one (Oklab; black and white are 1 apart). */
const APART = 0.1;

function property(block: string, name: string): Rgb {
  const hex = new RegExp(`--${name}: #(\\w{6})`).exec(block)?.[1] ?? '';
  return [0, 2, 4].map((at) => linear(Number.parseInt(hex.slice(at, at + 2), 16) / 255)) as Rgb;
}

const linear = (x: number) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);

function seen([r, g, b]: Rgb, m: readonly number[]): Rgb {
  const row = (i: number) => Math.max(0, Math.min(1, m[i]! * r + m[i + 1]! * g + m[i + 2]! * b));
  return [row(0), row(3), row(6)];
}

/** Björn Ottosson's Oklab. */
function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

const distance = (a: Rgb, b: Rgb) => Math.hypot(...oklab(a).map((x, i) => x - oklab(b)[i]!));
const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
function contrast(a: Rgb, b: Rgb): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

describe.each([
  ['light', light],
  ['dark', dark],
])('the colours of the %s theme', (_, block) => {
  const classes = ['class-0', 'class-1', 'class-2', 'class-3', 'class-alarm'];
  const pairs = classes.flatMap((a, i) => classes.slice(i + 1).map((b) => [a, b] as const));

  it.each(Object.entries(SIGHTS))('are told apart: %s', (_sight, matrix) => {
    const close = pairs
      .map(
        ([a, b]) =>
          [a, b, distance(seen(property(block, a), matrix), seen(property(block, b), matrix))] as const,
      )
      .filter(([, , apart]) => apart < APART);
    expect(close).toEqual([]);
  });

  it('stand out of what they are on (WCAG: words 4.5, shapes 3)', () => {
    const weak = (names: string[], least: number) =>
      names.filter((name) => contrast(property(block, name), property(block, 'card')) < least);
    expect(weak(['ink', 'muted', 'warn', 'alarm', 'accent'], 4.5)).toEqual([]);
    expect(weak(['class-1', 'class-alarm', 'class-3', 'well', 'evidence'], 3)).toEqual([]);
    expect(weak(['class-0', 'class-2'], 2.2)).toEqual([]);
  });
});
