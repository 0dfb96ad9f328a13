import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parentPort, type TransferListItem, Worker } from 'node:worker_threads';
import { type ExitCode, UserError } from '../errors.js';
import { forbidTelemetry } from '../model/engines/telemetry.js';

/** The two threads there are, both in this folder. */
type Program = 'hear-thread' | 'convert-thread';

/** Blocks of sound are small objects around large memory, which a rare collection would let pile up. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

type Reply =
  | { readonly value: unknown }
  | { readonly error: { readonly code: ExitCode; readonly message: string; readonly hint: string } };

/** A thread that answers one request after the other. What it cannot do for a person's mistake, it throws here. */
export class Thread {
  readonly #worker: Worker;
  #broken: unknown;
  #settle: ((reply: Reply | undefined) => void) | undefined;

  constructor(program: Program, workerData?: unknown) {
    forbidTelemetry();
    this.#worker = new Worker(compiled(program), { workerData, resourceLimits: LIMITS })
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
   * @throws UserError as the thread; whatever has broken it
   */
  async ask<T>(request: unknown, transfer: readonly TransferListItem[] = []): Promise<T> {
    if (this.#broken) throw this.#broken;
    const reply = await new Promise<Reply | undefined>((resolve) => {
      this.#settle = resolve;
      this.#worker.postMessage(request, transfer);
    });
    if (!reply) throw this.#broken;
    if ('value' in reply) return reply.value as T;
    const { code, message, hint } = reply.error;
    throw new UserError(code, message, hint);
  }

  /** Says something that is not answered. */
  tell(message: unknown): void {
    this.#worker.postMessage(message);
  }

  /** Ends the thread, whatever it is doing. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** The compiled program; a test runner that runs this file uncompiled finds it in dist/. */
function compiled(program: Program): string {
  const found = [`./${program}.js`, `../../dist/files/${program}.js`]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find(existsSync);
  if (found === undefined) throw new Error(`dist/files/${program}.js is missing: npm run build`);
  return found;
}

/** What a thread does with a request; the memory of `transfer` goes with the answer. Undefined is none. */
type Handler<Request> = (
  request: Request,
) => Promise<{ readonly value: unknown; readonly transfer?: readonly TransferListItem[] } | undefined>;

/** In a thread: answers requests. An error that is no person's mistake ends it. */
export function answer<Request>(handle: Handler<Request>): void {
  parentPort?.on('message', async (request: Request) => {
    try {
      const done = await handle(request);
      if (!done) return;
      const { value, transfer = [] } = done;
      parentPort?.postMessage({ value } satisfies Reply, transfer);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { code, message, hint } = error;
      parentPort?.postMessage({ error: { code, message, hint } } satisfies Reply);
    }
  });
}
