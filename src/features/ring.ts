import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../constants.js';
import type { PcmChunk, Window } from '../types.js';
import { CircularBuffer } from './circular.js';

export interface RingOptions {
  /** From the start of one window to the start of the next. */
  readonly hopSamples: number;
  /** How far the reader may fall behind before the oldest sound is overwritten. */
  readonly backlogSamples?: number;
}

/** Nothing here blocks by intent; the machine may stand still for a moment all the same: a full disk cache, a swap. */
const DEFAULT_BACKLOG_SAMPLES = 5 * SAMPLE_RATE_HZ;

/**
 * All windows of a sound from its start, the last one filled up with zeros.
 *
 * @param sound blocks of samples
 * @returns each valid until the next
 */
export async function* windowsOf(
  sound: AsyncIterable<Float32Array>,
  hopSamples: number,
): AsyncIterable<Window> {
  const ring = new RingWindow({ hopSamples });
  for await (const block of sound) {
    for (let at = 0; at < block.length; ) {
      const samples = block.subarray(at, at + ring.free);
      ring.push({ samples, capturedAtMs: 0 });
      at += samples.length;
      for (let window = ring.take(); window; window = ring.take()) yield window;
    }
  }
  const rest = ring.takeRest();
  if (rest) yield rest;
}

/**
 * The window of 15 600 samples that slides over the sound, and behind it the little backlog that may wait.
 * All memory is allocated once. Positions count samples since the start of the stream, lost ones included.
 */
export class RingWindow {
  readonly #hop: number;
  readonly #ring: CircularBuffer;
  readonly #window = new Float32Array(WINDOW_SAMPLES);
  /** Position of the next window's first sample. */
  #next = 0;
  /** Position up to which some window has covered the sound. */
  #covered = 0;
  #endAtMs = 0;
  #msPerSample = 0;
  #droppedWindows = 0;

  constructor({ hopSamples, backlogSamples = DEFAULT_BACKLOG_SAMPLES }: RingOptions) {
    this.#hop = hopSamples;
    this.#ring = new CircularBuffer(WINDOW_SAMPLES + backlogSamples);
  }

  /** Windows that were overwritten, or left behind at a gap, before anyone took them. */
  get droppedWindows(): number {
    return this.#droppedWindows;
  }

  /** Whole windows that nobody has taken yet. */
  get waiting(): number {
    return Math.max(0, Math.floor((this.#ring.end - WINDOW_SAMPLES - this.#next) / this.#hop) + 1);
  }

  /** Samples since the start of the stream, lost ones included. */
  get position(): number {
    return this.#ring.end;
  }

  /** Samples that can be pushed now without overwriting a window that is still to be taken. */
  get free(): number {
    return this.#next + this.#ring.capacity - this.#ring.end;
  }

  /** Takes in sound; overwrites the oldest where the reader has fallen behind. */
  push({ samples, capturedAtMs, speed = 1 }: PcmChunk): void {
    this.#ring.write(samples);
    this.#endAtMs = capturedAtMs;
    this.#msPerSample = 1000 / SAMPLE_RATE_HZ / speed;
    const lost = this.#ring.end - this.#ring.capacity - this.#next;
    if (lost <= 0) return;
    const windows = Math.ceil(lost / this.#hop);
    this.#next += windows * this.#hop;
    this.#droppedWindows += windows;
  }

  /** Leaves out sound that was lost: no window spans the gap. Whole ones before it that nobody has taken yet are lost, too. */
  skip(samples: number): void {
    this.#droppedWindows += this.waiting;
    this.#ring.skip(samples);
    this.#next = this.#covered = this.#ring.end;
  }

  /** The next window, if all of it is there. */
  take(): Window | undefined {
    return this.waiting > 0 ? this.#read(WINDOW_SAMPLES) : undefined;
  }

  /** After the last sound: the rest that no window has covered, filled up with zeros. */
  takeRest(): Window | undefined {
    return this.#ring.end > this.#covered ? this.#read(this.#ring.end - this.#next) : undefined;
  }

  #read(count: number): Window {
    const startSample = this.#next;
    this.#ring.read(startSample, count, this.#window);
    this.#window.fill(0, count);
    this.#next += this.#hop;
    this.#covered = startSample + count;
    const behind = this.#ring.end - this.#covered;
    return {
      samples: this.#window,
      startSample,
      endAtMs: this.#endAtMs - behind * this.#msPerSample,
    };
  }
}
