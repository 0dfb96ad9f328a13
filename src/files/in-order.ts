/** Parts of a file in its order, which come in any: what comes early waits. */
export class InOrder<T> {
  readonly #waiting = new Map<number, T>();
  #next = 0;

  /** @param place of the part in the file */
  put(place: number, part: T): void {
    this.#waiting.set(place, part);
  }

  /** Those that come next and are there. */
  *take(): Generator<T> {
    for (let part = this.#waiting.get(this.#next); part !== undefined; part = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next++);
      yield part;
    }
  }
}
