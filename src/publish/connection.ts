import { connect } from 'node:net';
import mqtt, { type IClientOptions, MqttClient } from 'mqtt';
import codes from 'mqtt-packet/constants.js';
import { lookUp } from '../system/addresses.js';
import type { Clock, Logger } from '../types.js';
import { BackOff } from './back-off.js';
import { describeFailure, describeReason, hangUpOf, NOBODY, type Refusal, refusalOf } from './failure.js';
import {
  type BrokerAddress,
  brokerAddress,
  clientIdOf,
  type MqttOptions,
  type MqttTiming,
} from './options.js';
import { Outage } from './outage.js';
import { ProtocolChoice } from './protocol.js';
import { TlsFiles } from './tls-files.js';

// Mosquitto answers a message above its `message_size_limit` with "Packet too large", which MQTT 5 does not foresee in
// that place, and MQTT.js understands nothing more on a connection once it has met a code that is not in its table.
Object.assign(codes.MQTT5_PUBACK_PUBREC_CODES, codes.MQTT5_DISCONNECT_CODES);

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
   * @param hungUp the broker has closed it, perhaps because of what it was sent
   */
  onClose(hungUp: boolean): void;
  onMessage(message: IncomingMessage): void;
  /** What the broker has been sent and has not answered. */
  underWay(): readonly string[];
  /** Something waits that must not wait long. */
  isUrgent(): boolean;
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
  readonly #protocol: ProtocolChoice;
  readonly #backOff: BackOff;
  readonly #outage: Outage;
  readonly #tlsFiles: TlsFiles;
  #client: MqttClient | undefined;
  /** A connection is about to be made: its files are being read. */
  #preparing = false;
  #connected = false;
  #connections = 0;
  /** Connections, one after the other, that the broker accepted and soon closed though nothing was being said. */
  #evictions = 0;
  #connectedAtMs = 0;
  #failure: Error | undefined;
  #abandoned = false;
  /** Why the broker says that it closes the connection (MQTT 5). */
  #disconnectCode: number | undefined;
  #maximumPacketBytes = Number.POSITIVE_INFINITY;
  #receiveMaximum = Number.POSITIVE_INFINITY;
  /** What was acknowledged last and reached nobody, by its number. */
  #unheardId: number | undefined;
  #stopped = false;

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
    this.#protocol = new ProtocolChoice(options.protocol ?? 'auto');
    this.#backOff = new BackOff(timing, clock, () => handlers.isUrgent());
    this.#outage = new Outage(timing, log, clock);
    this.#tlsFiles = new TlsFiles(options, log, clock);
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Connected, or connecting just now rather than pausing. */
  get active(): boolean {
    return this.#client !== undefined || this.#preparing;
  }

  get reconnects(): number {
    return Math.max(0, this.#connections - 1);
  }

  /** @throws UserError configuration, where the address or a TLS file is unusable; no input, where one cannot be read */
  start(): void {
    const address = brokerAddress(this.#options, this.#timing);
    this.#outage.begin(address.url);
    this.#connect(address);
  }

  /** What is spoken, or tried. */
  get protocol(): '5' | '3.1.1' {
    return this.#protocol.name;
  }

  /** The longest packet that the broker says it takes. */
  get maximumPacketBytes(): number {
    return this.#maximumPacketBytes;
  }

  /** So many messages may await their acknowledgement: a broker of MQTT 5 may close the connection on more. */
  get receiveMaximum(): number {
    return this.#receiveMaximum;
  }

  /**
   * @param onAnswer called when the broker has acknowledged it (QoS 1) or the system has taken it (QoS 0); with a
   *   reason where the broker refuses it, or with whether it says that nobody is subscribed
   */
  publish(
    topic: string,
    payload: string,
    options: { qos: 0 | 1; retain: boolean },
    onAnswer: (refusal: Refusal | undefined, unheard: boolean) => void = () => {},
  ): void {
    const client = this.#client;
    client?.publish(topic, payload, options, (error, sent) => {
      const unheard = options.qos > 0 && sent?.messageId === this.#unheardId;
      if (client === this.#client) this.#answer(error, (refusal) => onAnswer(refusal, unheard));
    });
  }

  /** @param onAnswer called with a reason where the broker refuses it */
  subscribe(topic: string, onAnswer: (refusal?: Refusal) => void): void {
    const client = this.#client;
    client?.subscribe(topic, { qos: 1 }, (error) => {
      if (client === this.#client) this.#answer(error, onAnswer);
    });
  }

  /** Errors that are no answer of the broker end the connection anyway. */
  #answer(error: Error | null | undefined, onAnswer: (refusal?: Refusal) => void): void {
    const refusal = error ? refusalOf(error) : undefined;
    if (refusal || !error) onAnswer(refusal);
  }

  /** Gives this connection up; the next one follows after the usual pause. */
  abandon(reason: string): void {
    this.#failure = new Error(reason);
    this.#abandoned = true;
    this.#client?.stream.destroy();
  }

  /** Something urgent waits: no long pause now. */
  hurry(): void {
    this.#backOff.hurry();
  }

  /** The reason of the broken connections is found: the next one follows soon. */
  forgive(): void {
    this.#backOff.reset();
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
    this.#backOff.stop();
    this.#outage.stop();
    // Not end(true): that does nothing where a gentle end() is hanging already.
    this.#client?.stream.destroy();
    this.#client = undefined;
    this.#connected = false;
  }

  #connect(address: BrokerAddress): void {
    this.#failure = undefined;
    this.#abandoned = false;
    this.#disconnectCode = undefined;
    const client = open({
      ...address.options,
      ...this.#tlsFiles.contents,
      protocolVersion: this.#protocol.version,
    });
    this.#client = client;
    client.on('error', (error) => {
      this.#failure = error;
    });
    client.on('disconnect', ({ reasonCode }) => {
      this.#disconnectCode = reasonCode;
    });
    // MQTT.js tells whoever publishes nothing of this code, and calls it back while it handles this packet.
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback')
        this.#unheardId = packet.reasonCode === NOBODY ? packet.messageId : undefined;
    });
    client.on('message', (topic, payload, { retain }) => {
      this.#handlers.onMessage({ topic, payload, retained: retain });
    });
    client.on('connect', ({ properties }) => {
      this.#maximumPacketBytes = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
      this.#receiveMaximum = properties?.receiveMaximum ?? Number.POSITIVE_INFINITY;
      if (client === this.#client) this.#onConnect(address);
    });
    client.on('close', () => {
      if (client === this.#client) this.#onClose(address);
    });
  }

  async #connectAgain(address: BrokerAddress): Promise<void> {
    const { ca, cert } = address.options;
    if (ca || cert) {
      this.#preparing = true;
      await this.#tlsFiles.renew();
      this.#preparing = false;
    }
    if (!this.#stopped) this.#connect(address);
  }

  #onConnect({ url }: BrokerAddress): void {
    this.#outage.end();
    this.#connected = true;
    this.#connections++;
    this.#connectedAtMs = this.#clock.now();
    this.#protocol.accepted();
    const { name: protocol } = this.#protocol;
    this.#log.info({ broker: url, protocol, reconnects: this.reconnects }, 'connected to the MQTT broker');
    this.#handlers.onConnect();
  }

  #onClose(address: BrokerAddress): void {
    const wasConnected = this.#connected;
    this.#client = undefined;
    this.#connected = false;
    // Twice: two clients with one id throw each other out after a pause each, and must not start afresh.
    const held = wasConnected && this.#clock.now() - this.#connectedAtMs > 2 * this.#timing.reconnectMaxMs;
    const hangUp =
      wasConnected && !this.#abandoned ? hangUpOf(this.#failure, this.#disconnectCode) : undefined;
    const underWay = hangUp?.byMessage ? this.#handlers.underWay() : [];
    const evicted = hangUp?.takenOver || (hangUp?.byMessage && underWay.length === 0);
    this.#evictions = evicted ? (held ? 1 : this.#evictions + 1) : 0;
    const otherVersion = !wasConnected && this.#protocol.refused(this.#failure);
    if (!this.#stopped && !otherVersion)
      this.#outage.explain(address.url, this.#reason(underWay), wasConnected);
    if (held) this.#backOff.reset();
    this.#handlers.onClose(hangUp?.byMessage ?? false);
    if (this.#stopped) return;
    const again = () => void this.#connectAgain(address);
    if (otherVersion) this.#backOff.now(again);
    else this.#backOff.next(again);
  }

  #reason([sent, ...more]: readonly string[]): string {
    const said = this.#disconnectCode === undefined ? '' : `: ${describeReason(this.#disconnectCode)}`;
    if (sent !== undefined)
      return `the broker closed the connection while it was sent ${sent}${more.length > 0 ? ` and ${more.length} more` : ''}${said}`;
    if (this.#evictions > 1)
      return `another client with the id ${clientIdOf(this.#options)} keeps taking its place, it seems: give every daemon its own device.id`;
    return said ? `the broker closed the connection${said}` : describeFailure(this.#failure);
  }
}

/** Begins to connect. MQTT.js writes into its options, and leaves no choice of how a name is looked up without TLS. */
function open(options: IClientOptions): MqttClient {
  const { protocol, host, port = 1883, wsOptions } = options;
  if (protocol === 'mqtt') return new MqttClient(() => connect({ host, port, lookup: lookUp }), options);
  const chosen = { ...options, lookup: lookUp, wsOptions: { ...wsOptions } };
  return mqtt.connect(chosen);
}
