import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LevelHistory } from '../../src/features/level-history.js';

const OPTIONS = { blocks: 33, blockSamples: 1600, floorBlocks: 3, scaleDb: 20, limit: 3 };
const WINDOW = 15_600;

/** Noise that is loud here and soft there, and sits on a constant. */
function sound(count: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, (_, i) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const gain = 10 ** (-2 + 1.5 * Math.sin((i / 16_000) * (1 + seed)));
    return 0.05 + gain * (state / 1_073_741_824 - 1);
  });
}

/** What it says at the end of a sound cut into windows. */
function heard(samples: Float32Array, hop: number): number[] {
  const history = new LevelHistory(OPTIONS);
  let levels = new Float32Array();
  for (let start = 0; start + WINDOW <= samples.length; start += hop)
    levels = history.push({
      samples: samples.subarray(start, start + WINDOW),
      startSample: start,
    }) as Float32Array<ArrayBuffer>;
  return [...levels];
}

/** The same from the definition, of the sound up to the last window's end. */
function defined(samples: Float32Array, hop: number): number[] {
  const end = WINDOW + Math.floor((samples.length - WINDOW) / hop) * hop;
  const known = Math.min(OPTIONS.blocks, Math.floor(end / 1600));
  const powers = Array.from({ length: known }, (_, i) => {
    const block = samples.subarray(end - (known - i) * 1600, end - (known - i - 1) * 1600);
    const mean = block.reduce((sum, x) => sum + x, 0) / 1600;
    return block.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 1600;
  });
  const decibels = (power: number) => 10 * Math.log10(power + 1e-10);
  const threes = powers.slice(2).map((_, i) => (powers[i]! + powers[i + 1]! + powers[i + 2]!) / 3);
  const floor = decibels(Math.min(...threes));
  const levels = powers.map((power) => Math.min(3, Math.max(0, (decibels(power) - floor) / 20)));
  return [...new Array<number>(OPTIONS.blocks - known).fill(0), ...levels];
}

function expectClose(got: readonly number[], wanted: readonly number[]): void {
  expect(got).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(got[i]).toBeCloseTo(value, 4);
}

describe('the history of levels', () => {
  it.each([
    ['as the models have it', 7680],
    ['of 0.24 s', 3840],
    ['of 0.96 s', 15_360],
    ['of the shortest hop', 1600],
    ['of windows that do not overlap', 15_600],
  ])('is that of the last 33 blocks from the definition: %s', (_, hop) => {
    const samples = sound(100_000);
    expectClose(heard(samples, hop), defined(samples, hop));
  });

  it('is the same from scratch and window by window, from the first window on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 9 }), (windows, seed) => {
        const samples = sound(WINDOW + windows * 7680, seed);
        expectClose(heard(samples, 7680), defined(samples, 7680));
      }),
      { numRuns: 20 },
    );
  });

  it('does not depend on gain or on a constant', () => {
    const samples = sound(80_000);
    const plain = heard(samples, 7680);
    const other = samples.map((x) => 0.25 * x - 0.3);
    for (const [i, level] of heard(other, 7680).entries()) expect(level).toBeCloseTo(plain[i]!, 1);
  });

  it('is at most the limit, and nothing in silence', () => {
    expect(Math.max(...heard(new Float32Array(80_000), 7680))).toBe(0);
    const blow = new Float32Array(80_000).map((_, i) => (i > 70_000 && i < 71_600 ? (i % 2) - 0.5 : 0));
    expect(Math.max(...heard(blow, 7680))).toBe(3);
  });

  it('begins anew after lost sound', () => {
    const history = new LevelHistory(OPTIONS);
    const samples = sound(WINDOW);
    const first = [...history.push({ samples, startSample: 0 })];
    expect(first.slice(0, 24)).toEqual(new Array(24).fill(0));
    history.push({ samples: sound(WINDOW, 5), startSample: 7680 });
    history.forget();
    expect([...history.push({ samples, startSample: 500_000 })]).toEqual(first);
  });

  it('keeps to the nearest 5 ms where the hop is no multiple of them', () => {
    const samples = sound(100_000);
    const rounded = heard(samples, 7700);
    for (const [i, level] of defined(samples, 7700).entries()) expect(rounded[i]).toBeCloseTo(level, 0);
  });
});
