import { PassThrough, type Readable } from 'node:stream';
import { ExitCode, messageOf, UserError } from '../errors.js';
import type { Clock, PcmChunk, Source } from '../types.js';
import { frameBytes, type RawLayout, rawChunks } from './raw.js';

/** How many bytes were taken of a stream: after a reload it goes on, maybe within a frame. */
const taken = new WeakMap<Readable, number>();

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
    const { input, layout, clock } = this;
    const before = taken.get(input) ?? 0;
    const count = (bytes: Buffer) => taken.set(input, (taken.get(input) ?? 0) + bytes.length);
    const fail = (error: Error) => sound.destroy(error);
    // This ends with the listening, and stdin does not.
    const sound = new PassThrough();
    sound.write(Buffer.alloc(before % frameBytes(layout)));
    input.on('data', count).once('error', fail).pipe(sound);
    try {
      yield* rawChunks(sound, layout, clock, signal);
    } catch (error) {
      throw new UserError(
        ExitCode.noInput,
        `stdin broke: ${messageOf(error)}`,
        'See what writes into it, and that it goes on until it is ended.',
      );
    } finally {
      input.off('data', count).off('error', fail).unpipe(sound);
    }
  }
}
