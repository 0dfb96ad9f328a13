import type { Outbox, WaitingEvent } from '../storage/outbox.js';
import type { Clock, Logger } from '../types.js';

/** Who comes later than this finds people who know, or a history to look at. */
export const UNHEARD_MS = 3_600_000;

interface AudienceHooks {
  /** It turns out that nobody is there, or somebody comes. */
  onChange(): void;
  /** Somebody may have come: try. */
  onRetry(): void;
}

/**
 * Who hears events. A broker of MQTT 5 takes an event also where nobody is subscribed, and says so. Such an event is
 * kept for an hour – the end of an alarm, too, for whoever is told of its start – and told as soon as somebody is there.
 * That shows when it is sent: the oldest alone, and the others after it where it is heard. What is a test is let go.
 */
export class Audience {
  /** When the broker took each of these for the first time, oldest first. */
  readonly #unheard = new Map<WaitingEvent, number>();
  /** The one that is sent to see whether somebody is there. */
  #probe: WaitingEvent | undefined;
  #isGone = false;
  #newestMs = Number.NEGATIVE_INFINITY;
  #cancel = () => {};

  /** @param retryMs how soon it is tried again, at first */
  constructor(
    private readonly outbox: Pick<Outbox, 'has' | 'remove'>,
    private readonly retryMs: number,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly hooks: AudienceHooks,
  ) {}

  /** Nobody was there when the last event was taken, within the last hour. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** So many events wait for somebody. */
  get waiting(): number {
    this.#prune();
    return this.#unheard.size;
  }

  /** It is not sent now: nobody would hear it. */
  lacks(event: WaitingEvent): boolean {
    return this.#unheard.has(event) && event !== this.#probe;
  }

  /** The broker has taken it, and somebody is subscribed, as far as it says. */
  heard(event: WaitingEvent): void {
    this.outbox.remove(event);
    this.stop();
    this.#unheard.clear();
    if (this.#isGone) this.log.info({ topic: event.topic }, 'somebody is subscribed to events again');
    this.#setGone(false);
  }

  /** The broker has taken it, and nobody is subscribed. */
  unheard(event: WaitingEvent): void {
    const nowMs = this.clock.now();
    const sinceMs = this.#unheard.get(event) ?? nowMs;
    this.#probe = undefined;
    this.#newestMs = Math.max(this.#newestMs, sinceMs);
    if (nowMs - sinceMs >= UNHEARD_MS || isTest(event)) {
      this.#unheard.delete(event);
      this.outbox.remove(event);
    } else {
      event.replayed = true;
      this.#unheard.set(event, sinceMs);
    }
    this.stop();
    const waits = this.waiting > 0;
    // Each time it has waited twice as long: a broker may have rules that take events without a subscription, and tell
    // people each time.
    const pauseMs = Math.max(this.retryMs, nowMs - this.#newestMs);
    if (waits) this.#cancel = this.clock.after(pauseMs, this.hooks.onRetry);
    else this.#cancel = this.clock.after(isTest(event) ? UNHEARD_MS : 0, () => this.#setGone(false));
    if (!this.#isGone)
      this.log.warn(
        { topic: event.topic },
        'nobody is subscribed to this topic at the broker: what is no test is kept for an hour, and tried again',
      );
    this.#setGone(true);
  }

  /** The broker refuses it now, which says nothing of who is there: the next one is sent in its place. */
  refused(event: WaitingEvent): void {
    if (this.#unheard.delete(event)) this.retry();
  }

  /** Somebody may be there now: the oldest may be sent. */
  retry(): void {
    this.#prune();
    [this.#probe] = this.#unheard.keys();
  }

  stop(): void {
    this.#cancel();
  }

  #setGone(isGone: boolean): void {
    if (isGone === this.#isGone) return;
    this.#isGone = isGone;
    this.hooks.onChange();
  }

  /** What made room for others is kept no more. */
  #prune(): void {
    for (const event of this.#unheard.keys()) {
      if (!this.outbox.has(event)) this.#unheard.delete(event);
    }
  }
}

function isTest({ payload }: WaitingEvent): boolean {
  return (JSON.parse(payload) as { test?: unknown }).test === true;
}
