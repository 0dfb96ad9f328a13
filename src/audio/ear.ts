import { SAMPLE_RATE_HZ } from '../constants.js';
import { ExitCode, UserError } from '../errors.js';
import type { Source } from '../types.js';

/** There is no more sound: the source has ended, or the listening was aborted. */
export class EndOfSound extends Error {}

/** Takes stretches of any length out of a source. Opens it with the first; does not open it again when it breaks. */
export class Ear {
  private readonly chunks: AsyncGenerator<Float32Array, void, void>;
  private rest: Float32Array = new Float32Array(0);

  /**
   * @param timeoutSeconds so long without sound, and the source counts as broken
   * @param firstSeconds so long it may take to its first sound
   */
  constructor(source: Source, timeoutSeconds: number, signal: AbortSignal, firstSeconds = timeoutSeconds) {
    this.chunks = listen(source, timeoutSeconds, Math.max(timeoutSeconds, firstSeconds), signal);
  }

  /**
   * What comes next, at most 0.1 s.
   *
   * @throws EndOfSound; UserError as the source, and no input where nothing comes
   */
  async next(): Promise<Float32Array> {
    if (this.rest.length > 0) return this.take(this.rest.length);
    const { value } = await this.chunks.next();
    if (!value) throw new EndOfSound('there is no more sound');
    return value;
  }

  /**
   * So much of what comes next.
   *
   * @param onSound sees it piece by piece, with the seconds that are left
   * @throws as `next`
   */
  async hear(
    seconds: number,
    onSound: (sound: Float32Array, secondsLeft: number) => void,
  ): Promise<Float32Array> {
    const heard = new Float32Array(Math.round(seconds * SAMPLE_RATE_HZ));
    for (let at = 0; at < heard.length; ) {
      this.rest = await this.next();
      const piece = this.take(heard.length - at);
      heard.set(piece, at);
      at += piece.length;
      onSound(piece, (heard.length - at) / SAMPLE_RATE_HZ);
    }
    return heard;
  }

  /** Closes the source. */
  async close(): Promise<void> {
    await this.chunks.return();
  }

  private take(count: number): Float32Array {
    const taken = this.rest.subarray(0, count);
    this.rest = this.rest.subarray(count);
    return taken;
  }
}

/** The source's sound, watched over by a timer that keeps the process alive, as nothing else may. */
async function* listen(
  source: Source,
  timeoutSeconds: number,
  firstSeconds: number,
  signal: AbortSignal,
): AsyncGenerator<Float32Array, void, void> {
  const listening = new AbortController();
  const stop = () => listening.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  let seconds = firstSeconds;
  let watchdog = setTimeout(stop, seconds * 1000);
  try {
    for await (const { samples } of source.chunks(listening.signal)) {
      clearTimeout(watchdog);
      seconds = timeoutSeconds;
      watchdog = setTimeout(stop, seconds * 1000);
      yield samples;
    }
    if (listening.signal.aborted && !signal.aborted)
      throw new UserError(
        ExitCode.noInput,
        `no sound from ${source.description} for ${seconds} s`,
        'Check that it is plugged in and free, or choose another: bathnet2mqtt devices',
      );
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener('abort', stop);
  }
}
