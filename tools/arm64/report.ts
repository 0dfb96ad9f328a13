import { existsSync, readFileSync } from 'node:fs';

/** Of a log, what is shown where a step fails. */
const LAST_LINES = 12;

/** Somebody wants it to end. */
export class Stopped extends Error {}

/** A line for each step: whether it worked, and how long it took. */
export class Report {
  failed = 0;
  /** A step has failed that the others of this part need. */
  #skipping = false;
  #stopped = false;

  constructor(
    private readonly log: string,
    private readonly say: (line: string) => void,
  ) {}

  /** No step is begun any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** What follows does not depend on what came before. */
  part(title: string): void {
    this.#skipping = false;
    this.say(`\n${title}`);
  }

  /**
   * @param action throws where the step fails; what it returns is shown
   * @param needed what follows needs this step
   * @throws Stopped
   */
  async step(title: string, action: () => Promise<string | undefined>, needed = true): Promise<void> {
    if (this.#stopped) throw new Stopped();
    if (this.#skipping) return this.#line('not run', undefined, title);
    const started = Date.now();
    try {
      const found = await action();
      this.done(title, Date.now() - started, found);
    } catch (error) {
      if (this.#stopped) throw new Stopped();
      this.failed++;
      this.#skipping = needed;
      this.#line('failed', Date.now() - started, title, error instanceof Error ? error.message : `${error}`);
      const last = existsSync(this.log) ? readFileSync(this.log, 'utf8').trimEnd().split('\n') : [];
      for (const text of last.slice(-LAST_LINES)) this.say(`              | ${text}`);
    }
  }

  /** A step that has worked, as part of a longer one. */
  done(title: string, ms: number, found?: string): void {
    this.#line('ok', ms, title, found);
  }

  leftOut(title: string, because: string): void {
    this.#line('left out', undefined, title, because);
  }

  #line(state: string, ms: number | undefined, title: string, found?: string): void {
    const took = ms === undefined ? '' : `${Math.round(ms / 1000)} s`;
    this.say(`${state.padEnd(9)}${took.padStart(7)}  ${title}${found ? `: ${found}` : ''}`);
  }
}
