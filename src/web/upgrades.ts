import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

type Listener = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/**
 * Of a connection whose request asks for another protocol Node lets go: it keeps no time for it, does not end it, and
 * waits for its end when the server is closed. So one that is refused a WebSocket is ended from this side, and what
 * asks for anything else – HTTP/2, as `curl --http2` and Java do – is read again as if it had not (RFC 9110, 7.8).
 *
 * @param server hands WebSockets over already
 */
export function boundUpgrades(server: Server): void {
  const [handOver] = server.listeners('upgrade') as Listener[];
  server.removeAllListeners('upgrade');
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket') {
      socket.once('finish', () => socket.destroy());
      handOver?.(request, socket, head);
    } else {
      socket.unshift(Buffer.concat([headOf(request), head]));
      server.emit('connection', socket);
    }
  });
}

/** Without the wish. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
