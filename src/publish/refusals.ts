import type { Clock, Logger, Problem } from '../types.js';

/** Longest pause before what was refused is tried again; it doubles up to this. */
export const LONGEST_RETRY_MS = 3_600_000;
/** By so much longer are the pauses where to try costs connections, and no alarm waits. */
export const COSTLY = 20;

const SUBSCRIPTION = 'subscription to ';
const ECHO = 'echo of ';

/** How it was refused; costly: to try it again may cost connections. */
export type Manner = 'answered' | 'unanswered' | 'costly';

interface Refusal {
  reason: string;
  manner: Manner;
  /** Its pause is not over. */
  pausing: boolean;
  /** It may be sent all the same. */
  released: boolean;
  pauseMs: number;
  /** Tries it again. */
  retry: () => void;
  cancelRetry: () => void;
}

/** What the broker does not take from us, or does not let us hear: each is set aside while all else goes on. */
export class Refusals {
  readonly #refused = new Map<string, Refusal>();

  /**
   * @param firstRetryMs pause before one is tried again
   * @param onChange called when there is one more, or one less
   */
  constructor(
    private readonly firstRetryMs: number,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly onChange: () => void,
  ) {}

  /** In the order in which they were refused first. */
  get names(): string[] {
    return [...this.#refused.keys()];
  }

  /** It is set aside now. */
  has(name: string): boolean {
    const { pausing = false, released = false } = this.#refused.get(name) ?? {};
    return pausing && !released;
  }

  /**
   * Sets something aside and says it, once for each reason.
   *
   * @param name topic or event
   * @param retry called when it may be tried again
   */
  add(name: string, reason: string, retry: () => void, manner: Manner): void {
    const before = this.#refused.get(name);
    before?.cancelRetry();
    const factor = manner === 'costly' ? COSTLY : 1;
    const nextMs = before?.pausing ? before.pauseMs : before && 2 * before.pauseMs;
    const pauseMs = Math.min(LONGEST_RETRY_MS * factor, nextMs ?? this.firstRetryMs * factor);
    const refusal: Refusal = {
      ...{ reason, manner, pausing: true, released: false, pauseMs, cancelRetry: () => {} },
      retry() {
        refusal.pausing = false;
        retry();
      },
    };
    refusal.cancelRetry = this.clock.after(pauseMs, refusal.retry);
    this.#refused.set(name, refusal);
    if (before) this.#release(false);
    if (before?.reason !== reason) this.log.warn({ refused: name, reason }, `${newsOf(name)}: ${reason}`);
    if (!before) this.onChange();
  }

  /** The broker takes it now, or nobody sends it any more. */
  delete(name: string): void {
    const refusal = this.#refused.get(name);
    if (!refusal) return;
    refusal.cancelRetry();
    this.#refused.delete(name);
    this.log.info({ refused: name }, `${name} is no longer refused`);
    this.onChange();
  }

  /** All that is set aside is tried again now: the broker, which answered nothing, answers. */
  retry(): void {
    for (const [name, { cancelRetry, retry }] of [...this.#refused]) {
      if (!this.has(name)) continue;
      cancelRetry();
      retry();
    }
  }

  /**
   * The broker may answer something else by now: what it has answered to may be sent, which costs nothing but one more
   * answer. The first that is refused again speaks for the rest.
   */
  release(): void {
    this.#release(true);
  }

  stop(): void {
    for (const { cancelRetry } of this.#refused.values()) cancelRetry();
  }

  #release(released: boolean): void {
    for (const refusal of this.#refused.values())
      refusal.released = released && refusal.manner === 'answered';
  }
}

/** What a subscription is called where it is refused. */
export function subscriptionName(topic: string): string {
  return `${SUBSCRIPTION}${topic}`;
}

/** What the subscription to a topic of our own is called where it is refused: no command comes by it. */
export function echoName(topic: string): string {
  return `${ECHO}${topic}`;
}

function newsOf(name: string): string {
  if (name.startsWith(ECHO)) return `what others say on ${name.slice(ECHO.length)} is not heard`;
  return name.startsWith(SUBSCRIPTION)
    ? `commands are not heard on ${name.slice(SUBSCRIPTION.length)}`
    : `${name} is set aside and all else goes on`;
}

/** What is wrong where these are refused. */
export function refusalProblems(names: readonly string[]): Problem[] {
  const harmful = names.filter((name) => !name.startsWith(ECHO));
  const problems = harmful.map((name) =>
    name.startsWith(SUBSCRIPTION) ? 'commands_not_heard' : 'messages_refused',
  );
  return [...new Set(problems)];
}
