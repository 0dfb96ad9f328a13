import { lookup } from 'node:dns';
import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request,
  STATUS_CODES,
} from 'node:http';
import { request as requestTls } from 'node:https';
import type { LookupFunction } from 'node:net';
import { VERSION } from '../constants.js';
import { messageOf } from '../errors.js';
import type { Clock } from '../types.js';

/** What goes to a server at once. */
export interface Letter {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ServerOptions {
  /** May hold user and password, or a path that must not be known: no error and no log shows more than its origin. */
  readonly url: URL;
  readonly token?: string | undefined;
  /** Certificate authorities, PEM, as they are by then; Node's where they are left out. */
  readonly ca?: (() => readonly string[]) | undefined;
  /** From the name of the server to its answer. */
  readonly limitMs: number;
}

/** The server has answered, and does not want it. */
export class Refused extends Error {
  constructor(readonly status: number) {
    super(
      status >= 300 && status < 400
        ? `the server answers ${status}, a redirect, which is not followed: give the address that it leads to`
        : `the server answers ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
    );
  }

  /** It may be the letter that is no good, or too long: then it would be refused again, whatever a person mends. */
  get final(): boolean {
    const { status } = this;
    return status >= 400 && status < 500 && ![401, 403, 404, 407, 408, 425, 429].includes(status);
  }
}

/** Posts to one server: each letter on a connection of its own, within a time limit, with TLS verified. */
export class Post {
  readonly #lookup = oneLookup();

  constructor(
    private readonly options: ServerOptions,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves as soon as the server has answered that it has it. Its answer is not read.
   *
   * @throws Refused where it answers anything else; Error where there is no answer
   */
  send({ headers, body }: Letter, signal: AbortSignal): Promise<void> {
    const { url, token, ca, limitMs } = this.options;
    return new Promise((resolve, reject) => {
      const options: RequestOptions & { ca?: string[] } = {
        method: 'POST',
        agent: false, // nothing stays open
        lookup: this.#lookup,
        signal,
        headers: {
          'user-agent': `bathnet2mqtt/${VERSION}`,
          'content-length': Buffer.byteLength(body),
          ...headers,
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(ca !== undefined && { ca: [...ca()] }),
      };
      const sent: ClientRequest =
        url.protocol === 'https:' ? requestTls(url, options) : request(url, options);
      const late = () => sent.destroy(new Error(`no answer within ${limitMs / 1000} s`));
      const cancel = this.clock.after(limitMs, late);
      sent.once('response', ({ statusCode = 0 }: IncomingMessage) => {
        cancel();
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(new Refused(statusCode));
        sent.destroy();
      });
      sent.on('error', (error) => {
        cancel();
        reject(new Error(reasonOf(error)));
      });
      // Also where there is neither: of an answer that speaks another protocol from then on (101) Node says nothing more.
      sent.once('close', () => {
        cancel();
        reject(new Error('no answer'));
      });
      sent.end(body);
    });
  }
}

/** Several addresses of one host fail with an error that has no message. */
function reasonOf(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : [error];
  return messageOf(first) || (error as NodeJS.ErrnoException).code || 'no connection';
}

/**
 * Looks names up one at a time. A resolver that does not answer holds one of Node's few threads, which files need, too,
 * and that cannot be taken back: whoever asks again meanwhile waits for the same answer.
 *
 * @param resolve `dns.lookup`, which knows /etc/hosts and mDNS
 */
export function oneLookup(resolve: LookupFunction = lookup): LookupFunction {
  let ask: Parameters<LookupFunction>[2] | undefined;
  return (hostname, options, callback) => {
    const busy = ask !== undefined;
    ask = callback; // whoever asked before has given up
    if (busy) return;
    resolve(hostname, options, (...answer) => {
      const asking = ask;
      ask = undefined;
      asking?.(...answer);
    });
  };
}
