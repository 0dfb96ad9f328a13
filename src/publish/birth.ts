import { BIRTH_TOPIC } from '../constants.js';
import type { Clock } from '../types.js';
import type { IncomingMessage } from './connection.js';
import type { MqttTiming } from './options.js';

/** Notices that Home Assistant has started, which then wants to be told everything again. */
export class HomeAssistantBirth {
  #cancel: (() => void) | undefined;
  /** It came, and the connection broke before it was told. */
  #owed = false;

  /**
   * @param announce called a random while after the start: not all its devices should answer at the same moment
   * @param topic of the birth message
   */
  constructor(
    private readonly timing: Pick<MqttTiming, 'announceMinMs' | 'announceMaxMs'>,
    private readonly clock: Clock,
    private readonly announce: () => void,
    readonly topic = BIRTH_TOPIC,
  ) {}

  message({ topic, payload, retained }: IncomingMessage): void {
    if (topic === this.topic && !retained && payload.toString() === 'online') this.#come();
  }

  /** There is a new connection. */
  begin(): void {
    if (this.#owed) this.#come();
    this.#owed = false;
  }

  /** The connection is gone. */
  break(): void {
    this.#owed ||= this.#cancel !== undefined;
    this.cancel();
  }

  /** It is told after the pause, once. */
  #come(): void {
    const { announceMinMs, announceMaxMs } = this.timing;
    const pauseMs = announceMinMs + Math.random() * (announceMaxMs - announceMinMs);
    this.#cancel ??= this.clock.after(pauseMs, () => {
      this.#cancel = undefined;
      this.announce();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
