import type { LiveWindow } from '../schemas.js';

/** Columns of 10 ms, as the envelope has them and the log-mel's frames. */
export const COLUMNS_PER_SECOND = 100;
export const SHOWN_SECONDS = 30;
export const MEL_BANDS = 64;
/** A ring of more than what is shown. */
const KEPT = 4096;
/** Lost sound, however long it was. */
const GAP_SECONDS = 1;

/** The last half minute in columns: envelope, class, alarm and log-mel. Waveform and spectrogram are drawn from it. */
export class Sound {
  readonly low = new Int8Array(KEPT);
  readonly high = new Int8Array(KEPT);
  /** 1 + index of the label; 0: nothing was heard. */
  readonly label = new Uint8Array(KEPT);
  readonly alarm = new Uint8Array(KEPT);
  readonly mel = new Uint8Array(KEPT * MEL_BANDS);
  labels: readonly string[] = [];
  /** Columns so far. */
  end = 0;
  #hopSeconds = 1;
  #arrivedAtMs = 0;

  /** Everything anew. */
  begin(labels: readonly string[], hopSeconds: number): void {
    this.labels = labels;
    this.#hopSeconds = hopSeconds;
    this.label.fill(0);
    this.mel.fill(0);
    this.end = 0;
  }

  static at(column: number): number {
    return column & (KEPT - 1);
  }

  push(window: LiveWindow, alarm: boolean): void {
    const hop = Math.round(this.#hopSeconds * COLUMNS_PER_SECOND);
    if (window.gap && this.end > 0) this.#skip(GAP_SECONDS * COLUMNS_PER_SECOND);
    this.#arrivedAtMs = performance.now();
    const pairs = new Int8Array(bytesOf(window.envelope).buffer);
    const mel = bytesOf(window.mel);
    const label = 1 + this.labels.indexOf(window.label);
    for (let i = 0; i < hop; i++) {
      const at = Sound.at(this.end++);
      // Chunks of sound do not end where windows do: what came since the last one is laid under this one.
      const from = Math.floor((i * pairs.length) / 2 / hop);
      const to = Math.max(from + 1, Math.floor(((i + 1) * pairs.length) / 2 / hop));
      this.low[at] = this.high[at] = 0;
      for (let k = from; k < to && 2 * k < pairs.length; k++) {
        this.low[at] = Math.min(this.low[at]!, pairs[2 * k]!);
        this.high[at] = Math.max(this.high[at]!, pairs[2 * k + 1]!);
      }
      this.label[at] = label;
      this.alarm[at] = Number(alarm);
      // What was before the page was opened has fewer frames.
      const frameAt = Math.floor((i * mel.length) / MEL_BANDS / hop) * MEL_BANDS;
      const frame = mel.subarray(frameAt, frameAt + MEL_BANDS);
      this.mel.fill(0, at * MEL_BANDS, (at + 1) * MEL_BANDS);
      this.mel.set(frame, at * MEL_BANDS);
    }
  }

  /** The column at the right edge now: a window glides in while the next one is waited for. */
  edge(still: boolean): number {
    if (still) return this.end;
    const hop = this.#hopSeconds * COLUMNS_PER_SECOND;
    const since = ((performance.now() - this.#arrivedAtMs) / 1000) * COLUMNS_PER_SECOND;
    return this.end - hop + Math.min(hop, since);
  }

  #skip(columns: number): void {
    for (let i = 0; i < columns; i++) {
      const at = Sound.at(this.end++);
      this.low[at] = this.high[at] = this.label[at] = this.alarm[at] = 0;
      this.mel.fill(0, at * MEL_BANDS, (at + 1) * MEL_BANDS);
    }
  }
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
