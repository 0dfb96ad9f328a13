import { MEL_BANDS, PATCH_FRAMES, SAMPLE_RATE_HZ, STFT_HOP_SAMPLES, WINDOW_SECONDS } from '../constants.js';
import type { Segment } from './segments.js';

/** A stretch of sound to look at, in columns of equal time: too little to hear anything of it. */
export interface Sketch {
  readonly startSeconds: number;
  readonly columnSeconds: number;
  /** Lowest and highest sample of each column, −1…1. */
  readonly low: Float32Array<ArrayBuffer>;
  readonly high: Float32Array<ArrayBuffer>;
  /** What the network sees: of each column 64 bands, low ones first, 0 for silence to 255. */
  readonly mel: Uint8Array<ArrayBuffer>;
}

/** No picture has more columns than a quarter of this. */
const MAX_COLUMNS = 2 ** 15;

/** Frames of a window that the next one does not have. */
function framesPerHop(hopSamples: number): number {
  return Math.min(PATCH_FRAMES, Math.round(hopSamples / STFT_HOP_SAMPLES));
}

/** Draws a segment while it is heard, its own windows alone. */
export class Sketcher {
  readonly sketch: Sketch;
  readonly #frames: number;

  /** @param range of the front end's values */
  constructor(
    private readonly segment: Segment,
    hopSamples: number,
    private readonly range: readonly [low: number, high: number],
  ) {
    this.#frames = framesPerHop(hopSamples);
    const { samples, firstWindow, windows, before } = segment;
    const own = windows - before;
    // The last window's frames are all drawn: behind the last segment nothing else does it.
    const columns = (own - 1) * this.#frames + PATCH_FRAMES;
    const columnSamples = hopSamples / this.#frames;
    const low = new Float32Array(columns);
    const high = new Float32Array(columns);
    for (let column = 0; column < columns; column++) {
      const from = Math.round(before * hopSamples + column * columnSamples);
      for (let i = from; i < Math.min(from + columnSamples, samples.length); i++) {
        low[column] = Math.min(low[column]!, samples[i]!);
        high[column] = Math.max(high[column]!, samples[i]!);
      }
    }
    this.sketch = {
      startSeconds: ((firstWindow + before) * hopSamples) / SAMPLE_RATE_HZ,
      columnSeconds: columnSamples / SAMPLE_RATE_HZ,
      low,
      high,
      mel: new Uint8Array(columns * MEL_BANDS),
    };
  }

  /**
   * Takes the next window of the segment, those before its own included.
   *
   * @param mel [96 × 64]
   */
  window(number: number, mel: Float32Array): void {
    const { windows, before } = this.segment;
    const own = number - before;
    if (own < 0) return;
    const frames = number === windows - 1 ? PATCH_FRAMES : this.#frames;
    const [silent, loud] = this.range;
    const scale = 255 / (loud - silent);
    const to = this.sketch.mel.subarray(own * this.#frames * MEL_BANDS);
    for (let i = 0; i < frames * MEL_BANDS; i++)
      to[i] = Math.max(0, Math.min(255, Math.round((mel[i]! - silent) * scale)));
  }
}

/** The sketches of a file's segments, which come in any order; they get coarser as the file gets longer. */
export class Sketches {
  readonly #sketches: Sketch[] = [];
  #columns = 0;
  #halvings = 0;

  put(number: number, sketch: Sketch): void {
    let each = sketch;
    for (let i = 0; i < this.#halvings; i++) each = halved(each);
    this.#sketches[number] = each;
    this.#columns += each.low.length;
    // A segment remains a column at least.
    while (this.#columns > Math.max(MAX_COLUMNS, this.#sketches.length)) {
      this.#halvings++;
      this.#columns = 0;
      for (const [i, one] of this.#sketches.entries()) {
        if (!one) continue; // it is still being heard
        this.#sketches[i] = halved(one);
        this.#columns += this.#sketches[i].low.length;
      }
    }
  }

  /** In the order of the file. */
  get all(): readonly Sketch[] {
    return this.#sketches;
  }
}

/** Two columns become one, of which the peaks remain. */
function halved({ startSeconds, columnSeconds, low, high, mel }: Sketch): Sketch {
  const columns = Math.ceil(low.length / 2);
  const half = new Uint8Array(columns * MEL_BANDS);
  for (let column = 0; column < columns; column++)
    for (let band = 0; band < MEL_BANDS; band++) {
      const first = 2 * column * MEL_BANDS + band;
      half[column * MEL_BANDS + band] = Math.max(mel[first]!, mel[first + MEL_BANDS] ?? 0);
    }
  return {
    startSeconds,
    columnSeconds: 2 * columnSeconds,
    low: Float32Array.from({ length: columns }, (_, i) => Math.min(low[2 * i]!, low[2 * i + 1] ?? 0)),
    high: Float32Array.from({ length: columns }, (_, i) => Math.max(high[2 * i]!, high[2 * i + 1] ?? 0)),
    mel: half,
  };
}

/**
 * The sketches of a whole file in so many columns or fewer, where it has no more.
 *
 * @param seconds how long the file is; what the last window has beyond is no sound
 */
export function joined(sketches: readonly Sketch[], seconds: number, most: number): Sketch {
  const columnSeconds = sketches[0]?.columnSeconds ?? WINDOW_SECONDS;
  const columns = Math.max(1, Math.min(most, Math.ceil(seconds / columnSeconds)));
  const low = new Float32Array(columns);
  const high = new Float32Array(columns);
  const mel = new Uint8Array(columns * MEL_BANDS);
  for (const sketch of sketches)
    for (let i = 0; i < sketch.low.length; i++) {
      // By its middle, so that no rounding puts it one too far.
      const at = sketch.startSeconds + (i + 0.5) * sketch.columnSeconds;
      const to = Math.min(columns - 1, Math.floor((at / seconds) * columns));
      if (at >= seconds + sketch.columnSeconds / 2) break;
      low[to] = Math.min(low[to]!, sketch.low[i]!);
      high[to] = Math.max(high[to]!, sketch.high[i]!);
      for (let band = 0; band < MEL_BANDS; band++) {
        const value = sketch.mel[i * MEL_BANDS + band]!;
        if (value > mel[to * MEL_BANDS + band]!) mel[to * MEL_BANDS + band] = value;
      }
    }
  return { startSeconds: 0, columnSeconds: seconds / columns, low, high, mel };
}
