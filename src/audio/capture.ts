import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ExitCode, UserError } from '../errors.js';
import { readLines } from '../system/child.js';
import { endOf } from '../system/child-end.js';
import type { Logger } from '../types.js';
import type { CaptureReply } from './capture-child.js';

/** The compiled child; a test runner that runs this file uncompiled finds it in dist/. */
const CHILD = ['./capture-child.js', '../../dist/audio/capture-child.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find(existsSync);

/** Starts the process that talks to PortAudio; end it with `endGroup`. */
export function forkCapture(args: readonly string[], log: Logger): ChildProcess {
  if (CHILD === undefined) throw new Error('dist/audio/capture-child.js is missing: npm run build');
  const child = fork(CHILD, args, {
    // Where naudiodon's crash handler may leave its crash.log.
    cwd: tmpdir(),
    // A group of its own: Ctrl-C in a terminal must end the daemon first.
    detached: true,
    // A small heap is all it needs; the daemon's own flags are not for it.
    execArgv: ['--max-semi-space-size=1', '--max-old-space-size=64'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    readLines(stream, (line) => log.debug({ source: 'portaudio' }, line));
  return child;
}

/**
 * The child's reply; undefined when `signal` aborts before it comes.
 *
 * @throws UserError unavailable, where naudiodon is missing or the process ended without a reply;
 *   the child's own where no device fits
 */
export async function replyOf(child: ChildProcess, signal: AbortSignal): Promise<CaptureReply | undefined> {
  let abort = () => {};
  const reply = await new Promise<CaptureReply | Error | undefined>((resolve) => {
    abort = () => resolve(undefined);
    child.once('message', (message) => resolve(message as CaptureReply));
    child.once('error', resolve);
    child.once('exit', () => resolve(new Error(endOf(child))));
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  });
  signal.removeEventListener('abort', abort);
  if (reply instanceof Error)
    throw new UserError(
      ExitCode.unavailable,
      `the capture process ended at once: ${reply.message}`,
      'See what it said with log level "debug"; try another source: command:arecord …',
    );
  if (reply?.type === 'failed') throw new UserError(reply.code, reply.message, reply.hint);
  if (reply?.type === 'missing')
    throw new UserError(
      ExitCode.unavailable,
      `the package naudiodon, which reads microphones, ${reply.installed ? 'does not load' : 'is not there'}: ${reply.reason}`,
      `${reply.installed ? 'Build it again where bathnet2mqtt is installed: `CXXFLAGS="-include string" npm rebuild naudiodon segfault-handler`' : 'Install it with `CXXFLAGS="-include string" npm install naudiodon`'} (needs python3, make and g++, whose version 14 must be told of a header; on arm64 see the README), or use another source: command:"arecord -q -t raw -f S16_LE -r 16000 -c 1", a file or stdin.`,
    );
  return reply;
}
