import type { ExitCode } from '../errors.js';
import type { Network } from '../model/network.js';
import type { Extent, LaidFile } from '../training/lay.js';
import type { Surroundings } from '../training/life.js';
import type { MelWindow } from '../types.js';
import type { HeardLays } from './cache.js';
import type { EarOptions } from './ear.js';
import type { Segment } from './segments.js';
import type { Sketch } from './sketch.js';
import type { Table } from './table.js';

/** What a thread that hears (`hear-thread.ts`) is asked, and what it answers. */

/** What all threads of a command share. */
export interface HearSetup extends EarOptions {
  readonly hopSamples: number;
  /** How a long file is cut; no result depends on it. */
  readonly segmentSeconds?: number | undefined;
  /** What clips are laid into. */
  readonly surroundings?: Surroundings | undefined;
  /** Whether the sound is drawn as well. The cache keeps no drawings. */
  readonly sketch?: boolean | undefined;
  /** Whether the log-mel of each window is wanted as well. Nor has the cache any of that. */
  readonly levels?: boolean | undefined;
  /** Where results are kept; nothing is kept without it. */
  readonly cacheDir?: string | undefined;
  /** What they depend on beside file, lays, engine and precision: `computedBy`. */
  readonly computedBy?: string | undefined;
}

/** What computes. */
export type Computing = Required<Pick<Network, 'engine' | 'precision' | 'npu'>>;

/** One at a time: `start` before all others, `open` before `next`; whichever thread has decoded it may `hear`. */
export type HearRequest =
  /** Without `as` the thread chooses what computes. */
  | { readonly ask: 'start'; readonly setup: HearSetup; readonly as: Computing | undefined }
  | { readonly ask: 'open'; readonly sound: LaidFile }
  | { readonly ask: 'next' }
  | { readonly ask: 'hear'; readonly segments: readonly Segment[] }
  | { readonly ask: 'close' };

/** Answers `start`: what computes from now on; where it is not the NPU that was to, why not. */
export interface Started {
  readonly network: Computing;
  readonly fallback?:
    | { readonly code: ExitCode; readonly message: string; readonly hint: string }
    | undefined;
}

/** Answers `open`. */
export interface Opened {
  /** What the cache has of it. */
  readonly kept?: HeardLays | undefined;
  /** Where the result belongs. */
  readonly entry?: string | undefined;
}

/** Answers `next`: a piece of the file that is open. */
export interface Decoded {
  readonly segments: ReadonlyArray<{ readonly lay: number; readonly segment: Segment }>;
  /** Of the lays that ended with this. */
  readonly extents: ReadonlyArray<{ readonly lay: number; readonly extent: Extent }>;
  /** Whether this was all. */
  readonly done: boolean;
  readonly warnings: readonly string[];
}

/** Answers `hear`, segment by segment. */
export interface HeardSegments {
  readonly tables: readonly Table[];
  /** One for each table, where they are wanted. */
  readonly sketches: readonly Sketch[];
  /** The same: of each of its windows. */
  readonly levels: ReadonlyArray<readonly MelWindow[]>;
  /** The NPU has failed meanwhile: it is said once. */
  readonly started?: Started | undefined;
}
