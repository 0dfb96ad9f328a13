import type { UserError } from '../errors.js';
import type { Extent } from '../training/lay.js';
import type { HeardLays } from './cache.js';
import type { Decoded, HeardSegments, Sound } from './hear-thread.js';
import type { Segment } from './segments.js';
import { Sketches } from './sketch.js';
import type { Table } from './table.js';

/** A file that is being heard. */
export class File<S extends Sound = Sound> {
  readonly lays: { extent: Extent | undefined; readonly tables: Table[]; readonly sketches: Sketches }[];
  readonly warnings: string[] = [];
  /** Where the cache wants it. */
  entry: string | undefined;
  windowsHeard = 0;
  error: UserError | undefined;
  #decoded = false;
  /** Segments that are decoded and not heard yet. */
  #missing = 0;
  readonly #segments: number[];

  constructor(readonly sound: S) {
    this.lays = sound.lays.map(() => ({ extent: undefined, tables: [], sketches: new Sketches() }));
    this.#segments = sound.lays.map(() => 0);
  }

  get finished(): boolean {
    return this.error !== undefined || (this.#decoded && this.#missing === 0);
  }

  /** What was heard of it, once it has finished. */
  get heard(): HeardLays {
    return this.lays.map(({ extent, tables, sketches }) => {
      if (!extent) throw new Error(`${this.sound.path} has not been heard`);
      return { extent, tables, sketches: sketches.all };
    });
  }

  /** Takes what the cache has of it. */
  keep(kept: HeardLays): void {
    for (const [lay, { extent, tables }] of kept.entries())
      this.lays[lay] = { extent, tables: [...tables], sketches: new Sketches() };
    this.#decoded = true;
  }

  /** Takes the next piece. @returns what is to be heard of it */
  take({ segments, extents, done, warnings }: Decoded): Task['segments'] {
    for (const { lay, extent } of extents) this.lays[lay]!.extent = extent;
    this.warnings.push(...warnings);
    this.#decoded = done;
    this.#missing += segments.length;
    return segments.map(({ lay, segment }) => ({ lay, number: this.#segments[lay]!++, segment }));
  }

  /** Takes what was heard of a task. */
  put(task: Task, { tables, sketches }: Pick<HeardSegments, 'tables' | 'sketches'>): void {
    for (const [i, { lay, number }] of task.segments.entries()) {
      const to = this.lays[lay]!;
      to.tables[number] = tables[i]!;
      if (sketches[i]) to.sketches.put(number, sketches[i]);
    }
    this.#missing -= tables.length;
    for (const { count } of tables) this.windowsHeard += count;
  }
}

/** Segments of a file that any thread may hear. */
export interface Task<S extends Sound = Sound> {
  readonly file: File<S>;
  readonly segments: ReadonlyArray<{
    readonly lay: number;
    readonly number: number;
    readonly segment: Segment;
  }>;
}
