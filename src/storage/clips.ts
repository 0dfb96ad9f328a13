import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SAMPLE_RATE_HZ } from '../constants.js';
import { messageOf } from '../errors.js';
import { CircularBuffer } from '../features/circular.js';
import type { AlarmStarted, Logger, PcmChunk, ScoredWindow } from '../types.js';
import { elapsedMs } from './age.js';

export interface ClipOptions {
  /** Off unless a person has switched it on. */
  readonly enabled: boolean;
  readonly beforeSeconds: number;
  readonly afterSeconds: number;
  readonly maxClips: number;
  readonly maxDays: number;
  /** Also keep clips in which someone speaks. */
  readonly speech: boolean;
  readonly speechLabels: readonly string[];
}

/** From this score on a window counts as speech, even where another class scores higher: better no clip than a word. */
const SPEECH_SCORE = 0.3;
/** How late a window may be scored, after the clip it decides of is complete: a hop, and what may wait before it. */
const LATE_SECONDS = 4;
const DAY_MS = 86_400_000;
const PRUNE_INTERVAL_MS = 6 * 3_600_000;

/**
 * A few seconds of sound around each alarm, for the person who has switched this on. Sound waits in memory and
 * is written for alarms only; a clip in which someone speaks is not, unless that too is wanted. So a clip waits
 * until all of it has been scored, and sound that nobody has listened to is not in it. Positions are those of the
 * stream, in samples, lost ones included.
 */
export class ClipRecorder {
  #ring: CircularBuffer;
  /** Where the ring begins: after the last gap. */
  #origin = 0;
  /** The clip that waits, and where it ends. */
  #pending: { readonly alarm: AlarmStarted; readonly end: number } | undefined;
  /** End of the last window, and of the last one with speech. */
  #scoredUntil = Number.NEGATIVE_INFINITY;
  #spokenUntil = Number.NEGATIVE_INFINITY;
  /** Clips of this run, oldest first, and when each was kept, monotonic: whatever the wall clock says, they are the newest. */
  readonly #own = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();
  #pruning: NodeJS.Timeout | undefined;

  /**
   * @param folder where clips are written, 0600
   * @param write makes a WAV file of samples at 16 kHz, as a whole or not at all
   */
  constructor(
    private readonly folder: string,
    private readonly options: ClipOptions,
    private readonly write: (path: string, samples: Float32Array) => Promise<unknown>,
    private readonly log: Logger,
  ) {
    this.#ring = this.#empty();
  }

  /** Removes what has become too old, now and from time to time. */
  start(): void {
    const prune = () => this.#prune(Date.now()).catch(() => {}); // no folder yet: nothing to remove
    void prune();
    this.#pruning = setInterval(prune, PRUNE_INTERVAL_MS).unref();
  }

  /** Takes every chunk, before it is analysed. */
  chunk({ samples }: PcmChunk): void {
    this.#ring.write(samples);
  }

  /** Takes every window, and writes the clip that waits once its end has been scored. */
  window({ scores, endSeconds }: ScoredWindow): void {
    this.#scoredUntil = samplesOf(endSeconds);
    if (this.options.speechLabels.some((label) => (scores[label] ?? 0) >= SPEECH_SCORE))
      this.#spokenUntil = this.#scoredUntil;
    if (this.#pending && this.#scoredUntil >= this.#pending.end) this.#flush();
  }

  alarm(alarm: AlarmStarted): void {
    this.#flush(); // two alarms at once are two clips
    this.#pending = { alarm, end: samplesOf(alarm.atSeconds + this.options.afterSeconds) };
  }

  /** Writes the clip that waits, with what has been scored of it. */
  #flush(): void {
    const pending = this.#pending;
    if (!pending) return;
    this.#pending = undefined;
    const { speech, beforeSeconds } = this.options;
    const position = this.#origin + this.#ring.end;
    const begin = Math.max(
      this.#origin,
      position - this.#ring.capacity,
      samplesOf(pending.alarm.atSeconds - beforeSeconds),
    );
    const end = Math.min(pending.end, position, speech ? position : this.#scoredUntil);
    if (end <= begin) return;
    if (!speech && this.#spokenUntil > begin) {
      this.log.info(
        { episodeId: pending.alarm.episodeId },
        'no clip is kept of this alarm: someone speaks in it',
      );
      return;
    }
    const samples = new Float32Array(end - begin);
    this.#ring.read(begin - this.#origin, samples.length, samples);
    this.#writing = this.#writing.then(() => this.#keep(pending.alarm, samples));
  }

  /** Resolves when all clips are written. */
  async stop(): Promise<void> {
    clearInterval(this.#pruning);
    this.#flush();
    await this.#writing;
  }

  #empty(): CircularBuffer {
    const { beforeSeconds, afterSeconds } = this.options;
    return new CircularBuffer(samplesOf(beforeSeconds + afterSeconds + LATE_SECONDS));
  }

  async #keep({ episodeId, label }: AlarmStarted, samples: Float32Array): Promise<void> {
    const name = `${episodeId}-${label.replaceAll(/[^\w-]+/g, '_')}.wav`;
    const clip = join(this.folder, name);
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await this.write(clip, samples);
      await chmod(clip, 0o600);
      this.#own.set(name, performance.now());
      await this.#prune(Date.now());
      this.log.info({ clip }, 'clip of the alarm kept');
    } catch (error) {
      this.log.warn({ clip, problem: messageOf(error) }, 'the clip of the alarm cannot be kept');
    }
  }

  /** Forgets what was heard before a gap. */
  gap(seconds: number): void {
    this.#flush();
    this.#origin += this.#ring.end + samplesOf(seconds);
    this.#ring = this.#empty();
  }

  /** Removes clips that are too many or too old. */
  async #prune(nowMs: number): Promise<void> {
    const clips = (await readdir(this.folder)).filter((name) => name.endsWith('.wav'));
    // Named after UUIDs v7, so sorted by the time of a clock that may have been set since.
    const earlier = clips.filter((name) => !this.#own.has(name)).sort();
    let kept = 0;
    for (const name of [...earlier, ...this.#own.keys()].reverse()) {
      if ((await this.#isOld(name, nowMs)) || ++kept > this.options.maxClips) {
        await rm(join(this.folder, name), { force: true });
        this.#own.delete(name);
      }
    }
  }

  /** Older than wanted, as far as its age can be believed. */
  async #isOld(name: string, nowMs: number): Promise<boolean> {
    const keptAtMs = this.#own.get(name);
    const ageMs =
      keptAtMs === undefined
        ? elapsedMs((await stat(join(this.folder, name))).mtimeMs, nowMs)
        : performance.now() - keptAtMs;
    return ageMs > this.options.maxDays * DAY_MS;
  }
}

function samplesOf(seconds: number): number {
  return Math.round(seconds * SAMPLE_RATE_HZ);
}
