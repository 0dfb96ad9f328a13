import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { cannotWrite, ExitCode, messageOf, UserError } from '../../errors.js';
import { sha256Of } from '../fingerprint.js';

export interface DownloadOptions {
  /** Of the whole file; one that has another is thrown away. */
  readonly sha256: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  onProgress(bytes: number, totalBytes: number | undefined): void;
  /** A connection broke and is tried again. */
  onRetry(why: string): void;
  readonly timing?: DownloadTiming;
}

interface DownloadTiming {
  /** A connection on which nothing comes for so long is given up. */
  readonly idleTimeoutMs: number;
  /** All attempts together. */
  readonly totalTimeoutMs: number;
  /** Before the second attempt, twice as long before each that follows. */
  readonly backoffMs: number;
}

const DEFAULT_TIMING: DownloadTiming = { idleTimeoutMs: 30_000, totalTimeoutMs: 3_600_000, backoffMs: 1000 };
/** In a row without a byte: a slow line that breaks again and again gets there nevertheless. */
const ATTEMPTS = 4;

/** What helps where the download cannot be kept. */
const ELSEWHERE = 'Choose another state folder (stateDir).';

/** What may be better in a moment: timeouts, too many requests, servers in trouble. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/** Something that may be better in a moment. */
class Passing extends Error {}

/**
 * Downloads a file, on from where the last attempt or the last process stopped.
 *
 * @param part where it grows; stays when the download stops before its end, and is used as it is when complete
 * @returns the whole file, whose hash is right; `part` is left to the caller
 * @throws UserError unavailable where it cannot be had, bad data for a wrong size or hash; the signal's reason
 *   when it aborts
 */
export async function download(url: URL, part: string, options: DownloadOptions): Promise<Uint8Array> {
  const { timing = DEFAULT_TIMING } = options;
  await mkdir(dirname(part), { recursive: true }).catch((error) => {
    throw cannotWrite(part, error, ELSEWHERE);
  });
  const whole = await readWhole(part, options);
  if (whole) return whole;

  const deadline = AbortSignal.timeout(timing.totalTimeoutMs);
  const signal = AbortSignal.any([options.signal, deadline]);
  for (let attempt = 1, had = await sizeOf(part); ; attempt++) {
    try {
      await fetchRest(url, part, { ...options, signal, timing });
      break;
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof Passing)) throw error;
      const has = await sizeOf(part);
      if (has > had) attempt = 1;
      had = has;
      if (attempt === ATTEMPTS || deadline.aborted)
        throw new UserError(
          ExitCode.unavailable,
          `${url} cannot be downloaded: ${deadline.aborted ? 'it takes too long' : error.message}`,
          `Run the same command again to go on${has > 0 ? ` after ${has} bytes` : ''}, or put the file itself at ${part}.`,
          { cause: error },
        );
      options.onRetry(error.message);
      await pause(timing.backoffMs * 2 ** (attempt - 1), signal);
      options.signal.throwIfAborted();
    }
  }
  const bytes = await readWhole(part, options);
  if (bytes) return bytes;
  const found = sha256Of(await readFile(part));
  await rm(part, { force: true });
  throw new UserError(
    ExitCode.badData,
    `${url} is not the file that was expected: its SHA-256 is ${found}, not ${options.sha256}`,
    'It was thrown away. Try again later or another address (--url); give its hash (--sha256) if you know it to be right.',
  );
}

/** One connection: asks for what is missing and appends it. */
async function fetchRest(
  url: URL,
  part: string,
  { signal, maxBytes, onProgress, timing }: DownloadOptions & { readonly timing: DownloadTiming },
): Promise<void> {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(), timing.idleTimeoutMs);
  try {
    const had = await sizeOf(part);
    // Compressed on the way, bytes could not be counted.
    const headers = { 'accept-encoding': 'identity', ...(had > 0 && { range: `bytes=${had}-` }) };
    const response = await fetch(url, { headers, signal: AbortSignal.any([signal, idle.signal]) });
    const { status, body } = response;
    if (status === 416) {
      await rm(part, { force: true });
      throw new Passing('what was there already is longer than the file');
    }
    if (PASSING.includes(status)) throw new Passing(`the server answers ${status}`);
    if ((status !== 200 && status !== 206) || body === null)
      throw new UserError(
        ExitCode.unavailable,
        `${url} cannot be downloaded: the server answers ${status}`,
        'Check the address, or give another one: --url.',
      );

    // A server that knows no ranges begins again.
    const goesOn = status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${had}-`);
    if (status === 206 && !goesOn) throw new Passing('the server sends another part than was asked for');
    let bytes = goesOn ? had : 0;
    const length = response.headers.get('content-length');
    const total = length === null ? undefined : bytes + Number(length);
    const refuseAbove = async (size: number) => {
      if (size <= maxBytes) return;
      await rm(part, { force: true });
      throw new UserError(
        ExitCode.badData,
        `${url} is larger than ${maxBytes} bytes, so it is not the file that was expected`,
        'Check the address, or give another one: --url.',
      );
    };
    await refuseAbove(total ?? bytes);
    const file = await open(part, goesOn ? 'a' : 'w').catch((error) => {
      throw cannotWrite(part, error, ELSEWHERE);
    });
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        timer.refresh();
        bytes += chunk.byteLength;
        await refuseAbove(bytes);
        await file.appendFile(chunk).catch((error) => {
          throw cannotWrite(part, error, ELSEWHERE);
        });
        onProgress(bytes, total);
      }
    } finally {
      await file.close();
    }
    if (total !== undefined && bytes < total) throw new Passing(`it ends after ${bytes} of ${total} bytes`);
  } catch (error) {
    if (error instanceof UserError || error instanceof Passing) throw error;
    if (idle.signal.aborted) throw new Passing(`nothing came for ${timing.idleTimeoutMs / 1000} s`);
    throw new Passing(describe(error), { cause: error });
  } finally {
    clearTimeout(timer);
    idle.abort(); // an answer that was not read to its end would keep its connection
  }
}

/** `fetch failed` hides in its cause what a person wants to know. */
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause ? error.cause : error;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name is not found (no network?)';
  if (code === 'ECONNREFUSED') return 'the connection is refused';
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET') return 'the connection broke';
  return messageOf(cause) || code || 'the connection broke';
}

/** The file if it is complete. */
async function readWhole(
  part: string,
  { sha256, maxBytes }: Pick<DownloadOptions, 'sha256' | 'maxBytes'>,
): Promise<Uint8Array | undefined> {
  const size = await sizeOf(part);
  if (size === 0 || size > maxBytes) return undefined;
  const bytes = await readFile(part);
  return sha256Of(bytes) === sha256 ? bytes : undefined;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** Waits, or less when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
