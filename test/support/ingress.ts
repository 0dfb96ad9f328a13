import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where the proxy speaks from: what a daemon is told to trust. */
export const INGRESS_ADDRESS = '127.0.0.2';
const PATH = '/api/hassio_ingress/a-token';

/** A page under a path of its own behind a proxy that has asked who it is, as Home Assistant's ingress does it. */
export class Ingress {
  readonly #server: Server;

  private constructor(daemonPort: number, saysHost: boolean) {
    const ask = ({ method, url = '', headers }: IncomingMessage) =>
      request({
        ...{ host: '127.0.0.1', port: daemonPort, localAddress: INGRESS_ADDRESS, method },
        path: url.slice(PATH.length),
        headers: {
          ...{ ...headers, host: 'addon:8099', 'x-ingress-path': PATH },
          ...(saysHost && { 'x-forwarded-host': headers.host }),
        },
      });
    this.#server = createServer((incoming, outgoing) => {
      if (!incoming.url?.startsWith(`${PATH}/`)) return void outgoing.writeHead(404).end();
      const onward = ask(incoming);
      onward.on('error', () => outgoing.destroy());
      onward.on('response', (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(onward);
    });
    this.#server.on('upgrade', (incoming, client) => {
      const onward = ask(incoming);
      onward.on('upgrade', ({ rawHeaders }, daemon, head) => {
        const lines = rawHeaders.map((text, i) => text + (i % 2 === 0 ? ': ' : '\r\n'));
        client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
        client.write(head);
        client.pipe(daemon).pipe(client);
        daemon.on('error', () => client.destroy());
        client.on('error', () => daemon.destroy());
      });
      onward.on('response', () => client.destroy());
      onward.on('error', () => client.destroy());
      onward.end();
    });
  }

  /**
   * @param url of the daemon
   * @param saysHost whether it hands on under which name it was asked
   */
  static async before(url: string, { saysHost = true } = {}): Promise<Ingress> {
    const ingress = new Ingress(Number(new URL(url).port), saysHost);
    await once(ingress.#server.listen(0, '127.0.0.1'), 'listening');
    return ingress;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${PATH}/`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
