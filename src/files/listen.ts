import { availableParallelism } from 'node:os';
import { SAMPLE_RATE_HZ } from '../constants.js';
import { UserError } from '../errors.js';
import type { NetworkOptions } from '../model/network.js';
import type { LaidFile } from '../training/lay.js';
import type { MelWindow } from '../types.js';
import { CACHE_MAX_BYTES, computedBy, type HeardLays, pruneCache, writeEntry } from './cache.js';
import type { File } from './file.js';
import type {
  Computing,
  Decoded,
  HeardSegments,
  HearRequest,
  HearSetup,
  Opened,
  Started,
} from './hear-protocol.js';
import { Schedule, type Step } from './schedule.js';
import { shared } from './shared.js';
import { Thread } from './threads.js';

/** A hundred times what the slowest machines take. */
const ANSWER_MS = 300_000;

export interface ListenOptions
  extends Omit<HearSetup, 'computedBy' | 'levels'>,
    Pick<NetworkOptions, 'onFallback'> {
  /** How many threads at most; as many as there are cores when left out. An NPU is one: it is asked by one. */
  readonly jobs?: number | undefined;
  /** The others begin when the first has heard for so long; when left out, for as long as it took to start. */
  readonly aloneMs?: number | undefined;
  /** Ends all threads at once; then the signal's reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** The engine hangs where a minute of sound takes it longer, or its start; five minutes when left out. */
  readonly answerMs?: number | undefined;
  /** A file goes on: so much of it has been heard, about. */
  readonly onProgress?: ((path: string, seconds: number) => void) | undefined;
  /** Told the log-mel of each window of a file, in its order and before the file is given; of a cached one none. */
  readonly onLevels?: ((sound: LaidFile, window: MelWindow) => void) | undefined;
}

/** A file that was heard, or why it cannot be. */
export type HeardFile<S extends LaidFile = LaidFile> =
  | {
      readonly sound: S;
      readonly lays: HeardLays;
      /** What computed it; where the NPU has failed meanwhile, what computes since. */
      readonly network: Computing;
      readonly warnings: readonly string[];
    }
  | { readonly sound: S; readonly error: UserError };

/**
 * Sends sound files through the model on all cores. What comes of them is the same for any number of threads, and in
 * the order of the files. One that cannot be read takes no other down.
 *
 * Files are opened only as the results are taken, and how much of them waits at a time has a bound (`Schedule`). No
 * thread outlives this, however it ends.
 *
 * @throws UserError where the engine cannot be loaded
 */
export async function* listenToFiles<S extends LaidFile>(
  sounds: Iterable<S>,
  {
    jobs = availableParallelism(),
    aloneMs,
    signal,
    answerMs = ANSWER_MS,
    onProgress = () => {},
    onLevels,
    onFallback,
    ...setup
  }: ListenOptions,
): AsyncGenerator<HeardFile<S>, void, void> {
  signal?.throwIfAborted();
  const schedule = new Schedule(sounds, jobs);
  const levels = onLevels !== undefined;
  const common = shared({ ...setup, levels, computedBy: setup.cacheDir && computedBy(setup) });
  const threads: Thread[] = [];
  let network: Computing | undefined;
  /** Some of what is being heard may be the NPU's, some not: none of it is kept. */
  let mixed = false;
  let failure: { readonly error: unknown } | undefined;
  const onWindows = (path: string, windows: number) =>
    onProgress(path, (windows * setup.hopSamples) / SAMPLE_RATE_HZ);
  const stop = () => schedule.end();
  signal?.addEventListener('abort', stop, { once: true });

  const onStarted = ({ network: now, fallback }: Started, startMs = 0) => {
    mixed ||= network !== undefined;
    network = now;
    if (fallback) onFallback?.(new UserError(fallback.code, fallback.message, fallback.hint));
    if (now.engine === 'neuron') return;
    othersBegin = setTimeout(() => {
      while (lanes.length < jobs) begin();
    }, aloneMs ?? startMs);
  };

  // The first thread chooses what computes. Others begin once it has, to compute in the same way; where it is an NPU,
  // they begin when that has failed. What the first has heard before another could have started needs no other.
  let othersBegin: NodeJS.Timeout | undefined;
  const lanes: Promise<void>[] = [];
  const begin = () =>
    lanes.push(
      lane().catch((error) => {
        failure ??= { error };
        schedule.end();
      }),
    );
  const lane = async () => {
    const beganMs = performance.now();
    let thread: Thread | undefined;
    let decoding: File<S> | undefined;
    for (let step = await schedule.step(decoding); step; step = await schedule.step(decoding)) {
      if (!thread) {
        thread = Thread.take('hear-thread');
        threads.push(thread);
        const request: HearRequest = { ask: 'start', setup: common, as: network };
        const started = await thread.ask<Started>(request, [], answerMs);
        if (!network) onStarted(started, performance.now() - beganMs);
      }
      decoding = await take(step, thread, decoding, schedule, { answerMs, onWindows, onLevels, onStarted });
      schedule.changed();
    }
  };
  begin();

  try {
    for (let file = await schedule.next(); file; file = await schedule.next()) {
      const { sound, error, warnings } = file;
      if (error) yield { sound, error };
      else {
        // What a damaged file is warned of must be said again the next time.
        if (file.entry && warnings.length === 0 && !mixed) await writeEntry(file.entry, file.heard);
        yield { sound, lays: file.heard, network: network!, warnings };
      }
    }
    signal?.throwIfAborted();
    if (failure) throw failure.error;
    if (network?.engine === 'neuron')
      await threads[0]!.ask({ ask: 'close' } satisfies HearRequest, [], answerMs); // lets it go
    if (setup.cacheDir) await pruneCache(setup.cacheDir, CACHE_MAX_BYTES);
  } finally {
    clearTimeout(othersBegin);
    signal?.removeEventListener('abort', stop);
    schedule.end();
    await Promise.all(threads.map((thread) => thread.end()));
    await Promise.all(lanes);
  }
}

interface TakeOptions {
  readonly answerMs: number;
  onWindows(path: string, windows: number): void;
  readonly onLevels: ListenOptions['onLevels'];
  onStarted(started: Started): void;
}

/**
 * Does one step.
 *
 * @returns the file that the thread decodes from now on
 */
async function take<S extends LaidFile>(
  step: Step<S>,
  thread: Thread,
  decoding: File<S> | undefined,
  schedule: Schedule<S>,
  { answerMs, onWindows, onLevels, onStarted }: TakeOptions,
): Promise<File<S> | undefined> {
  const { file } = step.do === 'hear' ? step.task : step;
  const ask = <T>(request: HearRequest) => thread.ask<T>(request);
  try {
    if (step.do === 'hear') {
      const segments = step.task.segments.map(({ segment }) => segment);
      const request: HearRequest = { ask: 'hear', segments };
      const memory = segments.map(({ samples }) => samples.buffer);
      const { started, ...heard } = await thread.ask<HeardSegments>(request, memory, answerMs);
      if (started) onStarted(started);
      file.put(step.task, heard);
      for (const windows of file.levels.take()) for (const window of windows) onLevels?.(file.sound, window);
      onWindows(file.sound.path, file.windowsHeard);
      return decoding;
    }
    if (step.do === 'open') {
      const { kept, entry } = await ask<Opened>({ ask: 'open', sound: file.sound });
      file.entry = entry;
      if (!kept) return file;
      file.keep(kept);
      return undefined;
    }
    const decoded = await ask<Decoded>({ ask: 'next' });
    schedule.add({ file, segments: file.take(decoded) });
    return decoded.done ? undefined : file;
  } catch (error) {
    if (!(error instanceof UserError) || thread.broken) throw error;
    file.error ??= error;
    return step.do === 'hear' ? decoding : undefined;
  }
}
