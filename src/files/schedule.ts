import type { LaidFile } from '../training/lay.js';
import { File, type Task } from './file.js';

/** So many files for each thread may be ahead of the one that is given next. */
export const FILES_AHEAD = 4;

/** What a thread is to do next: hear segments, go on with the file that it decodes, or open another one. */
export type Step<S extends LaidFile> =
  | { readonly do: 'hear'; readonly task: Task<S> }
  | { readonly do: 'decode'; readonly file: File<S> }
  | { readonly do: 'open'; readonly file: File<S> };

/**
 * Who does what. A thread that decodes goes on with it until there is enough to hear for all of them, then it hears,
 * too; so one long file keeps all threads busy, and so do many short ones. What waits has a bound: no more than two
 * pieces for each thread, and `FILES_AHEAD` files for each.
 */
export class Schedule<S extends LaidFile> {
  readonly #sounds: Iterator<S>;
  readonly #threads: number;
  /** Opened and not given yet, in order. */
  readonly #files: File<S>[] = [];
  readonly #tasks: Task<S>[] = [];
  #exhausted = false;
  #ended = false;
  #wake: () => void = () => {};
  #changed = new Promise<void>(() => {});

  constructor(sounds: Iterable<S>, threads: number) {
    this.#sounds = sounds[Symbol.iterator]();
    this.#threads = threads;
    this.changed();
  }

  /** Something has been done: whoever waits looks again. */
  changed(): void {
    this.#wake();
    this.#changed = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /**
   * What a thread is to do next.
   *
   * @param decoding the file that it is at
   * @returns undefined when there is nothing more
   */
  async step(decoding: File<S> | undefined): Promise<Step<S> | undefined> {
    for (;;) {
      const step = this.#step(decoding);
      if (step || this.#isOver) return step;
      await this.#changed;
    }
  }

  /** Pieces of a file that wait for a thread. */
  add(task: Task<S>): void {
    if (task.segments.length > 0) this.#tasks.push(task);
  }

  /** The next file in order, once it has finished; undefined when there is none. */
  async next(): Promise<File<S> | undefined> {
    for (;;) {
      const [first] = this.#files;
      if (this.#ended || (!first && this.#isOver)) return undefined;
      if (first?.finished) {
        this.#files.shift();
        this.changed();
        return first;
      }
      await this.#changed;
    }
  }

  /** Nothing more is to be done. */
  end(): void {
    this.#ended = true;
    this.changed();
  }

  get #isOver(): boolean {
    return this.#ended || (this.#exhausted && this.#files.every(({ finished }) => finished));
  }

  #step(decoding: File<S> | undefined): Step<S> | undefined {
    if (this.#ended) return undefined;
    const mine = decoding?.error === undefined ? decoding : undefined;
    if (!mine || this.#tasks.length >= this.#threads) {
      const task = this.#task();
      if (task) return { do: 'hear', task };
    }
    if (mine) return { do: 'decode', file: mine };
    const file = this.#open();
    return file && { do: 'open', file };
  }

  #task(): Task<S> | undefined {
    for (let task = this.#tasks.shift(); task; task = this.#tasks.shift())
      if (task.file.error === undefined) return task;
    return undefined;
  }

  #open(): File<S> | undefined {
    if (this.#exhausted || this.#files.length >= FILES_AHEAD * this.#threads) return undefined;
    const { value, done } = this.#sounds.next();
    this.#exhausted = done ?? false;
    if (done) {
      this.changed(); // it may be over
      return undefined;
    }
    const file = new File<S>(value);
    this.#files.push(file);
    return file;
  }
}
