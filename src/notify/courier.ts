import { messageOf } from '../errors.js';
import { BackOff } from '../publish/back-off.js';
import { deliveredEvent } from '../publish/payloads.js';
import type { Outbox, WaitingEvent } from '../storage/outbox.js';
import { within } from '../system/within.js';
import type { Clock, Logger } from '../types.js';
import type { Channel } from './channel.js';
import { Refused } from './post.js';
import type { Complaints } from './trouble.js';

/** Pauses between attempts, which double. */
export const PAUSE = { reconnectMinMs: 2000, reconnectMaxMs: 300_000 };
/** What somebody should come for, whatever was told before. An end is none of it: it stays behind its beginning. */
const PRESSING: ReadonlySet<string> = new Set([
  'alarm_started',
  'alarm_escalated',
  'long_stay',
  'sound_heard',
]);
/** After this it waits for its turn: one that a server never answers to must not keep the rest for longer. */
export const PRESSING_MS = 3_600_000;
/** So often one event is tried that the server calls no good, while it takes others. */
const MOST_REFUSALS = 5;
/** How long a stop waits for what is being sent. */
const STOP_MS = 2000;

/**
 * Takes events to a server, one at a time, out of an outbox: what presses first, the latest alarm before all others, then
 * the oldest. One that is hanging, refusing or away gets them later, also after a restart. An event that the server refuses
 * lets the others pass, and is given up where the server takes those: of one that takes nothing the address may be
 * wrong, and a person mends that.
 */
export class Courier implements Channel {
  readonly #backOff: BackOff;
  readonly #abort = new AbortController();
  /** What has been refused since all that waits was tried. */
  readonly #passed = new Set<WaitingEvent>();
  /** Although the server has answered: how often it was called no good, and what had been taken before. */
  readonly #refused = new WeakMap<WaitingEvent, { times: number; readonly takenBefore: number }>();
  #taken = 0;
  /** Of those that the outbox has lost, how many were said. */
  #lost = 0;
  #sending: Promise<void> | undefined;
  #pausing = false;
  #stopping = false;

  /**
   * @param name for the log: `webhook`
   * @param server for the log: its origin
   * @param send rejects with `Refused` where the server has answered, or nothing can be sent
   */
  constructor(
    private readonly name: string,
    private readonly server: string,
    private readonly outbox: Outbox,
    private readonly send: (event: string, signal: AbortSignal) => Promise<void>,
    private readonly trouble: Complaints,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    this.#backOff = new BackOff(PAUSE, clock);
  }

  start(): void {
    this.outbox.start();
    this.#sayLosses();
    this.#go();
  }

  tell(notice: string): void {
    this.outbox.add(this.name, notice, this.#pausing);
    this.#sayLosses();
    this.#backOff.reset(); // also for a try that is under way and may fail
    if (this.#pausing) this.#backOff.hurry();
    else this.#go();
  }

  keepAgain(): void {
    this.outbox.keepAgain();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#backOff.stop();
    await within(this.clock, STOP_MS, this.#settled());
    this.#abort.abort();
    await this.#settled();
    await this.outbox.stop();
    const { size: events, kept } = this.outbox;
    if (events > 0)
      this.log.warn(
        { events },
        `stopped with events that ${this.name} has not taken; ${kept ? 'the next start sends them' : 'they are lost'}`,
      );
  }

  async #settled(): Promise<void> {
    while (this.#sending) await this.#sending;
  }

  #go(): void {
    this.#pausing = false;
    if (this.#sending || this.#abort.signal.aborted) return;
    const event = this.#next();
    this.#sayLosses();
    if (!event) return;
    this.#sending = this.#deliver(event).then((delivered) => {
      this.#sending = undefined;
      if (delivered) this.#go();
      else this.#pause();
    });
  }

  /** The newest that presses, or else the oldest, of what has not been refused in this round. */
  #next(): WaitingEvent | undefined {
    const isPassed = (each: WaitingEvent) => this.#passed.has(each);
    const newest = this.outbox.newest((each) => !isPassed(each) && this.#presses(each));
    const event = newest ? this.#firstOf(newest) : this.outbox.next(isPassed);
    if (event || this.#passed.size === 0) return event;
    this.#passed.clear();
    return this.#next();
  }

  /** Of the same alarm what presses first: nobody shall be told of it backwards. */
  #firstOf(event: WaitingEvent): WaitingEvent {
    const { episodeId } = factsOf(event);
    const isOther = (each: WaitingEvent) =>
      this.#passed.has(each) || !this.#presses(each) || factsOf(each).episodeId !== episodeId;
    return (episodeId === undefined ? undefined : this.outbox.next(isOther)) ?? event;
  }

  /** What an earlier run has left does not: of what still holds this one tells anew. */
  #presses(event: WaitingEvent): boolean {
    const { addedAtMs } = event;
    if (addedAtMs === undefined || this.clock.uptimeMs() - addedAtMs > PRESSING_MS) return false;
    return PRESSING.has(factsOf(event).event_type);
  }

  #pause(): void {
    if (this.#stopping) return;
    this.#pausing = true;
    this.#backOff.next(() => this.#go());
  }

  async #deliver(event: WaitingEvent): Promise<boolean> {
    try {
      const payload = deliveredEvent(event, this.clock);
      await this.send(payload, this.#abort.signal);
      this.outbox.remove(event);
      this.#taken++;
      // It takes something again: what presses need not wait for the end of the round.
      for (const each of this.#passed) if (this.#presses(each)) this.#passed.delete(each);
      this.#backOff.reset();
      if (!this.outbox.next((each) => !this.#refused.has(each))) this.trouble.works();
      return true;
    } catch (error) {
      this.outbox.markReplayed();
      this.#failed(event, error);
      return false;
    }
  }

  #failed(event: WaitingEvent, error: unknown): void {
    if (this.#abort.signal.aborted) return; // this is why
    const { server } = this;
    const problem = messageOf(error);
    this.trouble.fails();
    const waiting = this.outbox.size;
    this.log.warn({ server, problem, waiting }, `${this.name} has not taken an event; it is tried again`);
    if (!(error instanceof Refused)) return;
    this.#passed.add(event);
    const refusal = this.#refused.get(event) ?? { times: 0, takenBefore: this.#taken };
    this.#refused.set(event, refusal);
    if (error.final) refusal.times++;
    if (refusal.times < MOST_REFUSALS || this.#taken === refusal.takenBefore) return;
    this.outbox.remove(event);
    this.log.error({ server, problem }, `${this.name} refuses an event for good; it is given up`);
    this.trouble.loses();
  }

  /** They made room, were too old, or their file cannot be used; the log says which. */
  #sayLosses(): void {
    const { dropped } = this.outbox;
    if (dropped > this.#lost) this.trouble.loses();
    this.#lost = dropped;
  }
}

function factsOf({ payload }: WaitingEvent): { readonly event_type: string; readonly episodeId?: string } {
  return JSON.parse(payload);
}
