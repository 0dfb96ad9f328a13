import type { UserError } from '../errors.js';
import type { Extent, LaidFile } from '../training/lay.js';
import type { MelWindow } from '../types.js';
import type { HeardLays } from './cache.js';
import type { Decoded, HeardSegments } from './hear-protocol.js';
import { InOrder } from './in-order.js';
import type { Segment } from './segments.js';
import { Sketches } from './sketch.js';
import type { Table } from './table.js';

/** A file that is being heard. */
export class File<S extends LaidFile = LaidFile> {
  readonly #lays: { extent: Extent | undefined; readonly tables: Table[]; readonly sketches: Sketches }[];
  readonly warnings: string[] = [];
  /** Where the cache wants it. */
  entry: string | undefined;
  windowsHeard = 0;
  error: UserError | undefined;
  /** Log-mels of its segments, where they are wanted. */
  readonly levels = new InOrder<readonly MelWindow[]>();
  #decoded = false;
  /** Segments that are decoded and not heard yet. */
  #missing = 0;
  readonly #segments: number[];
  #places = 0;

  constructor(readonly sound: S) {
    this.#lays = sound.lays.map(() => ({ extent: undefined, tables: [], sketches: new Sketches() }));
    this.#segments = sound.lays.map(() => 0);
  }

  get finished(): boolean {
    return this.error !== undefined || (this.#decoded && this.#missing === 0);
  }

  /** What was heard of it, once it has finished. */
  get heard(): HeardLays {
    return this.#lays.map(({ extent, tables, sketches }) => {
      if (!extent) throw new Error(`${this.sound.path} has not been heard`);
      return { extent, tables, sketches: sketches.all };
    });
  }

  /** Takes what the cache has of it. */
  keep(kept: HeardLays): void {
    for (const [lay, { extent, tables }] of kept.entries())
      this.#lays[lay] = { extent, tables: [...tables], sketches: new Sketches() };
    this.#decoded = true;
  }

  /** Takes the next piece. @returns what is to be heard of it */
  take({ segments, extents, done, warnings }: Decoded): Task['segments'] {
    for (const { lay, extent } of extents) this.#lays[lay]!.extent = extent;
    this.warnings.push(...warnings);
    this.#decoded = done;
    this.#missing += segments.length;
    return segments.map(({ lay, segment }) => ({
      ...{ lay, segment },
      number: this.#segments[lay]!++,
      place: this.#places++,
    }));
  }

  /** Takes what was heard of a task. */
  put(task: Task, { tables, sketches, levels }: Omit<HeardSegments, 'started'>): void {
    for (const [i, { lay, number, place }] of task.segments.entries()) {
      const to = this.#lays[lay]!;
      to.tables[number] = tables[i]!;
      if (sketches[i]) to.sketches.put(number, sketches[i]);
      if (levels[i]) this.levels.put(place, levels[i]);
    }
    this.#missing -= tables.length;
    for (const { count } of tables) this.windowsHeard += count;
  }
}

/** Segments of a file that any thread may hear. */
export interface Task<S extends LaidFile = LaidFile> {
  readonly file: File<S>;
  readonly segments: ReadonlyArray<{
    readonly lay: number;
    /** Among those of the lay, and of the file. */
    readonly number: number;
    readonly place: number;
    readonly segment: Segment;
  }>;
}
