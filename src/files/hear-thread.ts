/**
 * A thread that decodes files and hears segments of sound, its own or those that another thread has decoded.
 */
import { MEL_BANDS, SAMPLE_RATE_HZ, STFT_HOP_SAMPLES } from '../constants.js';
import type { UserError } from '../errors.js';
import { type Extent, type LaidFile, laid } from '../training/lay.js';
import type { MelWindow } from '../types.js';
import { entryOf, readEntry } from './cache.js';
import { createEar, type Ear, memoryOf } from './ear.js';
import type {
  Computing,
  Decoded,
  HeardSegments,
  HearRequest,
  HearSetup,
  Opened,
  Started,
} from './hear-protocol.js';
import { SEGMENT_SECONDS, type Segment, segmentsOf, windowsOf } from './segments.js';
import { type Sketch, Sketcher } from './sketch.js';
import { soundOf } from './sound.js';
import type { Table } from './table.js';
import { answer, stopping } from './threads.js';

/** How many windows the network gets at once: more gain nothing, and take memory. */
const BATCH = 16;

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

async function open(sound: LaidFile): Promise<Opened> {
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

async function* piecesOf({ path, lays }: LaidFile, warnings: string[]): AsyncGenerator<Piece, void, void> {
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
