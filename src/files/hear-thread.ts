/**
 * A thread that decodes files and hears segments of sound, its own or those that another thread has decoded.
 */
import { MEL_BANDS, SAMPLE_RATE_HZ, STFT_HOP_SAMPLES } from '../constants.js';
import type { ExitCode, UserError } from '../errors.js';
import type { Network } from '../model/network.js';
import { type Extent, type Lay, laid } from '../training/lay.js';
import type { Surroundings } from '../training/life.js';
import type { MelWindow } from '../types.js';
import { entryOf, type HeardLays, readEntry } from './cache.js';
import { createEar, type Ear, type EarOptions, memoryOf } from './ear.js';
import { SEGMENT_SECONDS, type Segment, segmentsOf, windowsOf } from './segments.js';
import { type Sketch, Sketcher } from './sketch.js';
import { soundOf } from './sound.js';
import type { Table } from './table.js';
import { answer, stopping } from './threads.js';

/** How many windows the network gets at once: more gain nothing, and take memory. */
const BATCH = 16;

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

/** A file, and in what ways it is to be heard. */
export interface Sound {
  readonly path: string;
  readonly lays: readonly Lay[];
}

/** What computes. */
export type Computing = Required<Pick<Network, 'engine' | 'precision' | 'npu'>>;

/** What computes from now on; where it is not the NPU that was to, why not. */
export interface Started {
  readonly network: Computing;
  readonly fallback?:
    | { readonly code: ExitCode; readonly message: string; readonly hint: string }
    | undefined;
}

export interface HeardSegments {
  readonly tables: readonly Table[];
  /** One for each table, where they are wanted. */
  readonly sketches: readonly Sketch[];
  /** The same: of each of its windows. */
  readonly levels: ReadonlyArray<readonly MelWindow[]>;
  /** The NPU has failed meanwhile: it is said once. */
  readonly started?: Started | undefined;
}

/** One at a time: `start` before all others, `open` before `next`; whichever thread has decoded it may `hear`. */
export type HearRequest =
  /** Without `as` the thread chooses what computes. */
  | { readonly ask: 'start'; readonly setup: HearSetup; readonly as: Computing | undefined }
  | { readonly ask: 'open'; readonly sound: Sound }
  | { readonly ask: 'next' }
  | { readonly ask: 'hear'; readonly segments: readonly Segment[] }
  | { readonly ask: 'close' };

export interface Opened {
  /** What the cache has of it. */
  readonly kept?: HeardLays | undefined;
  /** Where the result belongs. */
  readonly entry?: string | undefined;
}

export interface Decoded {
  readonly segments: ReadonlyArray<{ readonly lay: number; readonly segment: Segment }>;
  /** Of the lays that ended with this. */
  readonly extents: ReadonlyArray<{ readonly lay: number; readonly extent: Extent }>;
  /** Whether this was all. */
  readonly done: boolean;
  readonly warnings: readonly string[];
}

let setup: HearSetup;
let ear: Ear;
let decoding: Decoding | undefined;
let fallback: Started['fallback'];

answer(async (request: HearRequest) => {
  switch (request.ask) {
    case 'start':
      setup = request.setup;
      return { value: await start(request.as) };
    case 'open':
      return { value: await open(request.sound) };
    case 'next': {
      const decoded = await next();
      return { value: decoded, transfer: decoded.segments.map(({ segment }) => segment.samples.buffer) };
    }
    case 'hear': {
      const tables: Table[] = [];
      const sketches: Sketch[] = [];
      const levels: MelWindow[][] = [];
      for (const segment of request.segments) {
        const sketcher = setup.sketch ? new Sketcher(segment, setup.hopSamples, ear.melRange) : undefined;
        const kept: MelWindow[] | undefined = setup.levels ? [] : undefined;
        tables.push(await hear(segment, sketcher, kept));
        if (sketcher) sketches.push(sketcher.sketch);
        if (kept) levels.push(kept);
      }
      const value: HeardSegments = { tables, sketches, levels, started: fallback && started() };
      return {
        value,
        transfer: [
          ...tables.flatMap(({ levels, values }) => [levels.buffer, values.buffer]),
          ...sketches.flatMap(({ low, high, mel }) => [low.buffer, high.buffer, mel.buffer]),
          ...levels.flat().map(({ mel }) => mel.buffer as ArrayBuffer),
        ],
      };
    }
    case 'close':
      await ear.close();
      return { value: undefined };
  }
});

async function start(as: Computing | undefined): Promise<Started> {
  const { engine, precision } = as ?? {};
  ear = await createEar({
    ...setup,
    ...(engine && { engine }),
    ...(precision && precision !== 'float16' && { precision }),
    onFallback({ code, message, hint }: UserError) {
      fallback = { code, message, hint };
    },
  });
  return started();
}

function started(): Started {
  const { engine, precision, npu = false } = ear.network;
  const said = fallback;
  fallback = undefined;
  return { network: { engine, precision, npu }, fallback: said };
}

type Piece = { readonly lay: number } & ({ readonly segment: Segment } | { readonly extent: Extent });

interface Decoding {
  readonly pieces: AsyncGenerator<Piece, void, void>;
  readonly warnings: string[];
  /** One piece ahead, to know which is the last. */
  ahead: IteratorResult<Piece, void>;
}

async function open(sound: Sound): Promise<Opened> {
  await decoding?.pieces.return(); // a file that was given up
  decoding = undefined;
  const { path, lays } = sound;
  const { cacheDir, computedBy } = setup;
  // A lay that needs no file has none whose content could name the entry: `entryOf` finds nothing to read.
  const { engine, precision } = ear.network;
  const entry =
    cacheDir &&
    (await entryOf(cacheDir, path, `${engine},${precision},${computedBy},${JSON.stringify(lays)}`));
  const kept = entry ? await readEntry(entry) : undefined;
  if (kept) return { kept };
  const warnings: string[] = [];
  const pieces = piecesOf(sound, warnings);
  decoding = { pieces, warnings, ahead: await pieces.next() };
  return { entry: entry || undefined };
}

async function* piecesOf({ path, lays }: Sound, warnings: string[]): AsyncGenerator<Piece, void, void> {
  const sound = soundOf(path, lays.length > 1, (message) => void warnings.push(message));
  const cut = { ...setup, memorySamples: memoryOf(setup) };
  for (const [lay, how] of lays.entries()) {
    let extent: Extent | undefined;
    const blocks = async function* () {
      extent = yield* laid(sound, how, setup);
    };
    for await (const segment of segmentsOf(blocks(), cut)) yield { lay, segment };
    if (extent) yield { lay, extent };
  }
}

async function next(): Promise<Decoded> {
  if (!decoding) throw new Error('no file is open');
  const { pieces, warnings } = decoding;
  // In pieces of at least so much sound, so that a short file is one piece.
  const pieceSamples = ((setup.segmentSeconds ?? SEGMENT_SECONDS) / 2) * SAMPLE_RATE_HZ;
  const segments: { lay: number; segment: Segment }[] = [];
  const extents: { lay: number; extent: Extent }[] = [];
  for (let samples = 0; samples < pieceSamples; ) {
    const { value } = decoding.ahead;
    if (!value) break;
    if ('extent' in value) extents.push(value);
    else {
      segments.push(value);
      samples += value.segment.samples.length;
    }
    decoding.ahead = await pieces.next();
  }
  const done = decoding.ahead.done ?? false;
  if (done) decoding = undefined;
  return { segments, extents, done, warnings: done ? warnings : [] };
}

/** @param kept gets of the log-mel of each window what the one before has not */
async function hear(
  segment: Segment,
  sketcher: Sketcher | undefined,
  kept: MelWindow[] | undefined,
): Promise<Table> {
  const count = segment.windows - segment.before;
  const levels = new Float64Array(2 * count);
  const values = new Float32Array(count * ear.width);
  ear.forget();
  const added = Math.ceil(setup.hopSamples / STFT_HOP_SAMPLES) * MEL_BANDS;
  const windows = [...windowsOf(segment, setup.hopSamples)];
  for (let from = 0; from < windows.length; from += BATCH) {
    stopping.throwIfAborted();
    await ear.hear(windows.slice(from, from + BATCH), (i, rms, peak, row, window) => {
      sketcher?.window(from + i, window.mel);
      const at = from + i - segment.before;
      if (at < 0) return;
      kept?.push({ ...window, mel: window.mel.slice(window.startSample > 0 ? -added : 0) });
      levels.set([rms, peak], 2 * at);
      values.set(row, at * ear.width);
    });
  }
  return { count, levels, values };
}
