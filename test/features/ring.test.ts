import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WINDOW_SAMPLES } from '../../src/constants.js';
import { RingWindow } from '../../src/features/ring.js';

/** Sound whose every sample says where it lies in the stream. */
const ramp = (from: number, count: number) => Float32Array.from({ length: count }, (_, i) => from + i);
const chunk = (samples: Float32Array, capturedAtMs = 0) => ({ samples, capturedAtMs });

describe('ring window', () => {
  it('gives the same windows however the sound is cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1600, max: WINDOW_SAMPLES }),
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 30 }),
        (hopSamples, sizes) => {
          const ring = new RingWindow({ hopSamples });
          let at = 0;
          let expectedStart = 0;
          for (const size of sizes) {
            ring.push(chunk(ramp(at, size)));
            at += size;
            for (let window = ring.take(); window; window = ring.take()) {
              expect(window.startSample).toBe(expectedStart);
              expect(window.samples.every((sample, i) => sample === expectedStart + i)).toBe(true);
              expectedStart += hopSamples;
            }
          }
          expect(expectedStart + WINDOW_SAMPLES).toBeGreaterThan(at);
          expect(ring.droppedWindows).toBe(0);
        },
      ),
    );
  });

  it('overwrites the oldest sound when nobody takes it, counts what is lost and stays on the hop grid', () => {
    const ring = new RingWindow({ hopSamples: 1000, backlogSamples: 2000 });
    ring.push(chunk(ramp(0, WINDOW_SAMPLES + 2000)));
    expect(ring.free).toBe(0);
    ring.push(chunk(ramp(WINDOW_SAMPLES + 2000, 1500)));
    expect(ring.droppedWindows).toBe(2);
    expect(ring.take()).toMatchObject({ startSample: 2000, samples: ramp(2000, WINDOW_SAMPLES) });
  });

  it('keeps only the newest sound of a chunk that is longer than itself', () => {
    const ring = new RingWindow({ hopSamples: 1000, backlogSamples: 1000 });
    ring.push(chunk(ramp(0, 40_000)));
    const start = ring.take()?.startSample as number;
    expect(start % 1000).toBe(0);
    expect(start).toBeGreaterThanOrEqual(40_000 - WINDOW_SAMPLES - 1000);
    expect(ring.droppedWindows).toBe(start / 1000);
  });

  it('lets no window span a gap, and counts the lost sound as time', () => {
    const ring = new RingWindow({ hopSamples: 7680 });
    ring.push(chunk(ramp(0, 10_000)));
    ring.skip(16_000);
    ring.push(chunk(ramp(26_000, WINDOW_SAMPLES - 1)));
    expect(ring.take()).toBeUndefined();
    ring.push(chunk(ramp(26_000 + WINDOW_SAMPLES - 1, 1)));
    expect(ring.take()).toMatchObject({ startSample: 26_000, samples: ramp(26_000, WINDOW_SAMPLES) });
  });

  it('counts the windows before a gap that nobody has taken', () => {
    const ring = new RingWindow({ hopSamples: 1000 });
    ring.push(chunk(ramp(0, WINDOW_SAMPLES + 2999)));
    ring.take();
    ring.skip(16_000);
    expect(ring.droppedWindows).toBe(2);
    ring.skip(16_000);
    ring.push(chunk(ramp(0, WINDOW_SAMPLES)));
    ring.take();
    ring.skip(16_000);
    expect(ring.droppedWindows).toBe(2);
  });

  it('fills up the rest with zeros, once, and only what no window has covered', () => {
    const ring = new RingWindow({ hopSamples: 7680 });
    ring.push(chunk(ramp(1, WINDOW_SAMPLES)));
    ring.take();
    expect(ring.takeRest()).toBeUndefined();
    ring.push(chunk(ramp(1 + WINDOW_SAMPLES, 100)));
    const rest = ring.takeRest();
    expect(rest?.startSample).toBe(7680);
    expect(rest?.samples[8019]).toBe(WINDOW_SAMPLES + 100);
    expect(rest?.samples[8020]).toBe(0);
    expect(ring.takeRest()).toBeUndefined();
  });

  it('says when the last sample of a window was captured', () => {
    const ring = new RingWindow({ hopSamples: 1600 });
    ring.push(chunk(ramp(0, WINDOW_SAMPLES + 1600), 5000));
    expect(ring.take()?.endAtMs).toBe(4900);
    expect(ring.take()?.endAtMs).toBe(5000);
    ring.push({ ...chunk(ramp(0, 3200), 6000), speed: 10 });
    expect(ring.take()?.endAtMs).toBe(5990);
  });
});
