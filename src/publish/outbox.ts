/** A bounded first-in, first-out queue in memory; when it is full the oldest item makes room. */
export class Outbox<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#items.length;
  }

  /** How many items have made room for newer ones. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The oldest item; it stays until it is removed. */
  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.push(item);
    if (this.#items.length <= this.#limit) return;
    this.#items.shift();
    this.#dropped++;
  }

  /** Takes this very item out; by identity, because it may have been dropped while it was on its way. */
  remove(item: T): void {
    const index = this.#items.indexOf(item);
    if (index >= 0) this.#items.splice(index, 1);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items.values();
  }
}
