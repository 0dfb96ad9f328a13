import type { Clock } from '../types.js';

/**
 * Does something when it is asked to, but after a burst only once in an interval: what it is asked for meanwhile is
 * done once, at its end. So the last word counts however many there are, and no flood of them costs more than that.
 */
export class Paced {
  /** When the burst is allowed again in full. */
  #restedAtMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  /**
   * @param burst how often it may be done without a pause
   * @param everyMs how long it takes until it may be done once more
   */
  constructor(
    private readonly burst: number,
    private readonly everyMs: number,
    private readonly clock: Clock,
    private readonly act: (late: boolean) => void,
  ) {}

  /** Nothing waits, and none of the burst is used up. */
  get rested(): boolean {
    return this.#cancel === undefined && this.#restedAtMs <= this.clock.now();
  }

  ask(): void {
    if (this.#cancel) return; // it will be done anyway
    const waitMs = this.#restedAtMs - (this.burst - 1) * this.everyMs - this.clock.now();
    if (waitMs <= 0) this.#do(false);
    else this.#cancel = this.clock.after(waitMs, () => this.flush());
  }

  /** Does now what waits. */
  flush(): void {
    if (!this.#cancel) return;
    this.stop();
    this.#do(true);
  }

  /** Forgets what waits. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #do(late: boolean): void {
    this.#restedAtMs = Math.max(this.#restedAtMs, this.clock.now()) + this.everyMs;
    this.act(late);
  }
}
