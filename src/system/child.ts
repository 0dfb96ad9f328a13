import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode, UserError } from '../errors.js';
import { hasEnded } from './child-end.js';

/** How long a process may take to end before it is killed. The operating system's time, so no injected clock. */
const GRACE_MS = 2_000;
/** So many that cannot be ended are left behind at most. */
const MOST_LEFT = 3;

/**
 * Ends the process group of a child that was started `detached` – itself and all it has started – with SIGTERM,
 * and what has not closed its pipes after 2 s with SIGKILL. Resolves when the child is gone, or after another 2 s: what
 * hangs in a driver even SIGKILL does not end.
 */
export async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  signalGroup(child.pid, 'SIGTERM');
  await closed(child, GRACE_MS);
  // Whether processes are left cannot be asked: where nobody reaps orphans, as in many containers, they stay visible.
  signalGroup(child.pid, 'SIGKILL');
  await closed(child, GRACE_MS);
  // What is left must not keep our ends of its pipes open.
  for (const stream of child.stdio) stream?.destroy();
  if (child.connected) child.disconnect();
}

/**
 * Ends the processes of one who starts another after each, for ever, and counts those that cannot be ended: each keeps
 * its memory, and a device that hangs in its driver would fill that of the machine.
 */
export class Succession {
  readonly #left = new Set<ChildProcess>();

  /** @throws UserError unavailable, where too many are left */
  allow(description: string): void {
    if (this.#left.size < MOST_LEFT) return;
    throw new UserError(
      ExitCode.unavailable,
      `${description} is not opened: ${this.#left.size} processes that had it open cannot be ended`,
      'They hang in its driver: plug it in again, or restart the machine.',
    );
  }

  /** As `endGroup`. */
  async end(child: ChildProcess): Promise<void> {
    await endGroup(child);
    if (child.pid === undefined || hasEnded(child)) return;
    this.#left.add(child);
    child.once('exit', () => this.#left.delete(child));
  }
}

/** Waits until the child has ended and nobody holds its pipes any more, but no longer than `ms`. */
export async function closed(child: ChildProcess, ms: number): Promise<void> {
  if (hasEnded(child) && child.stdio.every((stream) => !stream || stream.destroyed)) return;
  const timeout = new AbortController();
  const close = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await Promise.race([close, sleep(ms, undefined, { signal: timeout.signal }).catch(() => {})]);
  timeout.abort();
}

/** Hands each line of a child's output to `onLine`, cut to 300 characters. */
export function readLines(stream: Readable | null | undefined, onLine: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n|\r/);
    rest = (lines.pop() ?? '').slice(-300);
    for (const line of lines) if (line.trim()) onLine(line.slice(0, 300));
  });
  stream?.once('end', () => {
    if (rest.trim()) onLine(rest);
  });
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}
