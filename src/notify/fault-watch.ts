import type { Clock } from '../types.js';

/** A fault must have lasted for so long: a microphone that is opened again is no news. */
export const LASTING_MS = 120_000;
/** From one time it is told to the next: one that comes and goes is no flood. */
export const AGAIN_MS = 900_000;

/** Which of some faults last, and when they are over. */
export class FaultWatch {
  #faults: readonly string[] = [];
  #told = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  /** @param tell called with faults that have lasted, and with none once they are over */
  constructor(
    private readonly clock: Clock,
    private readonly tell: (faults: readonly string[]) => void,
  ) {}

  /** Takes all that are known, whenever they are said. */
  set(faults: readonly string[]): void {
    this.#faults = faults;
    if (faults.length === 0) this.#over();
    else if (!this.#told && !this.#cancel) {
      const waitMs = Math.max(LASTING_MS, this.#toldAtMs + AGAIN_MS - this.clock.now());
      this.#cancel = this.clock.after(waitMs, () => this.#lasts());
    }
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #lasts(): void {
    this.#cancel = undefined;
    this.#told = true;
    this.#toldAtMs = this.clock.now();
    this.tell(this.#faults);
  }

  #over(): void {
    this.stop();
    if (!this.#told) return;
    this.#told = false;
    this.tell([]);
  }
}
