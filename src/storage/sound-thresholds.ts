import { z } from 'zod';
import { messageOf } from '../errors.js';
import { Paced } from '../system/paced.js';
import type { Clock, Logger } from '../types.js';

const FILE = 'sounds.json';
/** So many changes in a row are written at once, and then one in a minute, as of settings. */
const BURST = 10;
const EVERY_MS = 60_000;

const keptSchema = z.record(z.string(), z.number().min(0).max(1));

/** Where they are kept: files of the state folder. */
interface Store {
  read(name: string): string | undefined;
  write(name: string, text: string): void;
}

/** Thresholds of sounds that were changed while the daemon ran: they go over the configuration until they are reset. */
export class SoundThresholds {
  #changed: Record<string, number> = {};
  readonly #save: Paced;

  constructor(
    private readonly store: Store,
    private readonly log: Logger,
    clock: Clock,
  ) {
    this.#save = new Paced(BURST, EVERY_MS, clock, () => this.#write());
  }

  /** Takes up what an earlier run has kept; what is damaged is left out, and said. */
  load(): void {
    const text = this.store.read(FILE);
    if (text === undefined) return;
    try {
      this.#changed = keptSchema.parse(JSON.parse(text));
      this.log.info(
        this.#changed,
        'thresholds of sounds kept from an earlier run; --reset-settings forgets them',
      );
    } catch (error) {
      this.log.warn(
        { file: FILE, problem: messageOf(error) },
        'kept thresholds of sounds cannot be used; those of the configuration hold',
      );
    }
  }

  /** Undefined: that of the configuration. */
  get(id: string): number | undefined {
    return this.#changed[id];
  }

  /** @returns why not, where it is out of range */
  set(id: string, threshold: number): string | undefined {
    if (!(threshold >= 0 && threshold <= 1)) return 'expected a number from 0 to 1';
    if (this.#changed[id] === threshold) return undefined;
    this.#changed = { ...this.#changed, [id]: threshold };
    this.#save.ask();
    return undefined;
  }

  /** Forgets all changes. */
  reset(): void {
    this.#changed = {};
    if (this.store.read(FILE) !== undefined) this.#write();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#save.flush();
  }

  #write(): void {
    this.store.write(FILE, `${JSON.stringify(this.#changed)}\n`);
  }
}
