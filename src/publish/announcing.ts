import type { Announcement, Message } from './options.js';
import type { RetainedStates } from './states.js';

/** Where the announcement of the device stands: what has to be said once comes before its states. */
export class Announcing {
  #next = 0;
  /** None of `first` was refused. */
  #whole = true;

  constructor(
    private announcement: Announcement | undefined,
    private readonly states: RetainedStates,
  ) {}

  /** Of what has to be said once, the next message. */
  get next(): Message | undefined {
    return this.announcement?.first[this.#next];
  }

  /** The topic of the long message, where one is said and could be said in smaller ones. */
  get long(): string | undefined {
    const { messages = [], longTopic } = this.announcement ?? {};
    return messages.find(({ topic }) => topic === longTopic)?.topic;
  }

  /** Sets the states that announce the device. */
  start(): void {
    for (const { topic, payload } of this.announcement?.messages ?? []) this.states.set(topic, payload, 1);
  }

  /** What has to be said once begins again. */
  restart(): void {
    this.#next = 0;
  }

  /** The broker has the next message, or does not take it: then what was to be said once has to be said again by the next run. */
  advance(taken: boolean): void {
    this.#next++;
    this.#whole &&= taken;
    if (this.#next === this.announcement?.first.length && this.#whole) this.announcement.onDone();
  }

  /** The topics of all that a broker refuses that refuses this one. */
  alike(topic: string): readonly string[] {
    const { messages = [], longTopic } = this.announcement ?? {};
    const short = messages.map((message) => message.topic).filter((each) => each !== longTopic);
    return short.includes(topic) ? short : [topic];
  }

  /** @returns whether this announces the device and can be said in smaller messages, which then wait */
  shrink(topic: string): boolean {
    const before = this.announcement;
    const { longTopic, first = [] } = before ?? {};
    if (!before?.smaller || !(topic === longTopic || first.some((message) => message.topic === topic)))
      return false;
    for (const message of before.messages) this.states.delete(message.topic);
    this.announcement = before.smaller();
    this.#next = 0;
    this.#whole = true;
    this.start();
    return true;
  }
}
