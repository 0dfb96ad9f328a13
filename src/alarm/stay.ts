import type { LongStay, ScoredWindow } from '../types.js';
import { type NoiseFloor, SILENCE_ABOVE_FLOOR_DB } from './floor.js';
import { hitOf } from './hits.js';
import type { AlarmRule } from './rule.js';

/** Lost sound is no silence: up to this long the silence goes on after it, after more it begins anew. */
const GAP_BRIDGE_SECONDS = 60;

/**
 * Finds somebody who has been in the room for long without a sound, in stream time. What counts as a sound: a window
 * that stands out of the noise floor, one that is a hit, and all the time in which water runs or somebody speaks.
 */
export class SilentStay {
  #occupied = false;
  /** When the stay's first window ended; undefined where nobody is in the room, or none has been heard of it yet. */
  #sinceSeconds: number | undefined;
  /** When the last sound did, or the silence else began. */
  #lastSoundSeconds = 0;
  #endSeconds = Number.NEGATIVE_INFINITY;
  /** How much silence has been heard since; lost sound is left out. */
  #silentSeconds = 0;
  #said = false;

  /**
   * @param limitSeconds of silence, from which on it is too long; 0 is never
   * @param floor of the room, which has every window before `push` does
   */
  constructor(
    private readonly limitSeconds: number,
    private readonly floor: NoiseFloor,
  ) {}

  /** Somebody comes in, or it is no longer known that somebody is there. */
  setOccupied(occupied: boolean): void {
    if (occupied === this.#occupied) return;
    this.#occupied = occupied;
    this.#sinceSeconds = undefined;
  }

  /**
   * Takes the next window.
   *
   * @param rule whose labels and levels say what an alarm sounds like
   * @param heard whether water runs or somebody speaks
   */
  push(window: ScoredWindow, rule: AlarmRule, heard: boolean): void {
    if (this.limitSeconds === 0) return;
    const { startSeconds, endSeconds, rmsDbfs } = window;
    const lostSeconds = startSeconds - this.#endSeconds;
    const newSeconds = endSeconds - Math.max(startSeconds, this.#endSeconds);
    this.#endSeconds = endSeconds;
    const silenceDbfs = Math.max(rule.minLevelDbfs, this.floor.dbfs + SILENCE_ABOVE_FLOOR_DB);
    if (!this.#occupied) return;
    const begins = this.#sinceSeconds === undefined;
    this.#sinceSeconds ??= endSeconds;
    const sound = heard || rmsDbfs > silenceDbfs || hitOf(window, rule, rule.threshold) !== undefined;
    if (begins || sound || lostSeconds > GAP_BRIDGE_SECONDS) {
      this.#lastSoundSeconds = endSeconds;
      this.#silentSeconds = 0;
      // Of a silence that has been said nothing new is known after lost sound.
      if (begins || sound) this.#said = false;
    } else this.#silentSeconds += newSeconds;
  }

  /** @returns the event, once for each stay and again after a sound */
  take({ endSeconds, endAtMs }: ScoredWindow): LongStay | undefined {
    const isLong = this.#silentSeconds >= this.limitSeconds;
    if (this.#sinceSeconds === undefined || this.#said || !isLong) return undefined;
    this.#said = true;
    const durationSeconds = endSeconds - this.#sinceSeconds;
    return {
      type: 'long_stay',
      atMs: endAtMs,
      durationSeconds,
      silentSeconds: endSeconds - this.#lastSoundSeconds,
    };
  }
}
