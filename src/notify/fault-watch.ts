import type { Clock } from '../types.js';

/** A fault must have lasted for so long: a microphone that is opened again is no news. */
export const LASTING_MS = 120_000;
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
  #cancel: (() => void) | undefined;

  /** @param tell called with all faults that there are once one of them is news, and with none once all are over */
  constructor(
    private readonly clock: Clock,
    private readonly tell: (faults: readonly string[]) => void,
  ) {}

  /** Takes all that are known, whenever they are said. */
  set(faults: readonly string[]): void {
    this.#faults = faults;
    this.#told = this.#told.filter((each) => faults.includes(each));
    if (faults.every((each) => this.#told.includes(each))) this.stop();
    else if (!this.#cancel) {
      const waitMs = Math.max(LASTING_MS, this.#toldAtMs + AGAIN_MS - this.clock.now());
      this.#cancel = this.clock.after(waitMs, () => this.#lasts());
    }
    if (faults.length > 0 || !this.#open) return;
    this.#open = false;
    this.tell([]);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #lasts(): void {
    this.#cancel = undefined;
    this.#told = this.#faults;
    this.#open = true;
    this.#toldAtMs = this.clock.now();
    this.tell(this.#faults);
  }
}
