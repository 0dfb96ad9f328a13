import type { Outbox, WaitingEvent } from '../storage/outbox.js';
import type { Clock, Logger } from '../types.js';
import { Announcing } from './announcing.js';
import { Audience } from './audience.js';
import type { BrokerConnection, IncomingMessage } from './connection.js';
import { InFlight } from './in-flight.js';
import type { Announcement, Message, MqttTiming } from './options.js';
import { deliveredEvent } from './payloads.js';
import { echoName, type Manner, Refusals, subscriptionName } from './refusals.js';
import type { RetainedStates } from './states.js';

/** Fixed header, lengths, message id and properties of a PUBLISH: at most so many bytes beside topic and payload. */
const OVERHEAD_BYTES = 16;

const HUNG_UP =
  'the broker closes the connection when it is sent this; its access list or its limit of length may forbid it';

type Link = Pick<
  BrokerConnection,
  'connected' | 'publish' | 'subscribe' | 'abandon' | 'maximumPacketBytes' | 'receiveMaximum' | 'forgive'
>;

interface DeliveryHooks {
  onRefusal(): void;
  /** A message on this topic is taken; unheard: and nobody is subscribed. */
  onTaken(topic: string, unheard: boolean): void;
  /** The broker has answered something. */
  onSettled(): void;
}

/**
 * The order of what is said. Events that wait go before everything else, so that nothing the broker dislikes can
 * hold back an alarm; then what we listen to, what has to be said once, and the states.
 *
 * At most one message per topic awaits its acknowledgement, and of all no more than the broker takes. That bounds what
 * is in flight, keeps events in order and lets a state that changes faster than the broker answers skip to its newest
 * value. After the broker has hung up it is one message in all, and each acknowledged: so it shows which one the broker
 * does not stand. That one is set aside.
 */
export class Delivery {
  readonly refusals: Refusals;
  readonly audience: Audience;
  readonly #inFlight: InFlight;
  readonly #announcing: Announcing;
  #subscriptions = new Set<string>();
  #echo = '';
  /** Topics of our own that are among them. */
  #echoes: readonly string[] = [];
  /** The topic of the long message, where nothing but its coming back says that the broker passes it on. */
  #longEcho: string | undefined;
  #event: WaitingEvent | undefined;
  /** Were set aside because they were late, and go again with the next first answer: late once more, they are why. */
  readonly #late = new WeakSet<WaitingEvent>();
  #eventsFirst = false;
  #careful = false;

  constructor(
    private readonly link: Link,
    private readonly states: RetainedStates,
    private readonly outbox: Outbox,
    announcement: Announcement | undefined,
    timing: Pick<MqttTiming, 'ackTimeoutMs' | 'refusedRetryMs'>,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly hooks: DeliveryHooks,
  ) {
    // A connection on which one message is not acknowledged is of no use, whatever TCP says and others get.
    const onLate = () => link.abandon('the broker stopped answering');
    this.#inFlight = new InFlight(timing.ackTimeoutMs, clock, onLate);
    this.refusals = new Refusals(timing.refusedRetryMs, clock, log, hooks.onRefusal);
    this.audience = new Audience(outbox, timing.refusedRetryMs, clock, log, {
      onChange: hooks.onRefusal,
      onRetry: () => this.retryEvents(),
    });
    this.#announcing = new Announcing(announcement, states);
  }

  /** Nothing that the broker may take waits, and no answer is awaited. */
  get idle(): boolean {
    return this.#inFlight.size === 0 && !this.urgent && !this.states.waiting(this.refusals);
  }

  get urgent(): boolean {
    return this.#nextEvent() !== undefined;
  }

  get underWay(): string[] {
    return this.#inFlight.keys;
  }

  announce(): void {
    this.#announcing.start();
  }

  /**
   * There is a new connection.
   *
   * @param subscriptions by which we are told something
   * @param echo a topic of our own, heard only to notice what else is said there
   * @param silent the broker does not say what it drops
   */
  begin(subscriptions: Iterable<string>, echo: string, silent: boolean): void {
    this.#eventsFirst = true;
    this.#announcing.restart();
    this.#echo = echo;
    this.#longEcho = silent ? this.#announcing.long : undefined;
    this.#echoes = this.#longEcho === undefined ? [echo] : [echo, this.#longEcho];
    this.#subscriptions = new Set([...subscriptions, ...this.#echoes]);
    this.refusals.release();
  }

  /**
   * Something is heard. `online` follows the long message: where that alone comes back, a limit of length has dropped
   * the long one – or an access list does not let us read it, and then short ones do as well.
   */
  heard({ topic, payload, retained }: IncomingMessage): void {
    const long = this.#longEcho;
    if (long === undefined || retained) return;
    const isOnline = topic === this.#echo && payload.toString() === 'online';
    if (topic !== long && !isOnline) return;
    this.#longEcho = undefined;
    if (isOnline && !this.refusals.has(echoName(long))) this.#fallBack(long, 'does not hand back');
  }

  subscribe(topic: string): void {
    this.#subscriptions.add(topic);
    this.pump();
  }

  /** Somebody may have come who hears events, and the broker may take what it has refused. */
  retryEvents(): void {
    this.audience.retry();
    this.refusals.release();
    this.pump();
  }

  /** The connection is gone; where the broker has closed it, what it was sent may be why. */
  break(hungUp: boolean): void {
    this.#careful = hungUp;
    const event = this.#event;
    this.#event = undefined;
    this.outbox.markReplayed();
    this.audience.retry(); // who is there at the next connection is not known
    const isWhy = this.#eventsFirst && event !== undefined && this.#late.has(event);
    const culprit = this.#inFlight.break(hungUp, isWhy);
    if (culprit === undefined) return;
    const { key } = culprit;
    const reason = culprit.hungUp ? HUNG_UP : 'the broker does not acknowledge it';
    if (key === event?.topic) {
      if (!culprit.hungUp) this.#late.add(event);
      this.#refuseEvent(event, reason, 'unanswered');
    } else if (!this.#fallBack(key)) {
      // A broker that hangs up on one of many alike does so on each: not a broken connection for every one.
      const names = culprit.hungUp ? this.#announcing.alike(key) : [key];
      for (const name of names) this.#refuseState(name, reason, culprit.hungUp ? 'costly' : 'unanswered');
    }
    this.link.forgive();
  }

  stop(): void {
    this.#inFlight.break(false);
    this.refusals.stop();
    this.audience.stop();
  }

  /** Publishes what waits and may go now. */
  pump(): void {
    if (!this.link.connected) return;
    this.#pumpEvent();
    this.#eventsFirst &&= this.#event !== undefined;
    if (this.#eventsFirst) return;
    for (const topic of this.#subscriptions) this.#subscribe(topic);
    this.#pumpFirst();
    const isHeld = (topic: string) => this.#announcing.next !== undefined || this.#isHeld(topic);
    for (const { topic, payload, qos, retain } of this.states.take(isHeld))
      this.#publish({ topic, payload }, { qos: this.#careful ? 1 : qos, retain });
  }

  /** For whoever listens just now; while it is not clear what the broker does not stand, only what it answers. */
  send(message: Message): void {
    if (!this.#careful) this.link.publish(message.topic, message.payload, { qos: 0, retain: false });
    else if (!this.#isHeld(message.topic)) this.#publish(message, { qos: 1, retain: false });
  }

  #isHeld(key: string): boolean {
    // One place is kept free for an alarm.
    const most = this.#careful ? 1 : Math.max(1, this.link.receiveMaximum - 1);
    return this.#inFlight.size >= most || this.#inFlight.has(key) || this.refusals.has(key);
  }

  #nextEvent(): WaitingEvent | undefined {
    return this.outbox.next((each) => this.refusals.has(nameOf(each)) || this.audience.lacks(each));
  }

  #pumpEvent(): void {
    for (
      let event = this.#nextEvent();
      event && !this.#inFlight.has(event.topic) && this.#inFlight.size < this.link.receiveMaximum;
      event = this.#nextEvent()
    ) {
      const waiting = event;
      const payload = deliveredEvent(event, this.clock);
      const refused = (reason: string) => this.#refuseEvent(waiting, reason, 'answered');
      const delivered = (unheard: boolean) => {
        this.refusals.delete(nameOf(waiting));
        if (unheard) this.audience.unheard(waiting);
        else this.audience.heard(waiting);
      };
      this.#event = waiting;
      this.#publish({ topic: event.topic, payload }, { qos: 1, retain: false }, delivered, refused);
    }
  }

  #refuseEvent(event: WaitingEvent, reason: string, manner: Manner): void {
    if (this.#event === event) this.#event = undefined;
    this.audience.refused(event);
    const retry = () => (this.outbox.has(event) ? this.pump() : this.refusals.delete(nameOf(event)));
    this.refusals.add(nameOf(event), reason, retry, manner);
  }

  #pumpFirst(): void {
    for (let message = this.#announcing.next; message; message = this.#announcing.next) {
      if (this.#inFlight.size > 0) return;
      const { topic } = message;
      if (this.refusals.has(topic)) this.#announcing.advance(false);
      else
        this.#publish(
          message,
          { qos: 1, retain: true },
          () => this.#announcing.advance(true),
          (reason) => this.#refuseState(topic, reason, 'answered'),
        );
    }
  }

  #subscribe(topic: string): void {
    const key = this.#echoes.includes(topic) ? echoName(topic) : subscriptionName(topic);
    if (this.#isHeld(key)) return;
    this.#subscriptions.delete(topic);
    this.#inFlight.begin(key);
    this.link.subscribe(topic, (refusal) => {
      if (refusal) this.refusals.add(key, refusal.reason, () => this.subscribe(topic), 'answered');
      else this.refusals.delete(key);
      this.#settle(key);
    });
  }

  #publish(
    message: Message,
    options: { qos: 0 | 1; retain: boolean },
    onDelivered: (unheard: boolean) => void = () => {},
    onRefused = (reason: string) => this.#refuseState(message.topic, reason, 'answered'),
  ): void {
    const { topic, payload } = message;
    const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload) + OVERHEAD_BYTES;
    const { maximumPacketBytes } = this.link;
    if (bytes > maximumPacketBytes) {
      if (this.#fallBack(topic)) return;
      onRefused(`it has ${bytes} bytes, and the broker takes ${maximumPacketBytes} at most`);
      return;
    }
    this.#inFlight.begin(topic);
    this.link.publish(topic, payload, options, (refusal, unheard) => {
      if (topic === this.#event?.topic) this.#event = undefined;
      if (!refusal) {
        this.refusals.delete(topic);
        onDelivered(unheard);
        this.hooks.onTaken(topic, unheard);
      } else if (!refusal.tooLong || !this.#fallBack(topic)) onRefused(refusal.reason);
      this.#settle(topic, options.qos > 0);
    });
  }

  #settle(key: string, answered = true): void {
    if (this.#inFlight.settle(key, answered)) this.refusals.retry(); // what is set aside was not why
    this.pump();
    this.hooks.onSettled();
  }

  #refuseState(name: string, reason: string, manner: Manner): void {
    const retry = () => {
      this.states.again(name);
      this.pump();
    };
    this.refusals.add(name, reason, retry, manner);
  }

  /** @returns whether this announces the device and is said in smaller messages instead */
  #fallBack(topic: string, verdict = 'does not take'): boolean {
    if (!this.#announcing.shrink(topic)) return false;
    this.log.warn(
      { topic },
      `the broker ${verdict} the long message that announces the device: it gets short ones`,
    );
    this.pump();
    return true;
  }
}

function nameOf({ topic, name }: WaitingEvent): string {
  return `${topic} ${name}`;
}
