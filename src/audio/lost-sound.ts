import { SAMPLE_RATE_HZ } from '../constants.js';

/** Less is a delivery that comes late… */
const LOST_SECONDS = 0.5;
/** …and what is missing for so long will not come any more. */
const LATE_SECONDS = 2;
/** What is slower by less has another clock, and loses nothing. */
const DRIFT = 0.05;
/** What waited somewhere comes faster than it is heard, until it is less by so much or more. */
const CAUGHT_UP_SECONDS = 0.2;
/** What has a wrong rate is known by then, and loses nothing either: what seems lost until then is said then. */
const RATE_KNOWN_SECONDS = 65;

/**
 * Sound of a microphone that was lost before it came here: where a program stands still for longer than a recorder
 * and a pipe have room, or a network does. It is held against the clock: what arrives falls behind, and stays there.
 */
export class LostSound {
  #startSeconds: number | undefined;
  #lastSeconds = 0;
  #soundSeconds = 0;
  /** By how much sound is behind the clock at least, as long as none is lost. */
  #usual = Number.POSITIVE_INFINITY;
  /** Since when it is farther behind, and by how much at least. */
  #missing: { readonly sinceSeconds: number; readonly seconds: number } | undefined;
  #unsaidSeconds = 0;

  /**
   * @param count samples at 16 kHz that arrive now
   * @returns how many seconds were lost, once for each loss; 0 where none were
   */
  push(count: number, nowMs: number): number {
    const now = nowMs / 1000;
    this.#startSeconds ??= now;
    this.#soundSeconds += count / SAMPLE_RATE_HZ;
    this.#look(now, this.#startSeconds);
    if (now - this.#startSeconds <= RATE_KNOWN_SECONDS) return 0;
    const lost = this.#unsaidSeconds;
    this.#unsaidSeconds = 0;
    return lost;
  }

  /** The source is opened anew. */
  restart(): void {
    this.#startSeconds = this.#missing = undefined;
    this.#soundSeconds = this.#unsaidSeconds = 0;
    this.#usual = Number.POSITIVE_INFINITY;
  }

  #look(now: number, startSeconds: number): void {
    const behind = now - startSeconds - this.#soundSeconds;
    this.#usual = Math.min(behind, this.#usual + DRIFT * (now - this.#lastSeconds));
    this.#lastSeconds = now;
    const more = behind - this.#usual;
    if (more < LOST_SECONDS) {
      this.#missing = undefined;
      return;
    }
    if (!this.#missing || more < this.#missing.seconds - CAUGHT_UP_SECONDS)
      this.#missing = { sinceSeconds: now, seconds: more };
    const { sinceSeconds, seconds } = this.#missing;
    if (now - sinceSeconds < LATE_SECONDS) return;
    this.#usual += seconds;
    this.#unsaidSeconds += seconds;
    this.#missing = undefined;
  }
}
