import type { Clock, Logger } from '../types.js';
import { BrokerConnection } from './connection.js';
import { DEFAULT_TIMING, type MqttOptions, type MqttTiming } from './options.js';
import { Outbox } from './outbox.js';
import type { PublisherStats } from './payloads.js';

/** Where Home Assistant says `online` when it has started. */
const BIRTH_TOPIC = 'homeassistant/status';

interface State {
  readonly payload: string;
  readonly qos: 0 | 1;
}

interface WaitingEvent {
  readonly topic: string;
  readonly build: (replayed: boolean) => string;
  replayed: boolean;
}

/**
 * What is said to the broker: retained states, of which only the last value matters and which are all published
 * again after every reconnect, and events, every one of which matters and which wait in a bounded outbox.
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
  readonly #states = new Map<string, State>();
  readonly #outbox: Outbox<WaitingEvent>;
  /** Topics of states whose last value is still to be published. */
  readonly #unsent = new Set<string>();
  /** Topics with a message that the broker has not acknowledged yet. */
  readonly #awaited = new Set<string>();
  #cancelAckTimeout: (() => void) | undefined;
  #cancelAnnouncement: (() => void) | undefined;
  #onSettled = () => {};
  #stopped: Promise<void> | undefined;

  constructor(options: MqttOptions, log: Logger, clock: Clock) {
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#log = log;
    this.#clock = clock;
    this.#outbox = new Outbox(options.outboxEvents);
    const handlers = {
      onConnect: () => this.#onConnect(),
      onClose: () => this.#onClose(),
      onMessage: (topic: string, payload: string) => this.#onMessage(topic, payload),
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
    };
  }

  /**
   * Begins to connect, for ever; a broker that is down does no harm.
   *
   * @throws UserError configuration, where the address or a TLS file is unusable
   */
  start(): void {
    this.#connection.start();
    const { discovery } = this.#options;
    if (discovery) this.setState(discovery.topic, discovery.payload);
  }

  /** A retained state: published now or on connecting, and again after every reconnect. */
  setState(topic: string, payload: string, qos: 0 | 1 = 1): void {
    this.#states.set(topic, { payload, qos });
    this.#unsent.add(topic);
    this.#pump();
  }

  /**
   * An event, QoS 1 and never retained: published now or, in order, once there is a connection.
   *
   * @param build makes the payload at the moment of each attempt; `replayed` when it could not be sent at once
   */
  sendEvent(topic: string, build: (replayed: boolean) => string): void {
    this.#outbox.add({ topic, build, replayed: !this.connected });
    this.#pump();
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
    let cancel = () => {};
    const timeout = new Promise<void>((resolve) => {
      cancel = this.#clock.after(this.#timing.stopTimeoutMs, resolve);
    });
    await Promise.race([this.#farewell(), timeout]);
    cancel();
    this.#connection.stop();
    this.#cancelAckTimeout?.();
    this.#cancelAnnouncement?.();
    if (this.#outbox.size > 0)
      this.#log.warn({ events: this.#outbox.size }, 'stopped with events that could not be sent');
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
    const busy = this.#unsent.size > 0 || this.#awaited.size > 0 || this.#outbox.size > 0;
    if (!busy || !this.#connection.active) this.#onSettled();
  }

  #onConnect(): void {
    if (this.#options.discovery) this.#connection.subscribe(BIRTH_TOPIC);
    this.#announce();
  }

  #onClose(): void {
    this.#awaited.clear();
    this.#cancelAckTimeout?.();
    this.#cancelAckTimeout = undefined;
    this.#cancelAnnouncement?.();
    this.#cancelAnnouncement = undefined;
    for (const event of this.#outbox) event.replayed = true;
    this.#checkSettled();
  }

  /** Home Assistant has started; not all its devices should answer at the same moment. */
  #onMessage(topic: string, payload: string): void {
    if (topic !== BIRTH_TOPIC || payload !== 'online' || this.#stopped !== undefined) return;
    const { announceMinMs, announceMaxMs } = this.#timing;
    const pauseMs = announceMinMs + Math.random() * (announceMaxMs - announceMinMs);
    this.#cancelAnnouncement ??= this.#clock.after(pauseMs, () => {
      this.#cancelAnnouncement = undefined;
      this.#announce();
    });
  }

  /** Publishes all states in the order in which they were first set, and then `online`: it vouches for them. */
  #announce(): void {
    const { availability } = this.#options.topics;
    this.#states.delete(availability);
    this.#states.set(availability, { payload: 'online', qos: 1 });
    this.#unsent.clear();
    for (const topic of this.#states.keys()) this.#unsent.add(topic);
    this.#pump();
  }

  /** Publishes what waits, as long as no earlier message on the same topic awaits its acknowledgement. */
  #pump(): void {
    if (!this.connected) return;
    for (const topic of this.#unsent) {
      const state = this.#states.get(topic);
      if (state === undefined || this.#awaited.has(topic)) continue;
      this.#unsent.delete(topic);
      this.#publish(topic, state.payload, { qos: state.qos, retain: true });
    }
    const event = this.#outbox.first;
    if (event === undefined || this.#awaited.has(event.topic)) return;
    const delivered = () => this.#outbox.remove(event);
    this.#publish(event.topic, event.build(event.replayed), { qos: 1, retain: false }, delivered);
  }

  #publish(
    topic: string,
    payload: string,
    options: { qos: 0 | 1; retain: boolean },
    onDelivered?: () => void,
  ): void {
    this.#awaited.add(topic);
    this.#cancelAckTimeout ??= this.#expectAck();
    this.#connection.publish(topic, payload, options, () => {
      onDelivered?.();
      this.#awaited.delete(topic);
      this.#cancelAckTimeout?.();
      this.#cancelAckTimeout = this.#awaited.size > 0 ? this.#expectAck() : undefined;
      this.#pump();
      this.#checkSettled();
    });
  }

  /** A connection on which nothing is acknowledged any more is dead, whatever TCP says. */
  #expectAck(): () => void {
    return this.#clock.after(this.#timing.ackTimeoutMs, () =>
      this.#connection.abandon('the broker stopped answering'),
    );
  }
}
