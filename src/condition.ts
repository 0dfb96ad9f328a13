import { PROBLEMS } from './problems.js';
import type { Clock, Said } from './types.js';

/** Without a window for so long, nothing is analysed, whatever else is said. */
const SILENT_MS = 10_000;
/** With any of these nobody is listened to. */
const DEAF: ReadonlySet<string> = new Set([
  ...PROBLEMS.microphone,
  ...PROBLEMS.sound,
  ...PROBLEMS.engine,
  'no_sound',
]);

/** How a microphone is, by what health says and by whether windows come; known whether or not anybody looks. */
export class Condition {
  #problems: readonly string[] = [];
  #windowAtMs: number;

  /** @param topic on which health is said */
  constructor(
    private readonly topic: string,
    private readonly clock: Clock,
  ) {
    this.#windowAtMs = clock.now();
  }

  /** Takes every message. */
  said({ topic, payload }: Said): void {
    if (topic === this.topic) this.#problems = (JSON.parse(payload) as { problems: string[] }).problems;
  }

  /** A window was analysed. */
  window(): void {
    this.#windowAtMs = this.clock.now();
  }

  /** What is wrong by the last health message. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Why nobody is listened to; empty where somebody is. */
  get deafness(): string[] {
    const deaf = this.#problems.filter((problem) => DEAF.has(problem));
    const silent = this.clock.now() - this.#windowAtMs > SILENT_MS;
    return silent && deaf.length === 0 ? ['nothing is analysed'] : deaf;
  }

  /** Why nobody could rely on it: it is deaf, or an alarm would not survive a restart. */
  get illness(): string[] {
    return [...this.deafness, ...this.#problems.filter((problem) => problem === 'outbox_not_durable')];
  }
}
