import { z } from 'zod';
import { messageOf } from '../errors.js';
import type { Clock, Logger } from '../types.js';
import { KeptFile, OF_PEOPLE, type Store } from './kept-file.js';

type Kept = Readonly<Record<string, unknown>>;

/** Each by itself: one that no longer fits, as after an upgrade, must not take the others along. */
const keptSchema = z.record(z.string(), z.unknown());

/** A number of a range, whole where that goes in steps of 1. */
export const numberWithin = ({ min, max, step }: { min: number; max: number; step: number }) =>
  (step === 1 ? z.int() : z.number()).min(min).max(max);

/**
 * Of what was kept, all that fits.
 *
 * @param schema of the values, none of which must be there
 * @param complain is told of what does not
 */
export function fitting<Values>(
  schema: z.ZodType,
  kept: Kept,
  complain: (error: z.ZodError) => void,
): Partial<Values> {
  const fits = ([name, value]: [string, unknown]) => {
    const { error } = schema.safeParse({ [name]: value });
    if (error) complain(error);
    return !error;
  };
  return Object.fromEntries(Object.entries(kept).filter(fits)) as Partial<Values>;
}

/** What people have set while the daemon ran, in a file of its own. */
export class SettingsFile {
  #lost = false;
  readonly #file: KeptFile<Kept>;

  /**
   * @param what it is, for people
   * @param value what is to be kept, asked for when it is written
   */
  constructor(
    store: Store,
    name: string,
    private readonly what: string,
    value: () => unknown,
    private readonly log: Logger,
    clock: Clock,
  ) {
    this.#file = new KeptFile(store, name, keptSchema, value, OF_PEOPLE, clock);
  }

  /** Something that a person has set does not hold, and nothing was set since then. */
  get lost(): boolean {
    return this.#lost;
  }

  /**
   * Takes up what an earlier run has kept; what is damaged or no longer fits is left out, and said.
   *
   * @param take is given what there is, adds what is wrong with it, and returns what holds
   */
  load(take: (kept: Kept, problems: string[]) => object): void {
    const problems: string[] = [];
    let held: object = {};
    try {
      held = take(this.#file.read() ?? {}, problems);
    } catch (error) {
      problems.push(messageOf(error));
    }
    this.#lost = problems.length > 0;
    if (this.#lost)
      this.log.warn(
        { file: this.#file.name, problem: problems.join('; ') },
        `kept ${this.what} cannot be used; those of the configuration hold`,
      );
    if (Object.keys(held).length > 0)
      this.log.info(held, `${this.what} kept from an earlier run; --reset-settings forgets them`);
  }

  /** Something was set. */
  changed(): void {
    this.#lost = false;
    this.#file.changed();
  }

  /** All was reset. */
  overwrite(): void {
    this.#lost = false;
    this.#file.overwrite();
  }

  /** Writes what waits to be written. */
  flush(): void {
    this.#file.flush();
  }
}
