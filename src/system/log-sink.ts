import type { Writable } from 'node:stream';

/** So much may wait for its reader: a few hundred lines. */
const MOST_WAITING_BYTES = 2 ** 18;

/** Node's own handle of a terminal or pipe, which it lets block. */
interface Blockable {
  readonly _handle?: { setBlocking?(blocking: boolean): number };
}

/** Its reader is gone: no reason to stop. */
const ignore = () => {};

/**
 * Takes lines for a stream whose reader may stall, as a paused terminal or a stopped log collector does: what the
 * stream cannot take is dropped and counted, and the count is said once there is room again.
 */
export class LogSink {
  #dropped = 0;

  /** @param describe the line that says how many were dropped */
  constructor(
    private readonly stream: Writable,
    private readonly describe: (dropped: number) => string,
  ) {
    stream.off('error', ignore).on('error', ignore); // once, however many logs there are in a run
    // Node writes to a terminal synchronously; nothing else lets it do otherwise.
    (stream as Blockable)._handle?.setBlocking?.(false);
  }

  write(line: string): void {
    if (this.stream.writableLength > MOST_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) this.stream.write(this.describe(this.#dropped));
    this.#dropped = 0;
    this.stream.write(line);
  }
}
