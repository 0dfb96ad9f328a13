import { Outbox } from '../storage/outbox.js';
import { within } from '../system/within.js';
import type { Clock, Logger, Said } from '../types.js';
import { HomeAssistantBirth } from './birth.js';
import { BrokerConnection, type IncomingMessage } from './connection.js';
import { Delivery } from './delivery.js';
import { OwnEcho } from './echo.js';
import { DEFAULT_TIMING, type MqttOptions, type MqttTiming } from './options.js';
import { isEventPayload, type PublisherStats } from './payloads.js';
import { RetainedStates } from './states.js';

/**
 * What is said to the broker: retained states, of which only the last value matters and which are all published
 * again after every reconnect, and events, every one of which matters and which wait in a bounded outbox that
 * survives a restart.
 */
export class MqttPublisher {
  readonly #timing: MqttTiming;
  readonly #connection: BrokerConnection;
  readonly #states = new RetainedStates();
  readonly #outbox: Outbox;
  readonly #listeners = new Map<string, (message: IncomingMessage) => void>();
  readonly #homeAssistant: HomeAssistantBirth;
  readonly #delivery: Delivery;
  readonly #echo: OwnEcho;
  /** Somebody is subscribed to whether an alarm is on. */
  #stateIsHeard = false;
  #onRefusal = () => {};
  readonly #readers: ((said: Said) => void)[] = [];
  #onConnected = () => {};
  #onHomeAssistant = () => {};
  #onSettled = () => {};
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly options: MqttOptions,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    const { topics } = options;
    const { outboxFolder: folder, outboxEvents: events, outboxBytes: bytes, outboxDays: days } = options;
    // Nothing else waits there, and the folder is the device's own, also under another id or prefix.
    const { event: topic } = topics;
    this.#outbox = new Outbox({ folder, topic, events, bytes, days, isPayload: isEventPayload }, log, clock);
    const onBirth = () => {
      this.#delivery.retryEvents();
      this.#announce();
      this.#onHomeAssistant();
    };
    this.#homeAssistant = new HomeAssistantBirth(this.#timing, clock, onBirth, options.birthTopic);
    const handlers = {
      onConnect: () => this.#onConnect(),
      onClose: (hungUp: boolean) => this.#onClose(hungUp),
      onMessage: (message: IncomingMessage) => this.#onMessage(message),
      underWay: () => this.#delivery.underWay,
      isUrgent: () => this.#delivery.urgent,
    };
    this.#connection = new BrokerConnection(options, this.#timing, handlers, log, clock);
    this.#delivery = new Delivery(
      this.#connection,
      this.#states,
      this.#outbox,
      options.announcement,
      this.#timing,
      clock,
      log,
      {
        onRefusal: () => this.#onRefusal(),
        onTaken: (topic, unheard) => this.#onTaken(topic, unheard),
        onSettled: () => this.#checkSettled(),
      },
    );
    this.#echo = new OwnEcho(topics.availability, this.#timing, clock, log, {
      onChange: () => this.#onRefusal(),
      onContradicted: () => this.#vouch(),
    });
  }

  get connected(): boolean {
    return this.#connection.connected;
  }

  get stats(): PublisherStats {
    return {
      reconnects: this.#connection.reconnects,
      queuedEvents: this.#outbox.size - this.#delivery.audience.waiting,
      droppedEvents: this.#outbox.dropped,
      durable: this.#outbox.durable,
      refused: this.#delivery.refusals.names,
      passedOn: !this.#echo.missing,
      heard: this.#stateIsHeard || !this.#delivery.audience.isGone,
    };
  }

  /**
   * Takes up the events of an earlier run and begins to connect, for ever; a broker that is down does no harm.
   *
   * @throws UserError configuration, where the address or a TLS file is unusable; no input, where one cannot be read
   */
  start(): void {
    this.#connection.start();
    this.#outbox.start();
    this.#delivery.announce();
  }

  /** Payloads of the events that wait, oldest first: right after the start those of an earlier run. */
  get waiting(): readonly string[] {
    return this.#outbox.payloads;
  }

  /** @param handler called when the broker refuses something, and when it takes it after all */
  onRefusal(handler: () => void): void {
    this.#onRefusal = handler;
  }

  /** @param handler is told of every state and every event, whether or not there is a broker */
  onSaid(handler: (said: Said) => void): void {
    this.#readers.push(handler);
  }

  /** @param handler called whenever a connection is made, is lost, or could not be made */
  onConnected(handler: () => void): void {
    this.#onConnected = handler;
  }

  /** @param handler called when Home Assistant has come and been told all states: of earlier events it knows nothing */
  onHomeAssistant(handler: () => void): void {
    this.#onHomeAssistant = handler;
  }

  /** What every state says now, by its topic. */
  get states(): ReadonlyMap<string, string> {
    return this.#states.said;
  }

  /** Listens on a topic without wildcards, now or on connecting, and again after every reconnect. */
  onMessage(topic: string, handler: (message: IncomingMessage) => void): void {
    this.#listeners.set(topic, handler);
    if (this.connected) this.#delivery.subscribe(topic);
  }

  /** A retained state: published now or on connecting, and again after every reconnect. */
  setState(topic: string, payload: string, qos: 0 | 1 = 1): void {
    this.#set(topic, payload, qos, true);
  }

  /** A state that is true only as long as this runs: published and repeated like the others, never retained. */
  setLiveState(topic: string, payload: string): void {
    this.#set(topic, payload, 1, false);
  }

  /**
   * An event, QoS 1 and never retained: published now or, in order, once there is a connection, and kept on the
   * disk meanwhile.
   *
   * @param payload of `eventPayload`; every attempt adds how late it is
   */
  sendEvent(topic: string, payload: string): void {
    this.#outbox.add(topic, payload, !this.connected);
    this.#connection.hurry();
    this.#delivery.retryEvents(); // before this one: in order
    this.#tell({ topic, payload, event: true });
  }

  /** Resolves when the events that wait are on the disk, or cannot be written now. */
  written(): Promise<void> {
    return this.#outbox.settled();
  }

  /** Writes again the events that wait, where their folder was removed or replaced. */
  keepAgain(): void {
    this.#outbox.keepAgain();
  }

  /** A value for whoever listens just now: QoS 0, not retained, dropped without a connection. */
  send(topic: string, payload: string): void {
    if (this.connected) this.#delivery.send({ topic, payload });
  }

  /** Sends what waits, says `offline` and disconnects, as far as the broker plays along within the time-out. */
  stop(): Promise<void> {
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  async #shutDown(): Promise<void> {
    this.#homeAssistant.cancel(); // `online` must not follow `offline`
    this.#echo.cancel();
    await within(this.clock, this.#timing.stopTimeoutMs, this.#farewell());
    this.#connection.stop();
    this.#delivery.stop();
    await this.#outbox.stop();
    this.#homeAssistant.cancel();
    const { size: events, kept } = this.#outbox;
    if (events > 0)
      this.log.warn(
        { events },
        `stopped with events that could not be sent; ${kept ? 'the next start sends them' : 'they are lost'}`,
      );
  }

  async #farewell(): Promise<void> {
    await this.#settled();
    if (!this.connected) return;
    this.setState(this.options.topics.availability, 'offline');
    await this.#settled();
    await this.#connection.disconnect();
  }

  /** Waits until everything is acknowledged, or there is no connection and none is being made. */
  #settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSettled = resolve;
      this.#checkSettled();
    });
  }

  #checkSettled(): void {
    if (this.#delivery.idle || !this.#connection.active) this.#onSettled();
  }

  #set(topic: string, payload: string, qos: 0 | 1, retain: boolean): void {
    this.#states.set(topic, payload, qos, retain);
    this.#delivery.pump();
    this.#tell({ topic, payload, event: false });
  }

  #tell(said: Said): void {
    for (const reader of this.#readers) reader(said);
  }

  #onConnect(): void {
    this.#onConnected();
    const birth = this.options.announcement?.messages.length ? [this.#homeAssistant.topic] : [];
    const silent = this.#connection.protocol === '3.1.1';
    this.#echo.begin(silent);
    this.#delivery.begin([...birth, ...this.#listeners.keys()], this.options.topics.availability, silent);
    this.#announce();
    this.#homeAssistant.begin();
  }

  #onClose(hungUp: boolean): void {
    this.#delivery.break(hungUp);
    this.#echo.cancel();
    this.#homeAssistant.break();
    this.#onConnected();
    this.#checkSettled();
  }

  #onTaken(topic: string, unheard: boolean): void {
    const { alarm, availability } = this.options.topics;
    if (topic === alarm) this.#stateIsHeard = !unheard;
    if (topic === availability && this.#stopped === undefined) this.#echo.expect();
  }

  #onMessage(message: IncomingMessage): void {
    if (this.#stopped !== undefined) return;
    this.#echo.message(message);
    this.#delivery.heard(message);
    this.#listeners.get(message.topic)?.(message);
    this.#homeAssistant.message(message);
  }

  /** Publishes all states in the order in which they were first set, and then `online`: it vouches for them. */
  #announce(): void {
    this.#states.renew(this.options.topics.availability, 'online');
    this.#delivery.pump();
  }

  #vouch(): void {
    this.#states.again(this.options.topics.availability);
    this.#delivery.pump();
  }
}
