import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MEL_BANDS } from '../../src/constants.js';
import { listenToFiles } from '../../src/files/listen.js';
import { joined, type Sketch, Sketches } from '../../src/files/sketch.js';
import { readBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { SCENE } from '../support/daemon.js';

const bundle = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));

async function sketched(hopSamples: number, segmentSeconds?: number) {
  const options = { bundle, wanted: 'scores', sketch: true, hopSamples, segmentSeconds, jobs: 2 } as const;
  const sounds = [{ path: SCENE, lays: [{ how: 'as it is' } as const] }];
  for await (const each of listenToFiles(sounds, options)) {
    if ('error' in each) throw each.error;
    const { sketches = [], extent } = each.lays[0]!;
    return { sketches, seconds: extent.seconds };
  }
  throw new Error('nothing was heard');
}

/** A second in ten columns, or as many, with one click. */
function second(startSeconds: number, click: number, columns = 10): Sketch {
  const low = new Float32Array(columns);
  const high = new Float32Array(columns);
  const mel = new Uint8Array(columns * MEL_BANDS);
  low[click] = -0.5;
  high[click] = 0.25;
  mel[click * MEL_BANDS + 7] = 200;
  return { startSeconds, columnSeconds: 1 / columns, low, high, mel };
}

describe('a sketch', () => {
  it('is the same however a file is cut, and ends with the sound', async () => {
    const [whole, cut] = [await sketched(7680), await sketched(7680, 5)];
    expect(whole.sketches).toHaveLength(1);
    expect(cut.sketches.length).toBeGreaterThan(7);
    const [a, b] = [whole, cut].map(({ sketches, seconds }) => joined(sketches, seconds, 8192));
    expect(a!.low).toHaveLength(Math.ceil(whole.seconds / 0.01));
    expect(b).toStrictEqual(a);
    expect(Math.max(...a!.high)).toBeGreaterThan(0.5);
  });

  it('shows a hop that no frame divides with the same sounds at the same times', async () => {
    const [even, odd] = [await sketched(7680), await sketched(5555)];
    const peakAt = ({ sketches, seconds }: typeof even) => {
      const { high, columnSeconds } = joined(sketches, seconds, 8192);
      return high.indexOf(Math.max(...high)) * columnSeconds;
    };
    expect(peakAt(odd)).toBeCloseTo(peakAt(even), 1);
  });

  it('gets coarser as a file gets longer, and loses no peak', () => {
    const sketches = new Sketches();
    const long = 40_000; // seconds, more than there may be columns
    // In no order, as threads give them.
    for (let i = 0; i < long; i += 2) sketches.put(i, second(i, i % 2, 2));
    for (let i = 1; i < long; i += 2) sketches.put(i, second(i, i % 2, 2));
    const columns = sketches.all.reduce((sum, { low }) => sum + low.length, 0);
    expect(columns).toBe(long); // one for each segment: no fewer are possible
    const { low, high, mel } = joined(sketches.all, long, 1000);
    expect(low).toHaveLength(1000);
    expect(new Set(low)).toStrictEqual(new Set([-0.5]));
    expect(new Set(high)).toStrictEqual(new Set([0.25]));
    for (let column = 0; column < 1000; column++) expect(mel[column * MEL_BANDS + 7]).toBe(200);
    expect(mel.reduce((sum, value) => sum + value, 0)).toBe(1000 * 200);
  });

  it('keeps a click where it was', () => {
    const sketches = new Sketches();
    for (let i = 0; i < 4000; i++) sketches.put(i, second(i, 0));
    sketches.put(4000, second(4000, 5));
    const columns = sketches.all.reduce((sum, { low }) => sum + low.length, 0);
    expect(columns).toBeLessThanOrEqual(2 ** 15);
    const { high } = joined(
      [sketches.all.at(-1)!].map((each) => ({ ...each, startSeconds: 0 })),
      1,
      1000,
    );
    const at = high.findIndex((value) => value > 0) / high.length;
    expect(at).toBeGreaterThanOrEqual(0.4);
    expect(at).toBeLessThan(0.6);
  });
});
