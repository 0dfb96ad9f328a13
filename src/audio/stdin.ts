import type { Readable } from 'node:stream';
import { ExitCode, messageOf, UserError } from '../errors.js';
import type { Clock, PcmChunk, Source } from '../types.js';
import { type RawLayout, rawChunks } from './raw.js';

/** Raw PCM on stdin; it waits for us, and ends the run where it ends. */
export class StdinSource implements Source {
  readonly live = false;
  readonly description = 'stdin';

  constructor(
    private readonly layout: RawLayout,
    private readonly clock: Clock,
    private readonly input: Readable & { isTTY?: boolean } = process.stdin,
  ) {}

  /** @throws UserError no input, where stdin is a terminal or breaks */
  async *chunks(signal: AbortSignal): AsyncGenerator<PcmChunk, void, void> {
    if (this.input.isTTY)
      throw new UserError(
        ExitCode.noInput,
        'stdin is a terminal, not a stream of sound',
        'Pipe raw PCM into it: arecord -q -t raw -f S16_LE -r 16000 -c 1 | bathnet2mqtt run --source stdin',
      );
    try {
      yield* rawChunks(this.input, this.layout, this.clock, signal);
    } catch (error) {
      throw new UserError(
        ExitCode.noInput,
        `stdin broke: ${messageOf(error)}`,
        'See what writes into it, and that it goes on until it is ended.',
      );
    }
  }
}
