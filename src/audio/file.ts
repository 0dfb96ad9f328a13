import { SAMPLE_RATE_HZ } from '../constants.js';
import type { Clock, Logger, PcmChunk, Source } from '../types.js';
import { decodeFile } from './decode.js';
import { wait } from './wait.js';

export interface FileOptions {
  readonly path: string;
  /** 1 plays in real time, 10 ten times as fast, `Infinity` as fast as it is read. */
  readonly speed: number;
  /** Starts again at the end, for ever, without a gap. */
  readonly loop: boolean;
  /** The one that is heard, counted from 1; all of them, mixed, when left out. */
  readonly channel?: number | undefined;
}

/** An audio file, played like a microphone or read as fast as possible, and never with a loss. */
export class FileSource implements Source {
  readonly live = false;
  readonly description: string;

  constructor(
    private readonly options: FileOptions,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    this.description = `file ${options.path}`;
  }

  /** @throws UserError as `decodeFile` */
  async *chunks(signal: AbortSignal): AsyncGenerator<PcmChunk, void, void> {
    const { path, speed, loop, channel } = this.options;
    const startMs = this.clock.now();
    let played = 0;
    let warned = false;
    const warn = (message: string) => {
      if (!warned) this.log.warn({}, message); // once, not in every round
      warned = true;
    };
    do {
      for await (const samples of decodeFile(path, warn, channel)) {
        played += samples.length;
        // Like a microphone, it hands a chunk over when the last sample has sounded. Counted from the start: no drift.
        const dueMs = startMs + (played * 1000) / SAMPLE_RATE_HZ / speed;
        if (dueMs > this.clock.now()) await wait(this.clock, dueMs - this.clock.now(), signal);
        if (signal.aborted) return;
        yield { samples, capturedAtMs: this.clock.wallMs(), speed };
      }
    } while (loop);
  }
}
