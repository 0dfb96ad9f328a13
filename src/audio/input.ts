import { SAMPLE_RATE_HZ } from '../constants.js';
import { kindOf, messageOf, UserError } from '../errors.js';
import { deadline } from '../system/within.js';
import type { Clock, Logger, PcmChunk, Source } from '../types.js';
import { wait } from './wait.js';

export interface InputOptions {
  /** So long without a chunk, and the input counts as lost. */
  readonly noDataTimeoutSeconds: number;
  /** So long a source may take from being opened to its first chunk; as long as between any two when left out. */
  readonly firstSoundTimeoutSeconds?: number;
  /** Pause before the first (BACKOFF_MIN_SECONDS) and the longest before any further try to open a live source again. */
  readonly backoffMinSeconds?: number;
  readonly backoffMaxSeconds?: number;
}

export interface InputHandlers {
  /** A source that is not live waits for the promise; a live one does not wait for anybody. */
  onChunk(chunk: PcmChunk): void | Promise<void>;
  /** Sound arrives (again). @param gapSeconds for how long it was lost, 0 where none was */
  onOnline(gapSeconds: number): void;
  /** No more sound, called once until the next `onOnline`. @param reason for people */
  onOffline(reason: string): void;
}

/** Pause before the first try to open a live source again; it doubles from try to try. */
export const BACKOFF_MIN_SECONDS = 0.5;
/** A source that has given sound for so long has recovered: the back-off starts anew. */
const RECOVERED_SECONDS = 10;
/** How often a fault that stays the same is logged. */
const REPEAT_LOG_MS = 600_000;

/**
 * Watches over a source. A live one is opened again for ever, with back-off, when it ends, breaks or falls
 * silent; one that is not is read once, each chunk awaited, and its error is the caller's.
 */
export class Input {
  /**
   * Resolves when a source that is not live has ended, or after `stop()`. Rejects with the UserError of a source
   * that is not live, and with whatever a handler throws.
   */
  readonly done: Promise<void>;
  private readonly stopping = new AbortController();
  private settle: (result: Promise<void>) => void = () => {};
  private running: Promise<void> | undefined;
  private state: 'new' | 'online' | 'offline' = 'new';
  private lastChunkMs: number | undefined;
  private arrivedSamples = 0;
  /** The kind of fault that was logged last. */
  private logged = { kind: '', atMs: 0 };

  constructor(
    private readonly source: Source,
    private readonly options: InputOptions,
    private readonly handlers: InputHandlers,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.done = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  start(): void {
    this.running ??= this.run();
    this.settle(this.running);
  }

  /** Closes the source and resolves when it is closed; no handler is called from then on. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.running ??= Promise.resolve();
    this.settle(this.running);
    await this.running.catch(() => {});
  }

  /** How much sound has arrived. */
  get samples(): number {
    return this.arrivedSamples;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    // The clock's timers keep no process alive, and between two tries nothing else might.
    const alive = setInterval(() => {}, 2 ** 30);
    try {
      const chunks = this.source.live
        ? this.reopening(signal)
        : this.watched(signal, (why) => this.goOffline(why));
      for await (const chunk of chunks) {
        if (signal.aborted) return;
        this.arrived(chunk);
        await unlessAborted(this.handlers.onChunk(chunk), signal);
      }
    } finally {
      clearInterval(alive);
    }
  }

  /** The sound of a live source, over all its faults. */
  private async *reopening(signal: AbortSignal): AsyncGenerator<PcmChunk, void, void> {
    const { backoffMinSeconds = BACKOFF_MIN_SECONDS, backoffMaxSeconds = 30 } = this.options;
    let backoff = backoffMinSeconds;
    while (!signal.aborted) {
      const attempt = new AbortController();
      const abort = () => attempt.abort();
      signal.addEventListener('abort', abort);
      const samplesBefore = this.arrivedSamples;
      let fault: unknown = `${this.source.description} ended`;
      try {
        yield* this.watched(attempt.signal, (why) => {
          fault = why;
          attempt.abort();
        });
      } catch (error) {
        fault = error;
      } finally {
        signal.removeEventListener('abort', abort);
      }
      if (signal.aborted) return;
      this.report(fault);
      this.goOffline(messageOf(fault));
      if (this.arrivedSamples - samplesBefore >= RECOVERED_SECONDS * SAMPLE_RATE_HZ)
        backoff = backoffMinSeconds;
      // Half of it by chance, so that many that wait for one server do not come back at once.
      await wait(this.clock, backoff * 1000 * (0.5 + Math.random() / 2), signal);
      backoff = Math.min(backoffMaxSeconds, backoff * 2);
    }
  }

  /** The source's chunks; `onSilence` is told when one does not come in time. */
  private async *watched(
    signal: AbortSignal,
    onSilence: (why: string) => void,
  ): AsyncGenerator<PcmChunk, void, void> {
    const { noDataTimeoutSeconds, firstSoundTimeoutSeconds = noDataTimeoutSeconds } = this.options;
    const watch = (seconds: number) =>
      deadline(this.clock, seconds * 1000, () =>
        onSilence(`no sound from ${this.source.description} for ${seconds} s`),
      );
    // A camera's stream or a sound server may take a while to begin; ended sooner it would never begin at all.
    let unwatch = watch(Math.max(noDataTimeoutSeconds, firstSoundTimeoutSeconds));
    try {
      for await (const chunk of this.source.chunks(signal)) {
        unwatch();
        yield chunk;
        unwatch = watch(noDataTimeoutSeconds);
      }
    } finally {
      unwatch();
    }
  }

  private arrived(chunk: PcmChunk): void {
    const nowMs = this.clock.now();
    if (this.state !== 'online') {
      this.state = 'online';
      this.logged = { kind: '', atMs: 0 };
      // What is not live has waited for us: nothing is lost.
      const lostSince = this.source.live ? this.lastChunkMs : undefined;
      this.handlers.onOnline(lostSince === undefined ? 0 : (nowMs - lostSince) / 1000);
    }
    this.lastChunkMs = nowMs;
    this.arrivedSamples += chunk.samples.length;
  }

  private goOffline(reason: string): void {
    if (this.state === 'offline') return;
    this.state = 'offline';
    this.handlers.onOffline(reason);
  }

  private report(fault: unknown): void {
    const reason = messageOf(fault);
    const nowMs = this.clock.now();
    const kind = kindOf(reason);
    if (kind === this.logged.kind && nowMs - this.logged.atMs < REPEAT_LOG_MS) return;
    this.logged = { kind, atMs: nowMs };
    this.log.warn({ hint: fault instanceof UserError ? fault.hint : undefined }, `${reason}; trying again`);
  }
}

/** Waits for a handler, but no longer than until `signal` aborts: one that hangs must not hold a stop. */
function unlessAborted(handled: void | Promise<void>, signal: AbortSignal): void | Promise<void> {
  if (!handled) return;
  return new Promise((resolve, reject) => {
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    handled.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
