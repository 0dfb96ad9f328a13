import { usualLayout } from './faults.js';
import { RateWatch } from './rate-watch.js';
import type { SourceOptions } from './source.js';

/** Of what share of its time a reader waits for a source that has a rate. */
const LEAST_WAITING = 0.25;
/** Over such a time, about. */
const MEMORY_MS = 20_000;
/** Nearer than that to the declared rate it is right. */
const RIGHT = 0.05;

/**
 * Holds sound that waits for its reader, as in a pipe, against the clock. A file that is piped in comes as fast as it
 * is read, and nothing is wrong with that. Behind a microphone it is the reader who waits; then a rate that programs
 * write, and that is not the declared one, is wrong. One that none writes is the speed of a download.
 */
export class PipeWatch {
  readonly #rate = new RateWatch();
  #askedAtMs: number | undefined;
  #arrivedAtMs = 0;
  #waitedMs = 0;
  #allMs = 0;
  #wrong: number | undefined;
  #isLive = false;

  constructor(private readonly layout: Pick<SourceOptions, 'sampleRateHz' | 'channels'>) {}

  /** Delivered over declared rate, where that is wrong. */
  get wrong(): number | undefined {
    return this.#wrong;
  }

  /** Whether a microphone was ever behind it, which gives its sound whether or not anybody has time for it. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** @param count samples at 16 kHz that arrive now */
  push(count: number, nowMs: number): void {
    const { steady } = this.#rate;
    this.#rate.push(count, nowMs);
    if (this.#askedAtMs !== undefined)
      this.#note(nowMs - this.#askedAtMs, this.#askedAtMs - this.#arrivedAtMs);
    this.#arrivedAtMs = nowMs;
    if (this.#rate.steady === steady) return;
    const ratio = this.#rate.steady;
    if (ratio === undefined) return;
    const waits = this.#waitedMs > LEAST_WAITING * this.#allMs;
    if (Math.abs(ratio - 1) <= RIGHT) {
      this.#wrong = undefined;
      this.#isLive ||= waits;
    } else if (waits && usualLayout(ratio, this.layout)) this.#wrong = ratio;
  }

  /** What has arrived is worked off: the reader waits for more. */
  ask(nowMs: number): void {
    this.#askedAtMs = nowMs;
  }

  /** It begins anew. What was wrong stays so until it is right. */
  restart(): void {
    this.#rate.restart();
    this.#askedAtMs = undefined;
  }

  #note(waitedMs: number, busyMs: number): void {
    const kept = Math.exp(-(waitedMs + busyMs) / MEMORY_MS);
    this.#waitedMs = this.#waitedMs * kept + waitedMs;
    this.#allMs = this.#allMs * kept + waitedMs + busyMs;
  }
}
