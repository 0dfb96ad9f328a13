import type { Clock } from '../types.js';
import type { MqttTiming } from './options.js';

/** When the next attempt to connect follows. */
export class BackOff {
  /** Attempts that failed, and connections that broke soon, since one that held. */
  #attempts = 0;
  /** When the last one began. */
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #try: (() => void) | undefined;
  #cancel = () => {};

  /** @param isUrgent something waits that must not wait longer than `urgentMaxMs` */
  constructor(
    private readonly timing: Pick<MqttTiming, 'reconnectMinMs' | 'reconnectMaxMs'> & {
      readonly urgentMaxMs?: number;
    },
    private readonly clock: Clock,
    private readonly isUrgent = () => false,
  ) {}

  /** Tries after a pause that doubles from attempt to attempt; up to half of it is random, so that clients do not come back as one. */
  next(attempt: () => void): void {
    const { reconnectMinMs, reconnectMaxMs, urgentMaxMs = reconnectMaxMs } = this.timing;
    const longestMs = this.isUrgent() ? Math.min(reconnectMaxMs, urgentMaxMs) : reconnectMaxMs;
    const pauseMs = Math.min(longestMs, reconnectMinMs * 2 ** this.#attempts++);
    this.now(attempt, pauseMs * (1 - Math.random() / 2));
  }

  /** Tries after this pause, or at once. */
  now(attempt: () => void, pauseMs = 0): void {
    this.#cancel();
    this.#try = attempt;
    this.#cancel = this.clock.after(pauseMs, () => {
      this.#try = undefined;
      this.#triedAtMs = this.clock.now();
      attempt();
    });
  }

  /** Tries now rather than after the rest of a pause, though not more often than after the shortest one. */
  hurry(): void {
    if (this.#try === undefined) return;
    this.now(this.#try, Math.max(0, this.#triedAtMs + this.timing.reconnectMinMs - this.clock.now()));
  }

  /** The next pause is the shortest one again. */
  reset(): void {
    this.#attempts = 0;
  }

  stop(): void {
    this.#cancel();
    this.#try = undefined;
  }
}
