import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to bytes on their way. */
export type Way = 'pass' | 'hold' | 'drop';

/** A TCP proxy before a broker: the network that a test can break. */
export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, broker: Socket]>();
  #toBroker: Way = 'pass';
  #toClient: Way = 'pass';

  private constructor(brokerPort: number) {
    this.#server = createServer((client) => {
      const broker = connect(brokerPort, '127.0.0.1');
      const pair = [client, broker] as const;
      this.#pairs.add(pair);
      client.on('data', (data) => this.#toBroker === 'pass' && broker.write(data));
      broker.on('data', (data) => this.#toClient === 'pass' && client.write(data));
      for (const socket of pair) {
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#pairs.delete(pair);
          for (const each of pair) each.destroy();
        });
      }
      this.#flow();
    });
  }

  static async before(brokerPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(brokerPort);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `hold` keeps bytes for later, `drop` swallows them; the connections stay. */
  set(ways: { toBroker?: Way; toClient?: Way }): void {
    this.#toBroker = ways.toBroker ?? 'pass';
    this.#toClient = ways.toClient ?? 'pass';
    this.#flow();
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const [client, broker] of this.#pairs) {
      client.resetAndDestroy();
      broker.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #flow(): void {
    for (const [client, broker] of this.#pairs) {
      if (this.#toBroker === 'hold') client.pause();
      else client.resume();
      if (this.#toClient === 'hold') broker.pause();
      else broker.resume();
    }
  }
}
