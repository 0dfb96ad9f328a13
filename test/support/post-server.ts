import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

interface Posted {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the server does with a request; the next ones as the last of them. */
export type Answer =
  | number
  | 'hang'
  | 'drop'
  /** The head of an answer, letter by letter, for ever. */
  | 'drip'
  /** It speaks another protocol from then on. */
  | 'upgrade'
  /** It has it, and an answer without an end. */
  | 'endless'
  | { readonly redirect: string };

export interface PostServer {
  readonly url: string;
  /** Everything that came, whatever was answered. */
  readonly posted: Posted[];
  answers: Answer[];
  close(): Promise<void>;
}

/**
 * A server on loopback that takes what is posted, as well or as badly as it is told.
 *
 * @param port 0: a free one
 * @param tls key and certificate
 */
export async function startPostServer(
  answers: Answer[] = [200],
  port = 0,
  tls?: { key: Buffer; cert: Buffer },
): Promise<PostServer> {
  const posted: Posted[] = [];
  const listener: RequestListener = async (request, response) => {
    const { method, url: path, headers } = request;
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    const answer = self.answers[Math.min(posted.length, self.answers.length - 1)];
    posted.push({ method, path, headers, body });
    give(answer, response, self.url);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  const self: PostServer = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${own}`,
    posted,
    answers,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return self;
}

function give(answer: Answer | undefined, response: ServerResponse, url: string): void {
  if (answer === 'drop') response.socket?.destroy();
  else if (answer === 'upgrade')
    response.socket?.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
  else if (answer === 'drip') repeat(response, () => response.socket?.write('H'));
  else if (answer === 'endless') {
    response.writeHead(200);
    repeat(response, () => response.write('x'.repeat(1000)));
  } else if (typeof answer === 'number') response.writeHead(answer).end('{"id":"x"}');
  else if (typeof answer === 'object') response.writeHead(307, { location: answer.redirect || url }).end();
}

function repeat(response: ServerResponse, act: () => void): void {
  const timer = setInterval(act, 20);
  response.once('close', () => clearInterval(timer));
}
