import { LOSS_SAID_MS } from '../constants.js';
import type { Clock } from '../types.js';

/** What a channel says of itself. */
export type Complaints = Pick<Trouble, 'fails' | 'works' | 'loses'>;

/** Whether a channel is in trouble: as long as it does not work, and for a while after an event was lost. */
export class Trouble {
  #failing = false;
  #cancelLoss: (() => void) | undefined;

  /** @param onChange called when it may be in trouble, or out of it */
  constructor(
    private readonly clock: Clock,
    private readonly onChange: () => void,
  ) {}

  get any(): boolean {
    return this.#failing || this.#cancelLoss !== undefined;
  }

  /** It does not work. */
  fails(): void {
    this.#failing = true;
    this.onChange();
  }

  /** It works again; what was lost meanwhile is lost all the same. */
  works(): void {
    this.#failing = false;
    this.onChange();
  }

  /** An event is lost, whether or not it works now. */
  loses(): void {
    this.#cancelLoss?.();
    this.#cancelLoss = this.clock.after(LOSS_SAID_MS, () => {
      this.#cancelLoss = undefined;
      this.onChange();
    });
    this.onChange();
  }

  /** Nothing changes any more. */
  stop(): void {
    this.#cancelLoss?.();
  }
}
