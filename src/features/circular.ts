/** The last so many samples of a stream, in memory that is allocated once. Positions count from its start. */
export class CircularBuffer {
  readonly #samples: Float32Array;
  #end = 0;

  /** @param capacity samples */
  constructor(capacity: number) {
    this.#samples = new Float32Array(capacity);
  }

  get capacity(): number {
    return this.#samples.length;
  }

  /** Position after the newest sample. */
  get end(): number {
    return this.#end;
  }

  /** Overwrites the oldest samples. */
  write(samples: Float32Array): void {
    // Of more than fits only the end can stay.
    for (let i = Math.max(0, samples.length - this.capacity); i < samples.length; ) {
      const at = (this.#end + i) % this.capacity;
      const count = Math.min(this.capacity - at, samples.length - i);
      this.#samples.set(samples.subarray(i, i + count), at);
      i += count;
    }
    this.#end += samples.length;
  }

  /** Moves on without samples: what lies between stays as it is and must not be read. */
  skip(count: number): void {
    this.#end += count;
  }

  /** Copies `count` samples from `position` on into the beginning of `out`. */
  read(position: number, count: number, out: Float32Array): void {
    const at = position % this.capacity;
    const head = Math.min(count, this.capacity - at);
    out.set(this.#samples.subarray(at, at + head));
    out.set(this.#samples.subarray(0, count - head), head);
  }
}
