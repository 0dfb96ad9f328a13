import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFrontEnd } from '../../src/features/create-front-end.js';

const WINDOW = 15_600;
const noise = Float32Array.from({ length: 20 * WINDOW }, (_, i) => Math.sin(i * i * 1e-3) * ((i / 700) % 1));

const reversed = noise.toReversed();

it.each(['yamnet-log-mel', 'librosa-db-mel'] as const)(
  '%s is the same to the last bit, whatever was computed before',
  (name) => {
    const [sliding, fresh] = [createFrontEnd(name), createFrontEnd(name)];
    const [got, wanted] = [new Float32Array(96 * 64), new Float32Array(96 * 64)];
    const move = fc.oneof(
      fc.constantFrom(160, 7680, 95 * 160, 96 * 160, WINDOW, 0, -7680),
      fc.integer({ min: -WINDOW, max: 2 * WINDOW }),
    );
    const step = fc.record({ move, another: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        sliding.forget();
        let startSample = 4 * WINDOW;
        let sound = noise;
        for (const { move, another } of steps) {
          startSample = Math.min(Math.max(0, startSample + move), noise.length - WINDOW);
          if (another) {
            sound = sound === noise ? reversed : noise;
            sliding.forget();
          }
          const window = { samples: sound.subarray(startSample, startSample + WINDOW), startSample };
          sliding.compute(window, got);
          fresh.forget();
          fresh.compute(window, wanted);
          expect(got.every((value, i) => Object.is(value, wanted[i]))).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
    // What `forget` leaves is as good as new.
    const window = { samples: noise.subarray(500, 500 + WINDOW), startSample: 500 };
    fresh.forget();
    fresh.compute(window, got);
    createFrontEnd(name).compute(window, wanted);
    expect(got).toEqual(wanted);
  },
);
