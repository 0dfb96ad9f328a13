import type { Clock } from '../types.js';

/**
 * What the broker has been sent and has not answered yet, each with a deadline of its own, and how often it has
 * hung up on it.
 */
export class InFlight {
  /** What cancels the deadline, by what was sent. */
  readonly #deadlines = new Map<string, () => void>();
  /** Connections, one after the other, that the broker closed while this was under way. */
  readonly #hangUps = new Map<string, number>();

  /** @param onLate called where the broker does not answer in time */
  constructor(
    private readonly timeoutMs: number,
    private readonly clock: Clock,
    private readonly onLate: () => void,
  ) {}

  get size(): number {
    return this.#deadlines.size;
  }

  get keys(): string[] {
    return [...this.#deadlines.keys()];
  }

  has(key: string): boolean {
    return this.#deadlines.has(key);
  }

  /** @param key names what is sent: a topic */
  begin(key: string): void {
    this.#deadlines.set(key, this.clock.after(this.timeoutMs, this.onLate));
  }

  /** The broker has answered. */
  settle(key: string): void {
    this.#deadlines.get(key)?.();
    this.#deadlines.delete(key);
    this.#hangUps.delete(key);
  }

  /**
   * The connection is gone, and with it every answer.
   *
   * @param hungUp the broker closed it
   * @returns what the broker has hung up on twice: it was under way both times, and the last time nothing else was
   */
  break(hungUp: boolean): string | undefined {
    const { keys } = this;
    for (const cancel of this.#deadlines.values()) cancel();
    this.#deadlines.clear();
    if (!hungUp) return undefined;
    for (const key of keys) this.#hangUps.set(key, (this.#hangUps.get(key) ?? 0) + 1);
    const [only] = keys;
    if (only === undefined || keys.length > 1 || (this.#hangUps.get(only) ?? 0) < 2) return undefined;
    this.#hangUps.delete(only);
    return only;
  }
}
