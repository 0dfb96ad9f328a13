import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { messageOf } from '../errors.js';
import { closed, endGroup, readLines } from '../system/child.js';
import { endOf, hasEnded } from '../system/child-end.js';
import { within } from '../system/within.js';
import type { Clock, Logger } from '../types.js';
import type { Channel } from './channel.js';
import type { Complaints } from './trouble.js';

/** One that hangs must not keep the next event from being told. */
const MOST_RUNNING = 4;
/** The oldest make room. */
const MOST_WAITING = 100;
/** Lines of its output that go into the log where it fails. */
const SHOWN_LINES = 3;
/** How long what it has printed last is waited for. */
const OUTPUT_MS = 500;
/** How long a stop waits for those that run. */
const STOP_MS = 2000;
/** Of our environment what is not for others: passwords may be in it, and systemd listens to us alone. */
const OURS = /^(BATHNET_|NOTIFY_SOCKET$|WATCHDOG_)/;

export interface CommandOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly limitMs: number;
}

/** A program that is run for each event, with the event on its stdin. What fails is said and not tried again. */
export class CommandChannel implements Channel {
  readonly #waiting: string[] = [];
  readonly #running = new Map<Promise<void>, AbortController>();
  #stopped = false;

  constructor(
    private readonly options: CommandOptions,
    private readonly trouble: Complaints,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  /** Says now rather than at the first alarm that there is no such program. */
  start(): void {
    const [program = ''] = this.options.command;
    if (!isProgram(program)) this.#fail(`${program} is no program that can be run`);
  }

  tell(notice: string): void {
    this.#waiting.push(notice);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting.shift();
      this.#lose('more events than it can be run for; the oldest is left out');
    }
    this.#next();
  }

  keepAgain(): void {} // nothing is kept: it is told the next event

  async stop(): Promise<void> {
    await within(this.clock, STOP_MS, this.#settled());
    this.#stopped = true;
    const events = this.#waiting.splice(0).length;
    if (events > 0) this.#lose(`${events} events are left out, because the daemon stops`);
    const left = [...this.#running];
    for (const [, abort] of left) abort.abort();
    await Promise.all(left.map(([run]) => run));
  }

  async #settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.race(this.#running.keys());
  }

  #next(): void {
    if (this.#stopped || this.#running.size >= MOST_RUNNING) return;
    const notice = this.#waiting.shift();
    if (notice === undefined) return;
    const abort = new AbortController();
    const run: Promise<void> = this.#run(notice, abort.signal)
      .then(
        () => this.trouble.works(),
        (error) => this.#lose(messageOf(error)),
      )
      .finally(() => {
        this.#running.delete(run);
        this.#next();
      });
    this.#running.set(run, abort);
  }

  async #run(notice: string, signal: AbortSignal): Promise<void> {
    const [program = '', ...args] = this.options.command;
    // In a process group of its own, so that all that it has started can be ended with it.
    const child = spawn(program, args, { detached: true, stdio: 'pipe', env: environment() });
    const exit = this.#exit(child, signal); // at once: an error that nobody hears ends the daemon
    const lines: string[] = [];
    const keep = (line: string) => {
      lines.push(line);
      if (lines.length > SHOWN_LINES) lines.shift();
    };
    readLines(child.stdout, keep);
    readLines(child.stderr, keep);
    // Where the system has no more descriptors there are no streams, whatever their type says.
    child.stdin?.on('error', () => {}); // it need not read it
    child.stdin?.end(`${notice}\n`);
    try {
      await exit;
      await closed(child, OUTPUT_MS);
      if (child.exitCode !== 0) throw new Error([endOf(child), ...lines].join(': '));
    } finally {
      await endGroup(child);
    }
  }

  /** Resolves when it has ended; rejects where it cannot be started, takes too long, or this stops. */
  #exit(child: ChildProcess, signal: AbortSignal): Promise<void> {
    const { limitMs } = this.options;
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(limitMs, () => end(new Error(`ended after ${limitMs / 1000} s`)));
      const onAbort = () => end(new Error('ended, because the daemon stops'));
      const end = (error?: Error) => {
        cancel();
        signal.removeEventListener('abort', onAbort);
        if (error) reject(error);
        else resolve();
      };
      signal.addEventListener('abort', onAbort);
      child.once('error', end);
      child.once('exit', () => end());
      if (hasEnded(child)) end();
    });
  }

  #fail(problem: string): void {
    const [program] = this.options.command;
    this.log.error({ program, problem }, 'the command of notify fails: nobody may have been told');
    this.trouble.fails();
  }

  /** It is not tried again. */
  #lose(problem: string): void {
    this.#fail(problem);
    this.trouble.loses();
  }
}

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)));
}

/** As execvp(3) looks for it. */
function isProgram(name: string): boolean {
  const folders = name.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      const path = join(folder, name);
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}
