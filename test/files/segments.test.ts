import fc from 'fast-check';
import { expect, it } from 'vitest';
import { WINDOW_SAMPLES } from '../../src/constants.js';
import { RingWindow } from '../../src/features/ring.js';
import { segmentsOf, windowsOf } from '../../src/files/segments.js';

const SEGMENT_SECONDS = 5;

/** The ring's windows: where each begins, and what is first and last in it. */
function ofRing(sound: Float32Array, hopSamples: number): number[][] {
  const ring = new RingWindow({ hopSamples });
  const found: number[][] = [];
  const note = (window: ReturnType<RingWindow['take']>) => {
    if (window) found.push([window.startSample, window.samples[0]!, window.samples[WINDOW_SAMPLES - 1]!]);
    return window;
  };
  for (let at = 0; at < sound.length; at += 1600) {
    ring.push({ samples: sound.subarray(at, at + 1600), capturedAtMs: 0 });
    while (note(ring.take()));
  }
  note(ring.takeRest());
  return found;
}

it('cut into segments, a sound has the very windows of the ring, each once', async () => {
  const hop = fc.constantFrom(1600, 7680, 15_600, 7777);
  const length = fc.oneof(
    fc.integer({ min: 1, max: 40_000 }),
    fc.integer({ min: (SEGMENT_SECONDS - 2) * 16_000, max: (2 * SEGMENT_SECONDS + 3) * 16_000 }),
  );
  const memory = fc.constantFrom(0, 54_400);
  await fc.assert(
    fc.asyncProperty(hop, length, memory, async (hopSamples, samples, memorySamples) => {
      const sound = Float32Array.from({ length: samples }, (_, i) => i + 1);
      const found: number[][] = [];
      async function* blocks() {
        for (let at = 0; at < samples; at += 1000) yield sound.slice(at, at + 1000);
      }
      for await (const segment of segmentsOf(blocks(), {
        hopSamples,
        memorySamples,
        segmentSeconds: SEGMENT_SECONDS,
      })) {
        const windows = [...windowsOf(segment, hopSamples)];
        expect(segment.before * hopSamples).toBeGreaterThanOrEqual(
          Math.min(memorySamples, (segment.firstWindow + segment.before) * hopSamples),
        );
        for (const { startSample, samples: of } of windows.slice(segment.before))
          found.push([startSample, of[0]!, of[WINDOW_SAMPLES - 1]!]);
      }
      expect(found).toEqual(ofRing(sound, hopSamples));
    }),
    { numRuns: 60 },
  );
});
