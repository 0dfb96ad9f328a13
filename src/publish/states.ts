import type { Message } from './options.js';

export interface State extends Message {
  readonly qos: 0 | 1;
  /** The broker keeps it. */
  readonly retain: boolean;
}

/** States by topic, of which only the last value matters, and which of them are still to be published. */
export class RetainedStates {
  readonly #states = new Map<string, State>();
  readonly #unsent = new Set<string>();

  /** Whether there is something to be published that is not held back. */
  waiting(held: { has(topic: string): boolean }): boolean {
    return [...this.#unsent].some((topic) => !held.has(topic));
  }

  set(topic: string, payload: string, qos: 0 | 1, retain = true): void {
    this.#states.set(topic, { topic, payload, qos, retain });
    this.#unsent.add(topic);
  }

  /** What each says, by its topic. */
  get said(): Map<string, string> {
    return new Map([...this.#states].map(([topic, { payload }]) => [topic, payload]));
  }

  /** Says it no more. */
  delete(topic: string): void {
    this.#states.delete(topic);
    this.#unsent.delete(topic);
  }

  /** This one is to be published again. */
  again(topic: string): void {
    if (this.#states.has(topic)) this.#unsent.add(topic);
  }

  /** All are to be published again, in the order in which they were first set, and then this one, which vouches for them. */
  renew(topic: string, payload: string): void {
    this.#states.delete(topic);
    this.set(topic, payload, 1);
    this.#unsent.clear();
    for (const each of this.#states.keys()) this.#unsent.add(each);
  }

  /** What is to be published and is not held back, one after the other; it counts as published then. */
  *take(isHeld: (topic: string) => boolean): Iterable<State> {
    for (const topic of this.#unsent) {
      const state = this.#states.get(topic);
      if (state === undefined || isHeld(topic)) continue;
      this.#unsent.delete(topic);
      yield state;
    }
  }
}
