import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server does on one connection; on those that are not listed it just sends the file. */
export type Behaviour =
  | { readonly breakAfter: number }
  | { readonly stallAfter: number }
  | { readonly status: number };

export interface FileServer {
  readonly url: string;
  /** The `Range` of each request so far. */
  readonly ranges: (string | undefined)[];
  close(): Promise<void>;
}

export interface ServerOptions {
  /** Whether it can send the rest of a file. */
  readonly ranges?: boolean;
  /** Whether it says how long the file is. */
  readonly promised?: boolean;
  /** Waited for before a connection is broken, so that what was sent has arrived. */
  readonly beforeBreak?: (sentBytes: number) => Promise<unknown>;
}

/** Serves one file on loopback, as badly as it is told. */
export async function serveFile(
  file: Uint8Array,
  behaviours: readonly Behaviour[] = [],
  { ranges: knowsRanges = true, promised = true, beforeBreak = async () => {} }: ServerOptions = {},
): Promise<FileServer> {
  const ranges: (string | undefined)[] = [];
  const answer = ({ headers }: IncomingMessage, response: ServerResponse) => {
    const behaviour = behaviours[ranges.length];
    ranges.push(headers.range);
    if (behaviour && 'status' in behaviour) return response.writeHead(behaviour.status).end('no');
    const begin = knowsRanges ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0;
    if (begin >= file.length && begin > 0) return response.writeHead(416).end();
    const rest = file.subarray(begin);
    response.writeHead(begin > 0 ? 206 : 200, {
      ...(promised && { 'content-length': rest.length }),
      ...(begin > 0 && { 'content-range': `bytes ${begin}-${file.length - 1}/${file.length}` }),
    });
    if (behaviour === undefined) return response.end(rest);
    if ('stallAfter' in behaviour) return response.write(rest.subarray(0, behaviour.stallAfter));
    response.write(rest.subarray(0, behaviour.breakAfter));
    return beforeBreak(begin + behaviour.breakAfter).finally(() => response.socket?.destroy());
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/yamnet.h5`,
    ranges,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
