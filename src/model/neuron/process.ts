import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATCH_VALUES } from '../../constants.js';
import { messageOf } from '../../errors.js';
import { endOf, hasEnded } from '../../system/child-end.js';
import { allFinite } from '../safetensors.js';
import type { NeuronReply, NeuronRequest } from './neuron-child.js';

/** The compiled child; a test runner that runs this file uncompiled finds it in dist/. */
const CHILD = ['./neuron-child.js', '../../../dist/model/neuron/neuron-child.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find(existsSync);

/** How long the library may take to load and the NPU to take the network. */
const START_LIMIT_MS = 20_000;
/** For the first windows: the NPU wakes up, and a machine that boots is busy. */
export const FIRST_LIMIT_MS = 10_000;
/** For one window, which takes milliseconds; well below what the daemon gives an engine. */
export const WINDOW_LIMIT_MS = 2000;
/** How long the NPU may take to be released. */
const CLOSE_LIMIT_MS = 500;
/** An answer that is there already is taken in less. */
const LOOK_AGAIN_MS = 100;
/** So much of what the library prints is kept for an error. */
const PRINTED_CHARACTERS = 300;

/** Why there is no answer. */
export class NeuronError extends Error {
  /** @param absent the library is not there at all */
  constructor(
    message: string,
    readonly absent = false,
  ) {
    super(message);
  }
}

/** An NPU with a network on it, in a process of its own (why: neuron-child.ts). */
export interface NeuronProcess {
  /**
   * @param mel 96 × 64 row-major, frame first
   * @param limitMs after which it is taken to hang; 2 s when left out
   * @returns the embedding
   * @throws NeuronError where it fails, hangs or crashes, or gives no numbers; then `abandon` it
   */
  infer(mel: Float32Array, limitMs?: number): Promise<Float32Array>;
  /** Releases the NPU. */
  close(): Promise<void>;
  /** Kills the process, and waits for nothing: one that hangs in the driver may stay for ever. */
  abandon(): void;
}

export interface NeuronProcessOptions {
  /** What dlopen(3) understands. */
  readonly library: string;
  /** Path of a `.dla`. */
  readonly network: string;
  readonly embeddingSize: number;
}

/**
 * Starts the process and loads library and network in it.
 *
 * @throws NeuronError
 */
export async function startNeuron(options: NeuronProcessOptions): Promise<NeuronProcess> {
  const network = resolve(options.network);
  const library = options.library.includes('/') ? resolve(options.library) : options.library;
  const { embeddingSize } = options;
  if (CHILD === undefined) throw new Error('dist/model/neuron/neuron-child.js is missing: npm run build');
  const sizes = [PATCH_VALUES, embeddingSize].map(String);
  const child = fork(CHILD, [library, network, ...sizes], {
    cwd: tmpdir(), // for what a crash may leave; so paths are absolute
    execArgv: ['--max-semi-space-size=1', '--max-old-space-size=64'], // the daemon's own flags are not for it
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const printed = lastPrinted(child);
  child.on('error', () => {}); // `exchange` hears of it
  child.unref();
  const failed = (reason: string, absent = false) => {
    const said = printed();
    return new NeuronError(said ? `${reason} (it printed: ${said})` : reason, absent);
  };
  const abandon = () => {
    child.kill('SIGKILL');
    if (child.connected) child.disconnect();
  };

  try {
    const reply = await exchange(child, undefined, START_LIMIT_MS);
    if (reply.type === 'absent') throw failed(reply.reason, true);
    if (reply.type === 'failed') throw failed(reply.reason);
  } catch (error) {
    abandon();
    throw error instanceof NeuronError ? error : failed(messageOf(error));
  }

  return {
    async infer(mel, limitMs = WINDOW_LIMIT_MS) {
      const reply = await exchange(child, mel, limitMs).catch((error) => {
        throw failed(messageOf(error));
      });
      if (reply.type !== 'embedding') throw failed('reason' in reply ? reply.reason : reply.type);
      if (!allFinite(reply.values)) throw failed('it gives no numbers');
      return reply.values;
    },
    async close() {
      await exchange(child, 'close', CLOSE_LIMIT_MS).catch(() => {}); // it ends without a reply
      abandon();
    },
    abandon,
  };
}

/** Sends a request, if there is one, and waits for the reply; only meanwhile does the child keep this process alive. */
function exchange(
  child: ChildProcess,
  request: NeuronRequest | undefined,
  limitMs: number,
): Promise<NeuronReply> {
  return new Promise((answer, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
      child.channel?.unref();
      settle();
    };
    const onMessage = (reply: unknown) => end(() => answer(reply as NeuronReply));
    const onError = (error: Error) => end(() => reject(error));
    const onExit = () => onError(new Error(`its process ended with ${endOf(child)}`));
    const onLate = () => onError(new Error(`no answer for ${limitMs / 1000} s`));
    // In two parts: after this process has stood still, its timers come before the answer that has waited for it.
    let timer = setTimeout(() => {
      timer = setTimeout(onLate, LOOK_AGAIN_MS);
    }, limitMs - LOOK_AGAIN_MS);
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
    child.channel?.ref();
    if (hasEnded(child)) onExit();
    else if (request !== undefined) child.send(request, () => {}); // where it cannot be sent, the process has ended
  });
}

/** The library logs to stdout or stderr, which belong to the daemon. */
function lastPrinted(child: ChildProcess): () => string {
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-PRINTED_CHARACTERS);
    });
    (stream as { unref?(): void } | null)?.unref?.();
  }
  return () => tail.replaceAll(/\s+/g, ' ').trim();
}
