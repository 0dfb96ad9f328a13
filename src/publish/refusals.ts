import type { Clock, Logger, Problem } from '../types.js';

/** Longest pause before what was refused is tried again; it doubles up to this. */
export const LONGEST_RETRY_MS = 3_600_000;
/** By so much longer are the pauses where to try costs connections, and no alarm waits. */
export const COSTLY = 20;

const SUBSCRIPTION = 'subscription to ';
const ECHO = 'echo of ';

interface Refusal {
  reason: string;
  /** It is not sent now. */
  held: boolean;
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
    return this.#refused.get(name)?.held ?? false;
  }

  /**
   * Sets something aside and says it, once for each reason.
   *
   * @param name topic or event
   * @param retry called when it may be tried again
   * @param isCostly to try it again may cost connections
   */
  add(name: string, reason: string, retry: () => void, isCostly = false): void {
    const before = this.#refused.get(name);
    before?.cancelRetry();
    const factor = isCostly ? COSTLY : 1;
    const pauseMs = Math.min(
      LONGEST_RETRY_MS * factor,
      before ? 2 * before.pauseMs : this.firstRetryMs * factor,
    );
    const refusal: Refusal = {
      ...{ reason, held: true, pauseMs, cancelRetry: () => {} },
      retry() {
        refusal.held = false;
        retry();
      },
    };
    refusal.cancelRetry = this.clock.after(pauseMs, refusal.retry);
    this.#refused.set(name, refusal);
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
    for (const { held, cancelRetry, retry } of [...this.#refused.values()]) {
      if (!held) continue;
      cancelRetry();
      retry();
    }
  }

  stop(): void {
    for (const { cancelRetry } of this.#refused.values()) cancelRetry();
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
