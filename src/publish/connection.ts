import mqtt, { type MqttClient } from 'mqtt';
import type { Clock, Logger } from '../types.js';
import { describeFailure, isHangUp, isRefusal } from './failure.js';
import {
  type BrokerAddress,
  brokerAddress,
  clientIdOf,
  type MqttOptions,
  type MqttTiming,
} from './options.js';

export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  /** It was kept by the broker, so it may be of any age. */
  readonly retained: boolean;
}

export interface ConnectionHandlers {
  onConnect(): void;
  /**
   * The connection is gone, or an attempt to make one has failed.
   *
   * @param hungUp the broker has closed it
   */
  onClose(hungUp: boolean): void;
  onMessage(message: IncomingMessage): void;
  /** What the broker has been sent and has not answered. */
  underWay(): readonly string[];
}

/**
 * A connection to the broker that comes back for ever, and says in plain words why it is not there.
 *
 * Every attempt is an MQTT.js client of its own that never reconnects by itself. So nothing survives a
 * connection inside MQTT.js – it would send unacknowledged messages again, with old values, from a store
 * without a bound – and the pauses are ours to set.
 */
export class BrokerConnection {
  readonly #options: MqttOptions;
  readonly #timing: MqttTiming;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #handlers: ConnectionHandlers;
  #client: MqttClient | undefined;
  #connected = false;
  #connections = 0;
  /** Attempts that failed, and connections that broke soon, since one that held. */
  #attempts = 0;
  /** Connections, one after the other, that the broker accepted and soon closed though nothing was being said. */
  #evictions = 0;
  /** When the connection was made or lost. */
  #changedAtMs = 0;
  #failure: Error | undefined;
  #abandoned = false;
  #maximumPacketBytes = Number.POSITIVE_INFINITY;
  #reason = 'the broker has not answered yet';
  #stopped = false;
  #cancelReconnect = () => {};
  #cancelWarning = () => {};

  constructor(
    options: MqttOptions,
    timing: MqttTiming,
    handlers: ConnectionHandlers,
    log: Logger,
    clock: Clock,
  ) {
    this.#options = options;
    this.#timing = timing;
    this.#handlers = handlers;
    this.#log = log;
    this.#clock = clock;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Connected, or connecting just now rather than pausing. */
  get active(): boolean {
    return this.#client !== undefined;
  }

  get reconnects(): number {
    return Math.max(0, this.#connections - 1);
  }

  /** @throws UserError configuration, where the address or a TLS file is unusable */
  start(): void {
    const address = brokerAddress(this.#options, this.#timing);
    this.#changedAtMs = this.#clock.now();
    this.#warnLater(address.url);
    this.#connect(address);
  }

  /** The longest packet that the broker says it takes. */
  get maximumPacketBytes(): number {
    return this.#maximumPacketBytes;
  }

  /**
   * @param onAnswer called when the broker has acknowledged it (QoS 1) or the system has taken it (QoS 0); with a
   *   reason where the broker refuses it
   */
  publish(
    topic: string,
    payload: string,
    options: { qos: 0 | 1; retain: boolean },
    onAnswer: (refusal?: string) => void = () => {},
  ): void {
    const client = this.#client;
    client?.publish(topic, payload, options, (error) => {
      if (client === this.#client) this.#answer(error, onAnswer);
    });
  }

  /** @param onAnswer called with a reason where the broker refuses it */
  subscribe(topic: string, onAnswer: (refusal?: string) => void): void {
    const client = this.#client;
    client?.subscribe(topic, { qos: 1 }, (error) => {
      if (client === this.#client) this.#answer(error, onAnswer);
    });
  }

  /** Errors that are no answer of the broker end the connection anyway. */
  #answer(error: Error | null | undefined, onAnswer: (refusal?: string) => void): void {
    if (!error) onAnswer();
    else if (isRefusal(error)) onAnswer(describeFailure(error));
  }

  /** Gives this connection up; the next one follows after the usual pause. */
  abandon(reason: string): void {
    this.#failure = new Error(reason);
    this.#abandoned = true;
    this.#client?.stream.destroy();
  }

  /** The reason of the broken connections is found: the next one follows soon. */
  forgive(): void {
    this.#attempts = 0;
  }

  /** Takes leave of the broker, which then drops the last will. Hangs with a broker that hangs: call stop(). */
  async disconnect(): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.#connected) return;
    this.#stopped = true;
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.end();
    await closed;
  }

  /** Cuts the connection, and makes no other. */
  stop(): void {
    this.#stopped = true;
    this.#cancelReconnect();
    this.#cancelWarning();
    // Not end(true): that does nothing where a gentle end() is hanging already.
    this.#client?.stream.destroy();
    this.#client = undefined;
    this.#connected = false;
  }

  #connect(address: BrokerAddress): void {
    this.#failure = undefined;
    this.#abandoned = false;
    // MQTT.js writes into its options.
    const client = mqtt.connect(address.url, { ...address.options });
    this.#client = client;
    client.on('error', (error) => {
      this.#failure = error;
    });
    client.on('message', (topic, payload, { retain }) => {
      this.#handlers.onMessage({ topic, payload, retained: retain });
    });
    client.on('connect', ({ properties }) => {
      this.#maximumPacketBytes = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
      if (client === this.#client) this.#onConnect(address);
    });
    client.on('close', () => {
      if (client === this.#client) this.#onClose(address);
    });
  }

  #onConnect({ url }: BrokerAddress): void {
    this.#cancelWarning();
    this.#connected = true;
    this.#connections++;
    this.#changedAtMs = this.#clock.now();
    this.#reason = '';
    this.#log.info({ broker: url, reconnects: this.reconnects }, 'connected to the MQTT broker');
    this.#handlers.onConnect();
  }

  #onClose(address: BrokerAddress): void {
    const wasConnected = this.#connected;
    const heldMs = wasConnected ? this.#clock.now() - this.#changedAtMs : 0;
    this.#client = undefined;
    this.#connected = false;
    // Twice: two clients with one id throw each other out after a pause each, and must not start afresh.
    const held = heldMs > 2 * this.#timing.reconnectMaxMs;
    const hungUp = wasConnected && !this.#abandoned && isHangUp(this.#failure);
    const underWay = hungUp ? this.#handlers.underWay() : [];
    const evicted = hungUp && underWay.length === 0;
    this.#evictions = evicted ? (held ? 1 : this.#evictions + 1) : 0;
    if (!this.#stopped) {
      this.#explain(address.url, wasConnected, underWay);
      if (held) this.#attempts = 0;
      this.#cancelReconnect = this.#clock.after(this.#nextPauseMs(), () => this.#connect(address));
    }
    this.#handlers.onClose(hungUp);
  }

  /** Says why there is no connection, once for each reason. */
  #explain(broker: string, wasConnected: boolean, underWay: readonly string[]): void {
    const [first, ...more] = underWay;
    const sent = more.length > 0 ? `${first} and ${more.length} more` : first;
    const reason =
      this.#evictions > 1
        ? `another client with the id ${clientIdOf(this.#options)} keeps taking its place, it seems: give every daemon its own device.id`
        : first !== undefined
          ? `the broker closed the connection while it was sent ${sent}`
          : describeFailure(this.#failure);
    const news = wasConnected ? 'connection to the MQTT broker lost' : 'no connection to the MQTT broker';
    if (reason !== this.#reason) this.#log.warn({ broker, reason }, `${news}: ${reason}`);
    this.#reason = reason;
    if (!wasConnected) return;
    this.#changedAtMs = this.#clock.now();
    this.#warnLater(broker);
  }

  #warnLater(broker: string): void {
    this.#cancelWarning = this.#clock.after(this.#timing.warnEveryMs, () => {
      const minutes = Math.round((this.#clock.now() - this.#changedAtMs) / 60_000);
      const reason = this.#reason;
      this.#log.warn({ broker, reason }, `not connected to the MQTT broker for ${minutes} min: ${reason}`);
      this.#warnLater(broker);
    });
  }

  /** Doubles from attempt to attempt; up to half of it is random, so that clients do not come back as one. */
  #nextPauseMs(): number {
    const { reconnectMinMs, reconnectMaxMs } = this.#timing;
    const pauseMs = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** this.#attempts++);
    return pauseMs * (1 - Math.random() / 2);
  }
}
