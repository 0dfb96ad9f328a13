import type { Clock } from '../types.js';

/** A fault must have lasted for so long: a microphone that is opened again is no news. */
export const LASTING_MS = 120_000;
/** One that is over for less long than this goes on: what comes and goes may be there nearly all the time. */
export const OVER_MS = 600_000;
/** From one time it is told to the next: one that comes and goes is no flood. */
export const AGAIN_MS = 900_000;

/**
 * Which of some faults last, and when they are over. One that lasts hides none that comes to it: each has a name, and
 * something that mends it, of its own.
 */
export class FaultWatch {
  #faults: readonly string[] = [];
  /** Those that were told and are not over. */
  #told: readonly string[] = [];
  /** Some were told, and that all are over was not. */
  #open = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  /** How long there was something new, until when, and since when there is. */
  #lastedMs = 0;
  #overAtMs = Number.NEGATIVE_INFINITY;
  #sinceMs = 0;
  #cancel: (() => void) | undefined;

  /**
   * @param tell called with all faults that there are once one of them is news, and with none once all are over
   * @param lasting faults that have lasted when they are said first: they are told at once
   */
  constructor(
    private readonly clock: Clock,
    private readonly tell: (faults: readonly string[]) => void,
    private readonly lasting: ReadonlySet<string> = new Set(),
  ) {}

  /** Before any is set: an earlier run has told these. */
  known(faults: readonly string[]): void {
    this.#told = faults;
    this.#open = faults.length > 0;
  }

  /** Takes all that are known, whenever they are said. */
  set(faults: readonly string[]): void {
    this.#faults = faults;
    this.#told = this.#told.filter((each) => faults.includes(each));
    const lasting = this.#news.filter((each) => this.lasting.has(each));
    if (lasting.length > 0) this.#say(lasting);
    if (this.#news.length === 0) this.stop();
    else if (!this.#cancel) this.#wait();
    if (faults.length > 0 || !this.#open) return;
    this.#open = false;
    this.tell([]);
  }

  stop(): void {
    if (!this.#cancel) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#overAtMs = this.clock.now();
    this.#lastedMs += this.#overAtMs - this.#sinceMs;
  }

  #wait(): void {
    const nowMs = this.clock.now();
    if (nowMs - this.#overAtMs >= OVER_MS) this.#lastedMs = 0;
    this.#sinceMs = nowMs;
    const waitMs = Math.max(0, LASTING_MS - this.#lastedMs, this.#toldAtMs + AGAIN_MS - nowMs);
    this.#cancel = this.clock.after(waitMs, () => this.#lasts());
  }

  #lasts(): void {
    this.#cancel = undefined;
    this.#lastedMs = 0;
    this.#toldAtMs = this.clock.now();
    this.#say(this.#faults);
  }

  get #news(): readonly string[] {
    return this.#faults.filter((each) => !this.#told.includes(each));
  }

  #say(faults: readonly string[]): void {
    this.#told = [...new Set([...this.#told, ...faults])];
    this.#open = true;
    this.tell(faults);
  }
}
