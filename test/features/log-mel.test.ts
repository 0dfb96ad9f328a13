import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogMel, type LogMel } from '../../src/features/log-mel.js';
import { createSimdLogMel } from '../../src/features/log-mel-simd.js';
import { melBands, periodicHann } from '../../src/features/mel.js';

const WINDOW = 15_600;
const VALUES = 96 * 64;

/** Bands that begin and end anywhere, the first with the first bin and the last with the last. */
const bands = melBands(257, (band, bin) => Math.max(0, 1 - Math.abs(bin / 4 - band)));
const make = (create: typeof createSimdLogMel) => create(periodicHann(400), bands) as LogMel;

describe('the log-mel in SIMD', () => {
  const [simd, plain] = [make(createSimdLogMel), make(createLogMel)];

  it('gives what JavaScript gives, to the last bit, from any frame on and whatever was there before', () => {
    const sound = fc.record({
      seed: fc.integer(),
      decibels: fc.double({ min: -140, max: 60, noNaN: true }),
      hz: fc.double({ min: 0, max: 8000, noNaN: true }),
      silentFrom: fc.integer({ min: 0, max: WINDOW }),
    });
    fc.assert(
      fc.property(sound, fc.nat(95), ({ seed, decibels, hz, silentFrom }, first) => {
        const samples = new Float32Array(WINDOW);
        let random = seed | 1;
        for (let i = 0; i < silentFrom; i++) {
          random = Math.imul(random, 1_103_515_245) + 12_345;
          const tone = Math.sin((2 * Math.PI * hz * i) / 16_000);
          samples[i] = 10 ** (decibels / 20) * (0.7 * tone + 0.3 * (random / 2 ** 31));
        }
        simd.compute(samples, first);
        plain.compute(samples, first);
        expect(differing(simd.values, plain.values)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('says of a sample of %d that it is no number', (value) => {
    simd.compute(new Float32Array(WINDOW).fill(value, 8000, 8001), 0);
    // Frames 48, 49 and 50 have it.
    expect(simd.values.findIndex((each) => !Number.isFinite(each))).toBeGreaterThanOrEqual(47 * 64);
    expect(Number.isFinite(simd.values[49 * 64])).toBe(false);
    simd.compute(new Float32Array(WINDOW), 0);
    expect(simd.values.every(Number.isFinite)).toBe(true);
  });

  it('does not mind another one at the same time', () => {
    const other = make(createSimdLogMel);
    simd.compute(new Float32Array(WINDOW).fill(0.5), 0);
    const before = simd.values.slice();
    other.compute(new Float32Array(WINDOW), 0);
    expect(simd.values).toEqual(before);
    expect(other.values).not.toEqual(before);
  });

  it('is what its source says', async () => {
    const { logMelModule } = await import(new URL('../../tools/assemble.mjs', import.meta.url).href);
    const written = await readFile(new URL('../../src/features/log-mel-wasm.ts', import.meta.url), 'utf8');
    expect(written).toBe(await logMelModule());
  });

  it('is done without where the processor has none, or there is no room for it', async () => {
    const script = `
      import { createSimdLogMel } from './dist/features/log-mel-simd.js';
      import { createFrontEnd } from './dist/features/create-front-end.js';
      const out = new Float32Array(${VALUES});
      const samples = Float32Array.from({ length: ${WINDOW} }, (_, i) => Math.sin(i * i * 1e-4));
      createFrontEnd('yamnet-log-mel').compute({ samples, startSample: 0 }, out);
      const none = { firsts: new Int32Array(64), ends: new Int32Array(64), weights: new Float64Array(0) };
      const hasSimd = createSimdLogMel(new Float64Array(400), none) !== undefined;
      console.log(JSON.stringify({ hasSimd, out: Buffer.from(out.buffer).toString('base64') }));`;
    const said = async (command: string) => {
      const shell = ['-c', `${command} --input-type=module --eval "$0"`, script];
      return JSON.parse((await promisify(execFile)('/bin/sh', shell)).stdout);
    };
    const node = `exec '${process.execPath}'`;
    const withSimd = await said(node);
    expect(withSimd.hasSimd).toBe(true);
    // Newer versions of Node can do with less room.
    expect((await said(`ulimit -v 5000000; ${node}`)).out).toBe(withSimd.out);
    if (process.arch === 'x64')
      expect(await said(`${node} --no-enable-sse4-1`)).toEqual({ hasSimd: false, out: withSimd.out });
  });
});

/** Where two differ, zeros and what is no number included. */
function differing(a: Float32Array, b: Float32Array): number[] {
  return [...a.keys()].filter((i) => !Object.is(a[i], b[i])).slice(0, 5);
}
