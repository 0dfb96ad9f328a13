import { LOSS_SAID_MS } from '../constants.js';
import type { Clock, Problem } from '../types.js';

/** Windows that are lost again within so long were not lost by accident: it is said until for so long none is. */
export const AGAIN_WITHIN_MS = 600_000;
/** One accident may show in two health messages. */
const ACCIDENT_MS = 90_000;

/** What was lost, said for as long as a person needs to hear of it: one message is soon replaced by the next. */
export class Losses {
  #windows = 0;
  #windowsAtMs = Number.NEGATIVE_INFINITY;
  /** Since when windows are lost again and again, the first time included. */
  #windowsSinceMs = Number.NEGATIVE_INFINITY;
  #events = 0;
  #eventsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  /**
   * @param windows lost since the start
   * @param events lost since the start
   * @param heard whether there is a broker, which hears of it
   * @returns what is to be said in the next health message
   */
  problems(windows: number, events: number, heard: boolean): Problem[] {
    const problems: Problem[] = [];
    if (this.#losesWindows(windows)) problems.push('windows_dropped');
    if (this.#lostEvents(events, heard)) problems.push('events_dropped');
    return problems;
  }

  #losesWindows(windows: number): boolean {
    const nowMs = this.clock.now();
    const lately = nowMs - this.#windowsAtMs < AGAIN_WITHIN_MS;
    const again = this.#windowsAtMs - this.#windowsSinceMs >= ACCIDENT_MS;
    if (windows === this.#windows) return lately && again;
    this.#windows = windows;
    this.#windowsAtMs = nowMs;
    if (!lately) this.#windowsSinceMs = nowMs;
    return true;
  }

  #lostEvents(events: number, heard: boolean): boolean {
    const nowMs = this.clock.now();
    const said = nowMs < this.#eventsUntilMs;
    if (events > this.#events || (said && !heard)) this.#eventsUntilMs = nowMs + LOSS_SAID_MS;
    this.#events = events;
    return nowMs < this.#eventsUntilMs;
  }
}
