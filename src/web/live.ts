import { MEL_BANDS } from '../constants.js';
import type { PcmChunk, PipelineResult, ScoredWindow } from '../types.js';
import type { LiveMessage, LiveWindow } from './schemas.js';

/** A browser that has so much of what is new still to take gets no more, until it has taken it. */
const MOST_WAITING_BYTES = 64_000;
/** More of them would cost the pipeline time. */
export const MOST_BROWSERS = 8;
/** One pair of the waveform's envelope. */
const PAIR_SAMPLES = 160;
/** So many windows are remembered: what a page that is opened, or loaded anew, begins with. */
const REMEMBERED_WINDOWS = 64;
/** So many frames of the log-mel are one in what is remembered. */
const COARSE_FRAMES = 4;
/** The same of an alarm's picture, which stays on the disk, and so many of those are in it: the last 2.9 s. */
const PICTURE_COARSE_FRAMES = 3;
const PICTURE_FRAMES = 96;

/** Something that takes text, and says how much of it waits. */
export interface Browser {
  readonly waitingBytes: number;
  send(text: string): void;
  /** Tells it everything anew: it has missed something. */
  greet(): void;
}

/**
 * What is heard, as small as eyes need it: an envelope and a log-mel of 8 bits in each window. It is no sound, but who
 * takes pains can make words audible again out of any spectrogram: SECURITY.md. A browser that is slow misses windows;
 * nobody waits for it.
 */
export class Live {
  /** Of each, with how much waits it is behind, and whether it is. */
  readonly #browsers = new Map<Browser, { limitBytes: number; behind: boolean }>();
  readonly #remembered: LiveWindow[] = [];
  #picture = Buffer.alloc(0);
  #envelope: number[] = [];
  #low = 0;
  #high = 0;
  #samples = 0;
  #gap = false;

  /**
   * @param hopFrames frames of the log-mel that are new in each window
   * @param melRange values of the log-mel that become 0 and 255
   */
  constructor(
    private readonly hopFrames: number,
    private readonly melRange: readonly [low: number, high: number],
  ) {}

  /** Greets it. @returns leaves again; undefined where there are too many already */
  join(browser: Browser): (() => void) | undefined {
    if (this.#browsers.size >= MOST_BROWSERS) return undefined;
    this.#greet(browser);
    return () => this.#browsers.delete(browser);
  }

  /** The last half minute, oldest first, with a coarse log-mel. */
  get remembered(): LiveWindow[] {
    return this.#remembered;
  }

  /** The last 3 s of the log-mel, three frames in one, as `LiveWindow.mel`. */
  get picture(): string {
    return this.#picture.toString('base64');
  }

  /** Takes every chunk, before it is analysed. */
  chunk({ samples }: PcmChunk): void {
    for (let i = 0; i < samples.length; i++) {
      const x = samples[i]!;
      if (x < this.#low) this.#low = x;
      if (x > this.#high) this.#high = x;
      if (++this.#samples < PAIR_SAMPLES) continue;
      this.#envelope.push(eightBits(this.#low), eightBits(this.#high));
      this.#low = this.#high = this.#samples = 0;
    }
    // A file is pulled faster than it is shown.
    if (this.#envelope.length > 2 * 500) this.#envelope = this.#envelope.slice(-2 * 500);
  }

  /** Sound is lost: what is before it and behind it are not one. */
  gap(): void {
    this.#envelope = [];
    this.#low = this.#high = this.#samples = 0;
    this.#gap = true;
  }

  /** Takes every window. */
  window({ scored, mel, evidence, floorDbfs }: PipelineResult): void {
    const newest = quantised(mel.subarray(-this.hopFrames * MEL_BANDS), this.melRange);
    const picture = Buffer.concat([this.#picture, coarse(newest, PICTURE_COARSE_FRAMES)]);
    this.#picture = picture.subarray(-PICTURE_FRAMES * MEL_BANDS);
    const shown: LiveWindow = {
      at: scored.endAtMs,
      label: scored.label,
      scores: rounded(scored.scores),
      audioset: scored.audioset.map(([name, score]) => [name, round(score, 3)] as [string, number]),
      rmsDbfs: round(scored.rmsDbfs, 1),
      peakDbfs: round(scored.peakDbfs, 1),
      ...(floorDbfs !== undefined && { floorDbfs: round(floorDbfs, 1) }),
      evidence: Object.fromEntries(
        evidence.map(({ kind, value, line }) => [kind, [round(value, 2), round(line, 2)]]),
      ),
      gap: this.#gap,
      vetoed: scored.vetoed !== undefined,
      envelope: Buffer.from(Int8Array.from(this.#envelope).buffer).toString('base64'),
      mel: Buffer.from(coarse(newest, COARSE_FRAMES)).toString('base64'),
    };
    this.#envelope = [];
    this.#gap = false;
    this.#remembered.push(shown);
    if (this.#remembered.length > REMEMBERED_WINDOWS) this.#remembered.shift();
    if (this.#browsers.size > 0)
      this.tell({ type: 'window', value: { ...shown, mel: Buffer.from(newest).toString('base64') } });
  }

  /** Says something to every browser that keeps up; one that does not is told all of it when it does again. */
  tell(message: LiveMessage): void {
    if (this.#browsers.size === 0) return;
    const text = JSON.stringify(message);
    for (const [browser, how] of this.#browsers) {
      how.behind ||= browser.waitingBytes > how.limitBytes;
      if (how.behind && browser.waitingBytes > MOST_WAITING_BYTES) continue;
      if (how.behind) this.#greet(browser);
      browser.send(text);
    }
  }

  /** It may have much to take just then, and asks for what was besides: only more than that means that it is slow. */
  #greet(browser: Browser): void {
    browser.greet();
    this.#browsers.set(browser, { limitBytes: browser.waitingBytes + MOST_WAITING_BYTES, behind: false });
  }
}

function quantised(mel: Float32Array, [low, high]: readonly [number, number]): Uint8Array {
  return Uint8Array.from(mel, (x) =>
    Math.max(0, Math.min(255, Math.round((255 * (x - low)) / (high - low)))),
  );
}

/** Means of so many frames each. */
function coarse(mel: Uint8Array, each: number): Uint8Array {
  const frames = mel.length / MEL_BANDS;
  const means = new Uint8Array(Math.floor(frames / each) * MEL_BANDS);
  for (let i = 0; i < means.length; i++) {
    const from = Math.floor(i / MEL_BANDS) * each * MEL_BANDS + (i % MEL_BANDS);
    let sum = 0;
    for (let frame = 0; frame < each; frame++) sum += mel[from + frame * MEL_BANDS]!;
    means[i] = sum / each;
  }
  return means;
}

/** Of the square root: eight bits of the sample itself would show a quiet room as none. */
const eightBits = (x: number) => Math.round(127 * Math.sign(x) * Math.sqrt(Math.min(1, Math.abs(x))));
const round = (x: number, digits: number) => (Number.isFinite(x) ? Number(x.toFixed(digits)) : -200);
const rounded = (scores: ScoredWindow['scores']) =>
  Object.fromEntries(Object.entries(scores).map(([label, score]) => [label, round(score, 3)]));
