import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/types.js';

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #sleptMs = 0;
  readonly #timers = new Set<{ atMs: number; callback: () => void }>();

  /** @param startWallMs wall-clock time at `now() === 0` */
  constructor(private readonly startWallMs = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.startWallMs + this.uptimeMs();
  }

  uptimeMs(): number {
    return this.#nowMs + this.#sleptMs;
  }

  /** Lets the machine sleep for so long. */
  sleep(ms: number): void {
    this.#sleptMs += ms;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass: fires what is due in order, and lets promises settle before and after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }
}

/** Lets everything run that waits for no timer and no input or output. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await setImmediate();
}
