import type { Clock } from '../types.js';

/** What is to be set aside: the broker has hung up on it twice, or twice not answered it in time. */
export interface Culprit {
  readonly key: string;
  readonly hungUp: boolean;
}

/**
 * What the broker has been sent and has not answered yet, each with a deadline of its own, and how many connections
 * it has cost.
 */
export class InFlight {
  /** What cancels the deadline, by what was sent. */
  readonly #deadlines = new Map<string, () => void>();
  /** Connections, one after the other, that ended while this was under way. */
  readonly #ended = new Map<string, number>();
  /** What was not answered in time. */
  #late: string | undefined;
  /** The broker has answered something on this connection. */
  #answered = false;
  /** It has not answered a thing since a connection on which what was late need not be why. */
  #mute = false;

  /** @param onLate called where the broker does not answer in time: the connection is to be given up */
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
    const cancel = this.clock.after(this.timeoutMs, () => {
      this.#late ??= key;
      this.onLate();
    });
    this.#deadlines.set(key, cancel);
  }

  /**
   * Nothing is awaited any more.
   *
   * @param answered by the broker, rather than taken by the system (QoS 0)
   * @returns whether the broker answers for the first time after it has answered nothing
   */
  settle(key: string, answered: boolean): boolean {
    this.#deadlines.get(key)?.();
    this.#deadlines.delete(key);
    this.#ended.delete(key);
    const again = this.#mute && answered;
    this.#answered ||= answered;
    this.#mute &&= !answered;
    return again;
  }

  /**
   * The connection is gone, and with it every answer.
   *
   * @param hungUp the broker closed it
   * @param isWhy nothing was sent but what was set aside for being late before: no answer to that alone is its own doing
   * @returns what was under way both times, where the second time it was the only one, or the late one
   */
  break(hungUp: boolean, isWhy = false): Culprit | undefined {
    const { keys } = this;
    const late = this.#late;
    for (const cancel of this.#deadlines.values()) cancel();
    this.#deadlines.clear();
    this.#mute ||= late !== undefined && !this.#answered && !isWhy;
    this.#late = undefined;
    this.#answered = false;
    const suspects = hungUp ? keys : keys.filter((key) => key === late);
    for (const key of suspects) this.#ended.set(key, (this.#ended.get(key) ?? 0) + 1);
    const [key] = suspects;
    if (key === undefined || suspects.length > 1 || (this.#ended.get(key) ?? 0) < 2) return undefined;
    this.#ended.delete(key);
    return { key, hungUp };
  }
}
