import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../constants.js';
import type { Window } from '../types.js';

/** Long enough that hearing its beginning twice costs little, short enough that a recording keeps all cores busy. */
export const SEGMENT_SECONDS = 60;

export interface CutOptions {
  /** From the start of one window to the start of the next. */
  readonly hopSamples: number;
  /** How far back before a window it matters what was heard. */
  readonly memorySamples: number;
  readonly segmentSeconds?: number | undefined;
}

/** A part of a stream that can be heard by itself: some windows, and before them those that are still remembered. */
export interface Segment {
  /** Mono at 16 kHz; the segment's own memory. */
  readonly samples: Float32Array<ArrayBuffer>;
  /** Number of its first window in the stream. */
  readonly firstWindow: number;
  /** How many windows it has, those before included… */
  readonly windows: number;
  /** …which are so many: another segment says what they are. */
  readonly before: number;
}

/**
 * Cuts a stream into segments. Their windows are those that a ring gives (`features/ring.ts`): one every hop, and at
 * the end one more where there is a rest, filled up with zeros.
 *
 * @param sound in blocks, which may be used again
 */
export async function* segmentsOf(
  sound: AsyncIterable<Float32Array>,
  { hopSamples, memorySamples, segmentSeconds = SEGMENT_SECONDS }: CutOptions,
): AsyncGenerator<Segment, void, void> {
  const own = Math.max(1, Math.round((segmentSeconds * SAMPLE_RATE_HZ) / hopSamples));
  const remembered = memorySamples === 0 ? 0 : Math.ceil(memorySamples / hopSamples) + 1;
  const capacity = (remembered + own - 1) * hopSamples + WINDOW_SAMPLES;
  let samples = new Float32Array(Math.min(capacity, 2 * WINDOW_SAMPLES));
  let [filled, covered, firstWindow, before] = [0, 0, 0, 0];
  const full = () => (before + own - 1) * hopSamples + WINDOW_SAMPLES;

  for await (const block of sound)
    for (let at = 0; at < block.length; ) {
      const part = block.subarray(at, at + full() - filled);
      if (filled + part.length > samples.length) samples = grown(samples, filled + part.length, capacity);
      samples.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < full()) continue;
      const next = firstWindow + before + own;
      const rest = samples
        .subarray((Math.max(0, next - remembered) - firstWindow) * hopSamples, filled)
        .slice();
      yield { samples: samples.subarray(0, filled), firstWindow, windows: before + own, before };
      firstWindow = Math.max(0, next - remembered);
      before = next - firstWindow;
      samples = grown(rest, capacity, capacity); // the sound is long: all of it at once
      filled = covered = rest.length;
    }

  const whole = filled < WINDOW_SAMPLES ? 0 : Math.floor((filled - WINDOW_SAMPLES) / hopSamples) + 1;
  if (whole > before) covered = (whole - 1) * hopSamples + WINDOW_SAMPLES;
  const windows = filled > covered ? whole + 1 : whole;
  if (windows > before) yield { samples: samples.subarray(0, filled), firstWindow, windows, before };
}

/** Twice as large as before, so that a short clip takes little. */
function grown(samples: Float32Array<ArrayBuffer>, needed: number, most: number): Float32Array<ArrayBuffer> {
  const larger = new Float32Array(Math.min(most, Math.max(needed, 2 * samples.length)));
  larger.set(samples);
  return larger;
}

/** The windows of a segment. Each is valid as long as the segment is. */
export function* windowsOf(
  { samples, firstWindow, windows }: Segment,
  hopSamples: number,
): Generator<Window> {
  for (let i = 0; i < windows; i++) {
    const at = i * hopSamples;
    const part = samples.subarray(at, at + WINDOW_SAMPLES);
    const startSample = (firstWindow + i) * hopSamples;
    if (part.length === WINDOW_SAMPLES) yield { samples: part, startSample, endAtMs: 0 };
    else {
      const padded = new Float32Array(WINDOW_SAMPLES);
      padded.set(part);
      yield { samples: padded, startSample, endAtMs: 0 };
    }
  }
}
