import { MEL_BANDS } from '../constants.js';
import type { PcmChunk, PipelineResult, ScoredWindow } from '../types.js';

/** A browser that has not taken so much gets no more, until it has. */
const MOST_WAITING_BYTES = 64_000;
/** More of them would cost the pipeline time. */
export const MOST_BROWSERS = 8;
/** One pair of the waveform's envelope. */
const PAIR_SAMPLES = 160;
/** So many windows are remembered: what a page that is opened, or loaded anew, begins with. */
const REMEMBERED_WINDOWS = 64;
/** So many windows make the picture of an alarm. */
const PICTURE_WINDOWS = 7;
/** Natural logarithms of mel magnitudes that become 0 and 255. */
const MEL_LOW = -7;
const MEL_HIGH = 4;

/** What a browser is shown of one window. */
export interface LiveWindow {
  /** Wall clock of its last sample, milliseconds. */
  readonly at: number;
  readonly label: string;
  readonly scores: Readonly<Record<string, number>>;
  readonly audioset: ScoredWindow['audioset'];
  readonly rmsDbfs: number;
  readonly peakDbfs: number;
  /** For each alarm kind what speaks for it and from which on it alarms, nats. */
  readonly evidence: Readonly<Record<string, readonly [value: number, line: number]>>;
  readonly vetoed: boolean;
  /** Lowest and highest sample of each 10 ms since the last window, int8 pairs in base64. */
  readonly envelope: string;
  /** The newest frames of the log-mel, each of 64 bands, 0…255, in base64; empty in what is remembered. */
  readonly mel: string;
}

/** Something that takes text, and says how much of it waits. */
export interface Browser {
  readonly waitingBytes: number;
  send(text: string): void;
  /** Tells it everything anew: it has missed something. */
  greet(): void;
}

/**
 * What is heard, as small as eyes need it: an envelope and a log-mel of 8 bits in each window, of which no sound can be
 * made again that says a word. A browser that is slow misses windows; nobody waits for it.
 */
export class Live {
  readonly #browsers = new Set<Browser>();
  readonly #behind = new Set<Browser>();
  readonly #remembered: LiveWindow[] = [];
  readonly #mels: Uint8Array[] = [];
  #envelope: number[] = [];
  #low = 0;
  #high = 0;
  #samples = 0;

  /** @param hopFrames frames of the log-mel that are new in each window */
  constructor(private readonly hopFrames: number) {}

  /** @returns leaves again; undefined where there are too many already */
  join(browser: Browser): (() => void) | undefined {
    if (this.#browsers.size >= MOST_BROWSERS) return undefined;
    this.#browsers.add(browser);
    return () => {
      this.#browsers.delete(browser);
      this.#behind.delete(browser);
    };
  }

  /** The last half minute, oldest first, without log-mel. */
  get remembered(): readonly LiveWindow[] {
    return this.#remembered;
  }

  /** The last 3 s of the log-mel, as `LiveWindow.mel`. */
  get picture(): string {
    return Buffer.concat(this.#mels).toString('base64');
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
  }

  /** Takes every window. */
  window({ scored, mel, evidence }: PipelineResult): void {
    const newest = quantised(mel.subarray(-this.hopFrames * MEL_BANDS));
    this.#mels.push(newest);
    if (this.#mels.length > PICTURE_WINDOWS) this.#mels.shift();
    const shown: LiveWindow = {
      at: scored.endAtMs,
      label: scored.label,
      scores: rounded(scored.scores),
      audioset: scored.audioset.map(([name, score]) => [name, round(score, 3)]),
      rmsDbfs: round(scored.rmsDbfs, 1),
      peakDbfs: round(scored.peakDbfs, 1),
      evidence: Object.fromEntries(
        evidence.map(({ kind, value, line }) => [kind, [round(value, 2), round(line, 2)]]),
      ),
      vetoed: scored.vetoed !== undefined,
      envelope: Buffer.from(Int8Array.from(this.#envelope).buffer).toString('base64'),
      mel: '',
    };
    this.#envelope = [];
    this.#remembered.push(shown);
    if (this.#remembered.length > REMEMBERED_WINDOWS) this.#remembered.shift();
    if (this.#browsers.size > 0)
      this.tell('window', { ...shown, mel: Buffer.from(newest).toString('base64') });
  }

  /** Says something to every browser that keeps up; one that does not is told all of it when it does again. */
  tell(type: string, value: unknown): void {
    if (this.#browsers.size === 0) return;
    const text = JSON.stringify({ type, value });
    for (const browser of this.#browsers) {
      if (browser.waitingBytes > MOST_WAITING_BYTES) {
        this.#behind.add(browser);
        continue;
      }
      if (this.#behind.delete(browser)) browser.greet();
      browser.send(text);
    }
  }
}

function quantised(mel: Float32Array): Uint8Array {
  return Uint8Array.from(mel, (x) =>
    Math.max(0, Math.min(255, Math.round((255 * (x - MEL_LOW)) / (MEL_HIGH - MEL_LOW)))),
  );
}

const eightBits = (x: number) => Math.max(-127, Math.min(127, Math.round(127 * x)));
const round = (x: number, digits: number) => (Number.isFinite(x) ? Number(x.toFixed(digits)) : -200);
const rounded = (scores: ScoredWindow['scores']) =>
  Object.fromEntries(Object.entries(scores).map(([label, score]) => [label, round(score, 3)]));
