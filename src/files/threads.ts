import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parentPort, type TransferListItem, Worker } from 'node:worker_threads';
import { ENGINE_HINT, ExitCode, UserError } from '../errors.js';
import { forbidTelemetry } from '../model/engines/telemetry.js';
import { systemClock } from '../system/clock.js';
import { keepHeapSmall } from '../system/heap.js';
import { within } from '../system/within.js';

/** The two threads there are, both in this folder. */
type Program = 'hear-thread' | 'convert-thread';

/** Blocks of sound are small objects around large memory, which a rare collection would let pile up. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

/**
 * What a thread is at, but no engine that hangs, ends within this, on a slow board that starts an engine, too: a library
 * that is torn down while it works ends the process.
 */
const END_MS = 10_000;
/** What is told instead of a request: what the thread is at is not wanted any more. */
const STOP = 'stop';

type Reply =
  | { readonly value: unknown }
  | { readonly error: { readonly code: ExitCode; readonly message: string; readonly hint: string } };

/** A thread that answers one request after the other. What it cannot do for a person's mistake, it throws here. */
export class Thread {
  readonly #worker: Worker;
  #broken: unknown;
  #settle: ((reply: Reply | undefined) => void) | undefined;
  #answered: Promise<unknown> = Promise.resolve();
  static #prepared: { readonly program: Program; readonly thread: Thread } | undefined;

  /** Starts one while its work is still being found. It holds no process that ends meanwhile. */
  static prepare(program: Program): void {
    const thread = new Thread(program);
    thread.#worker.unref();
    Thread.#prepared = { program, thread };
  }

  /** The one that was prepared, or another. */
  static take(program: Program): Thread {
    const prepared = Thread.#prepared;
    if (prepared?.program !== program) return new Thread(program);
    Thread.#prepared = undefined;
    prepared.thread.#worker.ref();
    return prepared.thread;
  }

  private constructor(program: Program) {
    forbidTelemetry();
    this.#worker = new Worker(compiled(program), { resourceLimits: LIMITS })
      .on('online', keepHeapSmall)
      .on('message', (reply: Reply) => this.#settle?.(reply))
      .on('error', (error) => {
        this.#broken = error;
      })
      .on('exit', (code) => {
        this.#broken ??= new Error(`a thread ended with code ${code}`);
        this.#settle?.(undefined);
      });
  }

  /**
   * Asks, and waits for the answer; ask nothing meanwhile.
   *
   * @param transfer memory that is the thread's from now on
   * @param withinMs without an answer until then, the engine hangs
   * @throws UserError as the thread; unavailable, where it hangs; whatever has broken it
   */
  async ask<T>(
    request: unknown,
    transfer: readonly TransferListItem[] = [],
    withinMs?: number | undefined,
  ): Promise<T> {
    if (this.#broken) throw this.#broken;
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<Reply | undefined>((resolve) => {
      this.#settle = resolve;
      this.#worker.postMessage(request, transfer);
      if (withinMs === undefined) return;
      timer = setTimeout(() => {
        this.#broken = hangs(withinMs);
        resolve(undefined);
      }, withinMs);
    });
    this.#answered = answered;
    const reply = await answered;
    clearTimeout(timer);
    if (!reply) throw this.#broken;
    if ('value' in reply) return reply.value as T;
    const { code, message, hint } = reply.error;
    throw new UserError(code, message, hint);
  }

  /** Whether it answers nothing any more. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  /** Has it give up what it is at (`stopping`), whose answer comes the sooner. */
  stop(): void {
    this.#worker.postMessage(STOP);
  }

  /**
   * Ends the thread, whatever it is doing. Nothing ends one that is in a library which never returns, and Node would
   * wait for it: then the process ends by SIGKILL when all else is done.
   */
  async end(): Promise<void> {
    this.#broken ??= new Error('a thread was ended');
    this.stop();
    await within(systemClock, END_MS, this.#answered);
    let ended = false;
    const ending = this.#worker.terminate().then(() => {
      ended = true;
    });
    await within(systemClock, END_MS, ending);
    if (ended) return;
    this.#settle?.(undefined);
    this.#worker.unref();
    process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
  }
}

function hangs(ms: number): UserError {
  return new UserError(
    ExitCode.unavailable,
    `the engine that computes the model has not answered for ${Math.round(ms / 1000)} s`,
    ENGINE_HINT,
  );
}

/** The compiled program; a test runner that runs this file uncompiled finds it in dist/. */
function compiled(program: Program): string {
  const found = [`./${program}.js`, `../../dist/files/${program}.js`]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync);
  if (found === undefined) throw new Error(`dist/files/${program}.js is missing: npm run build`);
  return found;
}

/** What a thread does with a request; the memory of `transfer` goes with the answer. */
type Handler<Request> = (
  request: Request,
) => Promise<{ readonly value: unknown; readonly transfer?: readonly TransferListItem[] }>;

const stopper = new AbortController();

/** In a thread: aborts when what it is at is to be given up. */
export const stopping = stopper.signal;

/** In a thread: answers requests. An error that is no person's mistake ends it. */
export function answer<Request>(handle: Handler<Request>): void {
  parentPort?.on('message', async (request: Request | typeof STOP) => {
    if (request === STOP) return stopper.abort();
    try {
      const { value, transfer = [] } = await handle(request);
      parentPort?.postMessage({ value } satisfies Reply, transfer);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { code, message, hint } = error;
      parentPort?.postMessage({ error: { code, message, hint } } satisfies Reply);
    }
  });
}
