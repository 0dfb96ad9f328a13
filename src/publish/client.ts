import { Outbox } from '../storage/outbox.js';
import type { Clock, Logger } from '../types.js';
import { BIRTH_TOPIC, HomeAssistantBirth } from './birth.js';
import { BrokerConnection, type IncomingMessage } from './connection.js';
import {
  DEFAULT_TIMING,
  type FirstMessages,
  type Message,
  type MqttOptions,
  type MqttTiming,
} from './options.js';
import { deliveredEvent, type PublisherStats } from './payloads.js';
import { RetainedStates } from './states.js';

/**
 * What is said to the broker: retained states, of which only the last value matters and which are all published
 * again after every reconnect, and events, every one of which matters and which wait in a bounded outbox that
 * survives a restart.
 *
 * At most one message per topic awaits its acknowledgement. That bounds what is in flight, keeps events in
 * order and lets a state that changes faster than the broker answers skip to its newest value.
 */
export class MqttPublisher {
  readonly #options: MqttOptions;
  readonly #timing: MqttTiming;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #connection: BrokerConnection;
  readonly #states = new RetainedStates();
  readonly #outbox: Outbox;
  readonly #listeners = new Map<string, (message: IncomingMessage) => void>();
  readonly #homeAssistant: HomeAssistantBirth;
  #first: FirstMessages | undefined;
  /** Topics with a message that the broker has not acknowledged yet, each with what cancels its deadline. */
  readonly #awaited = new Map<string, () => void>();
  #onSettled = () => {};
  #stopped: Promise<void> | undefined;

  constructor(options: MqttOptions, log: Logger, clock: Clock) {
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#log = log;
    this.#clock = clock;
    const { outboxFolder: folder, outboxEvents: events, outboxBytes: bytes, outboxDays: days } = options;
    this.#outbox = new Outbox({ folder, events, bytes, days }, log, clock);
    this.#homeAssistant = new HomeAssistantBirth(this.#timing, clock, () => this.#announce());
    const handlers = {
      onConnect: () => this.#onConnect(),
      onClose: () => this.#onClose(),
      onMessage: (message: IncomingMessage) => this.#onMessage(message),
    };
    this.#connection = new BrokerConnection(options, this.#timing, handlers, log, clock);
  }

  get connected(): boolean {
    return this.#connection.connected;
  }

  get stats(): PublisherStats {
    return {
      reconnects: this.#connection.reconnects,
      queuedEvents: this.#outbox.size,
      droppedEvents: this.#outbox.dropped,
      durable: this.#outbox.durable,
    };
  }

  /**
   * Takes up the events of an earlier run and begins to connect, for ever; a broker that is down does no harm.
   *
   * @throws UserError configuration, where the address or a TLS file is unusable
   */
  start(): void {
    this.#connection.start();
    this.#outbox.start();
    const { discovery } = this.#options;
    for (const { topic, payload } of discovery ?? []) this.setState(topic, payload);
  }

  /** Listens on a topic without wildcards, now or on connecting, and again after every reconnect. */
  onMessage(topic: string, handler: (message: IncomingMessage) => void): void {
    this.#listeners.set(topic, handler);
    if (this.connected) this.#connection.subscribe(topic);
  }

  /**
   * Retained messages that go out before everything else, in this order, each acknowledged before the next:
   * what has to be said only once, such as taking back what an earlier run has announced. Call it before
   * `start`.
   *
   * @param onDone called when all are acknowledged; after a broken connection they begin again
   */
  sendFirst(messages: readonly Message[], onDone: () => void): void {
    this.#first = { messages, next: 0, onDone };
  }

  /** A retained state: published now or on connecting, and again after every reconnect. */
  setState(topic: string, payload: string, qos: 0 | 1 = 1): void {
    this.#states.set(topic, payload, qos);
    this.#pump();
  }

  /**
   * An event, QoS 1 and never retained: published now or, in order, once there is a connection, and kept on the
   * disk meanwhile.
   *
   * @param payload of `eventPayload`; every attempt adds how late it is
   */
  sendEvent(topic: string, payload: string): void {
    this.#outbox.add(topic, payload, !this.connected);
    this.#pump();
  }

  /** Resolves when the events that wait are on the disk, or cannot be written now. */
  written(): Promise<void> {
    return this.#outbox.settled();
  }

  /** A value for whoever listens just now: QoS 0, not retained, dropped without a connection. */
  send(topic: string, payload: string): void {
    if (this.connected) this.#connection.publish(topic, payload, { qos: 0, retain: false });
  }

  /** Sends what waits, says `offline` and disconnects, as far as the broker plays along within the time-out. */
  stop(): Promise<void> {
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  async #shutDown(): Promise<void> {
    this.#homeAssistant.cancel(); // `online` must not follow `offline`
    let cancel = () => {};
    const timeout = new Promise<void>((resolve) => {
      cancel = this.#clock.after(this.#timing.stopTimeoutMs, resolve);
    });
    await Promise.race([this.#farewell(), timeout]);
    cancel();
    this.#connection.stop();
    await this.#outbox.stop();
    this.#forgetAwaited();
    this.#homeAssistant.cancel();
    const { size: events, kept } = this.#outbox;
    if (events > 0)
      this.#log.warn(
        { events },
        `stopped with events that could not be sent; ${kept ? 'the next start sends them' : 'they are lost'}`,
      );
  }

  async #farewell(): Promise<void> {
    await this.#settled();
    if (!this.connected) return;
    this.setState(this.#options.topics.availability, 'offline');
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
    const busy = this.#states.waiting || this.#awaited.size > 0 || this.#outbox.size > 0;
    if (!busy || !this.#connection.active) this.#onSettled();
  }

  #onConnect(): void {
    if (this.#options.discovery) this.#connection.subscribe(BIRTH_TOPIC);
    for (const topic of this.#listeners.keys()) this.#connection.subscribe(topic);
    if (this.#first) this.#first.next = 0;
    this.#announce();
  }

  #onClose(): void {
    this.#forgetAwaited();
    this.#homeAssistant.cancel();
    this.#outbox.markReplayed();
    this.#checkSettled();
  }

  #onMessage(message: IncomingMessage): void {
    if (this.#stopped !== undefined) return;
    this.#listeners.get(message.topic)?.(message);
    this.#homeAssistant.message(message);
  }

  /** Publishes all states in the order in which they were first set, and then `online`: it vouches for them. */
  #announce(): void {
    this.#states.renew(this.#options.topics.availability, 'online');
    this.#pump();
  }

  /** Publishes what waits, as long as no earlier message on the same topic awaits its acknowledgement. */
  #pump(): void {
    if (!this.connected) return;
    if (this.#first) {
      this.#pumpFirst(this.#first);
      return;
    }
    for (const { topic, payload, qos } of this.#states.take(this.#awaited))
      this.#publish(topic, payload, { qos, retain: true });
    const event = this.#outbox.next();
    if (event === undefined || this.#awaited.has(event.topic)) return;
    const payload = deliveredEvent(event.payload, event.replayed, this.#clock.wallMs());
    this.#publish(event.topic, payload, { qos: 1, retain: false }, () => this.#outbox.remove(event));
  }

  #pumpFirst(first: FirstMessages): void {
    const message = first.messages[first.next];
    if (message === undefined) {
      this.#first = undefined;
      first.onDone();
      this.#pump();
    } else if (this.#awaited.size === 0) {
      const delivered = () => first.next++;
      this.#publish(message.topic, message.payload, { qos: 1, retain: true }, delivered);
    }
  }

  #publish(
    topic: string,
    payload: string,
    options: { qos: 0 | 1; retain: boolean },
    onDelivered?: () => void,
  ): void {
    // A connection on which one message is not acknowledged is of no use, whatever TCP says and others get.
    const cancelDeadline = this.#clock.after(this.#timing.ackTimeoutMs, () =>
      this.#connection.abandon('the broker stopped answering'),
    );
    this.#awaited.set(topic, cancelDeadline);
    this.#connection.publish(topic, payload, options, () => {
      onDelivered?.();
      cancelDeadline();
      this.#awaited.delete(topic);
      this.#pump();
      this.#checkSettled();
    });
  }

  #forgetAwaited(): void {
    for (const cancelDeadline of this.#awaited.values()) cancelDeadline();
    this.#awaited.clear();
  }
}
