import { z } from 'zod';
import { messageOf } from '../errors.js';
import { Paced } from '../system/paced.js';
import type { Clock, Logger } from '../types.js';

/** Where it lies: files of the state folder. */
export interface Store {
  /** @throws Error where it is there and cannot be read */
  read(name: string): string | undefined;
  write(name: string, text: string): void;
}

/** What is kept there: undefined where there is nothing, empty where there is something that cannot be read. */
export function keptText(store: Pick<Store, 'read'>, name: string): string | undefined {
  try {
    return store.read(name);
  } catch {
    return '';
  }
}

/** How often a file is written: so often in a row, and then once in an interval. A card must not be worn out. */
export interface Pace {
  readonly burst: number;
  readonly everyMs: number;
}

/** What a person changes: whoever may send commands may send many. */
export const OF_PEOPLE: Pace = { burst: 10, everyMs: 60_000 };

/** Something that survives a restart, as JSON in a file of its own. */
export class KeptFile<T> {
  readonly #save: Paced;

  /** @param value what is to be kept, asked for when it is written */
  constructor(
    private readonly store: Store,
    readonly name: string,
    private readonly schema: z.ZodType<T>,
    private readonly value: () => unknown,
    pace: Pace,
    clock: Clock,
  ) {
    this.#save = new Paced(pace.burst, pace.everyMs, clock, () => this.#write());
  }

  /**
   * @returns what an earlier run has kept, undefined where there is nothing
   * @throws Error where it is damaged or cannot be read, in words for people
   */
  read(): T | undefined {
    const text = this.store.read(this.name);
    if (text === undefined) return undefined;
    try {
      return this.schema.parse(JSON.parse(text));
    } catch (error) {
      throw new Error(error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error));
    }
  }

  /** What an earlier run has kept; undefined also where that is of no use, for what is soon known again. */
  readIfSound(): T | undefined {
    try {
      return this.read();
    } catch {
      return undefined;
    }
  }

  /**
   * The same, where what is lost with it must be said.
   *
   * @param warning says so
   */
  readOrWarn(log: Logger, warning: string): T | undefined {
    try {
      return this.read();
    } catch (error) {
      log.warn({ file: this.name, problem: messageOf(error) }, warning);
      return undefined;
    }
  }

  /** It has changed: it is written as soon as its pace allows. */
  changed(): void {
    this.#save.ask();
  }

  /** Writes what waits to be written. */
  flush(): void {
    this.#save.flush();
  }

  /** It was reset: nothing of an earlier run must come back. */
  overwrite(): void {
    if (keptText(this.store, this.name) !== undefined) this.#write();
  }

  #write(): void {
    this.store.write(this.name, `${JSON.stringify(this.value())}\n`);
  }
}
