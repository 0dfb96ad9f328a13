import { UserError } from '../../errors.js';
import type { Logger } from '../../types.js';
import { type ConfigFlags, configsFrom } from '../support/flags.js';

type Configs = ReturnType<typeof configsFrom>;

/** The configuration that holds, and the one that is to follow: an old one that works is better than a new one that does not. */
export class Reloading {
  log: Logger | undefined;
  #configs: Configs;
  /** What held before this one, as long as this one has not been started. */
  #proven: Configs | undefined;
  #wanted: Configs | undefined;

  /** @throws UserError configuration */
  constructor(private readonly flags: ConfigFlags) {
    this.#configs = configsFrom(flags);
  }

  /** One for each microphone. */
  get configs(): Configs {
    return this.#configs;
  }

  /** Reads the configuration again. @returns whether there is a valid one, to be started instead */
  reread(): boolean {
    try {
      this.#wanted = configsFrom(this.flags);
      this.log?.info({}, 'the configuration is read again, and starts now');
      return true;
    } catch (error) {
      this.#refuse(error);
      return false;
    }
  }

  /** Starts with the configuration that holds. */
  async start<T>(start: () => Promise<T>): Promise<T> {
    const started = await start();
    this.#proven = undefined;
    return started;
  }

  /** Goes back to the configuration that held before, where the new one cannot be started; else throws. */
  recover(error: unknown): undefined {
    if (!this.#proven) throw error;
    this.#refuse(error);
    this.#wanted ??= this.#proven;
  }

  /** @returns whether there is a configuration to be started */
  next(): boolean {
    if (!this.#wanted) return false;
    this.#proven = this.#proven === this.#wanted ? undefined : this.#configs;
    this.#configs = this.#wanted;
    this.#wanted = undefined;
    return true;
  }

  #refuse(error: unknown): void {
    if (!(error instanceof UserError)) throw error;
    this.log?.error(
      { problem: error.message, hint: error.hint },
      'the new configuration cannot be used: the old one holds',
    );
  }
}
