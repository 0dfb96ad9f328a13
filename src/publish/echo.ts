import type { Clock, Logger } from '../types.js';
import type { IncomingMessage } from './connection.js';
import type { MqttTiming } from './options.js';

/**
 * Whether the broker passes on what it acknowledges: it must hand us back our own `online`. MQTT 3.1.1 acknowledges
 * also what an access list drops; MQTT 5 says it.
 */
export class OwnEcho {
  #missing = false;
  /** On this connection; it may come before the acknowledgement. */
  #heard = false;
  #cancel = () => {};

  /** @param onChange called when it turns out to be missing, or comes back */
  constructor(
    private readonly topic: string,
    private readonly timing: Pick<MqttTiming, 'echoTimeoutMs'>,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly onChange: () => void,
  ) {}

  get missing(): boolean {
    return this.#missing;
  }

  /**
   * There is a new connection.
   *
   * @param needed the broker does not say what it refuses
   */
  begin(needed: boolean): void {
    this.#cancel();
    this.#heard = false;
    if (!needed) this.#found('the broker says what it refuses: nothing has to be handed back');
  }

  /** `online` has been acknowledged. */
  expect(): void {
    this.#cancel();
    if (this.#heard) return;
    this.#cancel = this.clock.after(this.timing.echoTimeoutMs, () => {
      if (this.#missing) return;
      this.#missing = true;
      const { topic } = this;
      this.log.warn(
        { topic },
        'the broker acknowledges what is published and does not hand it back: its access list drops it, or does not let this user read this topic. Whether alarms arrive is not known: bathnet2mqtt doctor',
      );
      this.onChange();
    });
  }

  message({ topic, payload, retained }: IncomingMessage): void {
    if (topic !== this.topic || retained || payload.toString() !== 'online') return;
    this.#heard = true;
    this.#cancel();
    this.#found('the broker hands back what is published');
  }

  #found(news: string): void {
    if (!this.#missing) return;
    this.#missing = false;
    this.log.info({ topic: this.topic }, news);
    this.onChange();
  }

  cancel(): void {
    this.#cancel();
  }
}
