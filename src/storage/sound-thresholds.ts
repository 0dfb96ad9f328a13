import { z } from 'zod';
import { messageOf } from '../errors.js';
import type { Clock, Denial, Logger } from '../types.js';
import { KeptFile, OF_PEOPLE, type Store } from './kept-file.js';

const keptSchema = z.record(z.string(), z.number().min(0).max(1));

/** Thresholds of sounds that were changed while the daemon ran: they go over the configuration until they are reset. */
export class SoundThresholds {
  #changed: Record<string, number> = {};
  #lost = false;
  readonly #file: KeptFile<Record<string, number>>;

  constructor(
    store: Store,
    private readonly log: Logger,
    clock: Clock,
  ) {
    this.#file = new KeptFile(store, 'sounds.json', keptSchema, () => this.#changed, OF_PEOPLE, clock);
  }

  /** What a person has set does not hold, and nothing was set since then. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Takes up what an earlier run has kept; what is damaged is left out, and said. */
  load(): void {
    try {
      const earlier = this.#file.read();
      if (!earlier) return;
      this.#changed = earlier;
      this.log.info(
        this.#changed,
        'thresholds of sounds kept from an earlier run; --reset-settings forgets them',
      );
    } catch (error) {
      this.#lost = true;
      this.log.warn(
        { file: this.#file.name, problem: messageOf(error) },
        'kept thresholds of sounds cannot be used; those of the configuration hold',
      );
    }
  }

  /** Undefined: that of the configuration. */
  get(id: string): number | undefined {
    return this.#changed[id];
  }

  /** @returns why not, where it is out of range */
  set(id: string, threshold: number): Denial | undefined {
    if (!(threshold >= 0 && threshold <= 1))
      return { code: 'out_of_range', problem: 'expected a number from 0 to 1' };
    if (this.#changed[id] === threshold) return undefined;
    this.#changed = { ...this.#changed, [id]: threshold };
    this.#lost = false;
    this.#file.changed();
    return undefined;
  }

  /** Forgets all changes. */
  reset(): void {
    this.#changed = {};
    this.#lost = false;
    this.#file.overwrite();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#file.flush();
  }
}
