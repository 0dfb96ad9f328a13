import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { SAMPLE_RATE_HZ } from '../constants.js';
import { ExitCode, UserError } from '../errors.js';
import { closed, Succession } from '../system/child.js';
import { endOf, hasEnded } from '../system/child-end.js';
import type { Clock, Logger, PcmChunk, Source } from '../types.js';
import { forkCapture, replyOf } from './capture.js';
import { type RawLayout, rawChunks } from './raw.js';

/** A microphone through PortAudio, in a process of its own (why: capture-child.ts). */
export class PortAudioSource implements Source {
  readonly live = true;
  readonly description: string;
  private readonly processes = new Succession();

  /**
   * @param device what `chooseDevice` understands, looked for at every open; undefined: the default one
   * @param channel the one that is heard, counted from 1; all of them, mixed, when left out
   * @param preferredRateHz asked for first; where the device refuses, its own rate and channels are taken
   */
  constructor(
    private readonly device: string | undefined,
    private readonly log: Logger,
    private readonly clock: Clock,
    private readonly channel?: number,
    private readonly preferredRateHz = SAMPLE_RATE_HZ,
  ) {
    this.description = `portaudio "${device ?? 'default'}"`;
  }

  /**
   * @throws UserError no input, where there is no such device; unavailable, where it does not open, naudiodon is
   *   missing, or the capture process breaks
   */
  async *chunks(signal: AbortSignal): AsyncGenerator<PcmChunk, void, void> {
    const needed = String(this.channel ?? 1);
    const refused = yield* this.capture([String(this.preferredRateHz), needed], signal);
    if (refused === undefined) return;
    this.log.info(
      { refused },
      `microphone does not open at ${this.preferredRateHz} Hz with ${needed} channels, trying its own rate`,
    );
    // A process that failed to open a device is of no more use, so this is a new one.
    const refusedAgain = yield* this.capture(this.channel ? ['own', needed] : [], signal);
    if (refusedAgain === undefined) return;
    throw new UserError(
      ExitCode.unavailable,
      `${this.description} cannot be opened: ${refusedAgain}`,
      'See that no other program holds the microphone and that this user may use it (group "audio").',
    );
  }

  /** Yields sound until `signal` aborts; returns why, where the device refuses this rate and these channels. */
  private async *capture(
    layout: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<PcmChunk, string | undefined, void> {
    if (signal.aborted) return undefined;
    this.processes.allow(this.description);
    const child = forkCapture(['capture', this.device ?? 'default', ...layout], this.log);
    try {
      const reply = await replyOf(child, signal);
      if (reply?.type === 'refused') return `"${reply.device}": ${reply.reason}`;
      if (reply?.type !== 'capturing') return undefined;
      const { device, sampleRateHz, channels } = reply;
      this.log.info({ device, sampleRateHz, channels, pid: child.pid }, 'microphone opened');
      const layout: RawLayout = { format: 's16le', sampleRateHz, channels, channel: this.channel ?? 'mix' };
      yield* rawChunks(soundOf(child), layout, this.clock, signal);
      if (signal.aborted) return undefined;
      await closed(child, 500);
      throw new UserError(
        ExitCode.unavailable,
        `${this.description} broke: the capture process ${hasEnded(child) ? `ended with ${endOf(child)}` : 'stopped sending sound'}`,
        'See what it said with log level "debug".',
      );
    } finally {
      await this.processes.end(child);
    }
  }
}

function soundOf(child: ChildProcess): Readable {
  return child.stdio[4] as Readable;
}
