import { connect, type MqttClient } from 'mqtt';
import { until } from '../../test/support/mosquitto.js';

/** What the broker tells one who listens to everything; it is there before the daemon is, so nothing passes it by. */
export class Observer {
  readonly #client: MqttClient;
  readonly #said = new Map<string, string>();
  #listens = false;
  /** The broker stands still: what it has said last holds for nobody. */
  isCutOff = false;

  /** @param onMessage sees every message */
  constructor(
    url: string,
    private readonly base: string,
    onMessage: (topic: string, payload: string) => void,
  ) {
    // The broker's time may be another one than this process's: no keepalive.
    this.#client = connect(url, { clientId: 'soak-observer', keepalive: 0, reconnectPeriod: 20 });
    this.#client.on('error', () => {}); // it tries again
    this.#client.on('close', () => {
      this.#listens = false;
      this.#said.clear();
    });
    this.#client.on('connect', () =>
      this.#client.subscribe(`${base}/#`, { qos: 1 }, (error) => {
        this.#listens = !error;
      }),
    );
    this.#client.on('message', (topic, payload) => {
      this.#said.set(topic, payload.toString());
      onMessage(topic, payload.toString());
    });
  }

  /** A person who looks would see that all is well. */
  get allIsWell(): boolean {
    const says = (topic: string) => this.#said.get(`${this.base}/${topic}`);
    return (
      this.#listens &&
      !this.isCutOff &&
      says('availability') === 'online' &&
      says('input/availability') === 'online'
    );
  }

  /** Listens to this broker. */
  async ready(): Promise<void> {
    await until(() => this.#listens, 'the observer does not reach the broker');
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
