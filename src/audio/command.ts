import { spawn } from 'node:child_process';
import { ExitCode, UserError } from '../errors.js';
import { closed, readLines, Succession } from '../system/child.js';
import { endOf, hasEnded } from '../system/child-end.js';
import type { Clock, Logger, PcmChunk, Source } from '../types.js';
import { type RawLayout, rawChunks } from './raw.js';

/** Lines of a command's stderr that go into the error message. */
const SHOWN_LINES = 3;
/** How long after its last sound a command may take to say how it ended. */
const EXIT_MS = 1_000;

/** Any command line that writes raw PCM to its stdout: `arecord`, `parec`, `ffmpeg`. */
export class CommandSource implements Source {
  readonly live = true;
  readonly description: string;
  private readonly processes = new Succession();

  constructor(
    private readonly command: string,
    private readonly layout: RawLayout,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    this.description = `command "${withoutPasswords(command)}"`;
  }

  /**
   * Runs the command in a process group of its own, so that all of it can be ended (and Ctrl-C ends only us).
   *
   * @throws UserError unavailable, with the last lines of stderr, where the command fails
   */
  async *chunks(signal: AbortSignal): AsyncGenerator<PcmChunk, void, void> {
    if (signal.aborted) return;
    this.processes.allow(this.description);
    const child = spawn('/bin/sh', ['-c', this.command], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const failedToStart = new Promise<Error>((resolve) => child.once('error', resolve));
    const lines: string[] = [];
    readLines(child.stderr, (line) => {
      lines.push(withoutPasswords(line));
      if (lines.length > SHOWN_LINES) lines.shift();
      this.log.debug({ source: 'command' }, withoutPasswords(line));
    });
    try {
      if (child.pid === undefined) throw this.failure((await failedToStart).message);
      yield* rawChunks(child.stdout, this.layout, this.clock, signal);
      if (signal.aborted) return;
      await closed(child, EXIT_MS);
      // One that closes its stdout and goes on is ended below; that is no failure.
      if (!hasEnded(child) || child.exitCode === 0) return;
      throw this.failure([endOf(child), ...lines].join(': '));
    } finally {
      await this.processes.end(child);
    }
  }

  private failure(reason: string): UserError {
    return new UserError(
      ExitCode.unavailable,
      `${this.description} failed: ${reason}`,
      'Run it in a shell: it has to write raw PCM to its stdout and to go on until it is ended.',
    );
  }
}

/** `rtsp://user:secret@camera/1?token=secret` → `rtsp://user:***@camera/1?token=***` */
function withoutPasswords(text: string): string {
  return text
    .replace(/(:\/\/[^\s:/@]*:)\S+@/g, '$1***@')
    .replace(/([?&](?:pass(?:word)?|pwd|token|key)=)[^\s&]+/gi, '$1***');
}
