import type { Clock } from '../types.js';

/** How often something may be done: so often without a pause, and then once in an interval. */
export class Allowance {
  /** When all of the burst may be used again. */
  #restedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly burst: number,
    private readonly everyMs: number,
    private readonly clock: Clock,
  ) {}

  /** So long until it may be done again; 0 or less: now. */
  get waitMs(): number {
    return this.#restedAtMs - (this.burst - 1) * this.everyMs - this.clock.now();
  }

  /** None of the burst is used up. */
  get rested(): boolean {
    return this.#restedAtMs <= this.clock.now();
  }

  /** Uses it once. */
  use(): void {
    this.#restedAtMs = Math.max(this.#restedAtMs, this.clock.now()) + this.everyMs;
  }
}

/**
 * Does something when it is asked to, as often as it may: what it is asked for meanwhile is done once, when it may be
 * again. So the last word counts however many there are, and no flood of them costs more than the allowance.
 */
export class Paced {
  readonly #allowance: Allowance;
  #cancel: (() => void) | undefined;

  /**
   * @param burst how often it may be done without a pause
   * @param everyMs how long it takes until it may be done once more
   */
  constructor(
    burst: number,
    everyMs: number,
    private readonly clock: Clock,
    private readonly act: (late: boolean) => void,
  ) {
    this.#allowance = new Allowance(burst, everyMs, clock);
  }

  /** Nothing waits, and none of the burst is used up. */
  get rested(): boolean {
    return this.#cancel === undefined && this.#allowance.rested;
  }

  ask(): void {
    if (this.#cancel) return; // it will be done anyway
    const { waitMs } = this.#allowance;
    if (waitMs <= 0) this.#do(false);
    else this.#cancel = this.clock.after(waitMs, () => this.flush());
  }

  /** Does now what waits. */
  flush(): void {
    if (!this.#cancel) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#do(true);
  }

  #do(late: boolean): void {
    this.#allowance.use();
    this.act(late);
  }
}
