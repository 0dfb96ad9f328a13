import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request,
  STATUS_CODES,
} from 'node:http';
import { request as requestTls } from 'node:https';
import { VERSION } from '../constants.js';
import { messageOf } from '../errors.js';
import { credentialsOf } from '../publish/credentials.js';
import { lookUp } from '../system/addresses.js';
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

/** The server has answered, and does not want it; or nothing could be sent. */
export class Refused extends Error {
  /** @param final it may be the letter that is no good: then it would be refused again, whatever a person mends */
  constructor(
    message: string,
    readonly final: boolean,
  ) {
    super(message);
  }
}

/** Posts to one server: each letter on a connection of its own, within a time limit, with TLS verified. */
export class Post {
  constructor(
    private readonly options: ServerOptions,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves as soon as the server has answered that it has it. Its answer is not read.
   *
   * @throws Refused where it answers anything else, or nothing can be sent; Error where there is no answer
   */
  send(write: () => Letter, signal: AbortSignal): Promise<void> {
    const { limitMs } = this.options;
    return new Promise((resolve, reject) => {
      const sent = this.#begin(write, signal);
      const late = () => sent.destroy(new Error(`no answer within ${limitMs / 1000} s`));
      const cancel = this.clock.after(limitMs, late);
      sent.once('response', ({ statusCode = 0 }: IncomingMessage) => {
        cancel();
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(refusal(statusCode));
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
    });
  }

  /** @throws Refused where it cannot be sent: nor could it later, and no other event shall wait for it */
  #begin(write: () => Letter, signal: AbortSignal): ClientRequest {
    const { url, token, ca } = this.options;
    try {
      const { headers, body } = write();
      const { username, password } = credentialsOf(url);
      const options: RequestOptions & { ca?: string[] } = {
        method: 'POST',
        agent: false, // nothing stays open
        lookup: lookUp,
        signal,
        headers: {
          'user-agent': `bathnet2mqtt/${VERSION}`,
          'content-length': Buffer.byteLength(body),
          ...headers,
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...((username || password) && { auth: `${username}:${password}` }),
        ...(ca !== undefined && { ca: [...ca()] }),
      };
      // Without user and password, of which Node would take a % for an escape, whatever follows.
      const address = Object.assign(new URL(url), { username: '', password: '' });
      const sent = url.protocol === 'https:' ? requestTls(address, options) : request(address, options);
      return sent.end(body);
    } catch (error) {
      throw new Refused(`it cannot be sent: ${messageOf(error)}`, true);
    }
  }
}

function refusal(status: number): Refused {
  const message =
    status >= 300 && status < 400
      ? `the server answers ${status}, a redirect, which is not followed: give the address that it leads to`
      : `the server answers ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
  const final = status >= 400 && status < 500 && ![401, 403, 404, 407, 408, 425, 429].includes(status);
  return new Refused(message, final);
}

/** Several addresses of one host fail with an error that has no message. */
function reasonOf(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : [error];
  return messageOf(first) || (error as NodeJS.ErrnoException).code || 'no connection';
}
