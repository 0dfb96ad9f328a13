import type { Clock, Logger } from '../types.js';
import type { IncomingMessage } from './connection.js';
import type { MqttTiming } from './options.js';

interface EchoHooks {
  /** It turns out that our word is missing, or it comes back. */
  onChange(): void;
  /** `online` is to be said once more. */
  onContradicted(): void;
}

/**
 * What comes back of our own `online`. A broker of MQTT 3.1.1 must hand it back: it acknowledges also what an access
 * list drops, where MQTT 5 says it. And whatever else is said there while we are connected – the last will of an earlier
 * connection that a broker publishes late, another daemon of this name that stops – is contradicted, or Home Assistant
 * would take us for gone.
 */
export class OwnEcho {
  /** The broker may drop what it acknowledges. */
  #needed = false;
  #missing = false;
  /** On this connection; it may come before the acknowledgement. */
  #heard = false;
  #contradictedAtMs = Number.NEGATIVE_INFINITY;
  #cancel = () => {};
  #cancelAnswer: (() => void) | undefined;

  constructor(
    private readonly topic: string,
    private readonly timing: Pick<MqttTiming, 'echoTimeoutMs'>,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly hooks: EchoHooks,
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
    this.cancel();
    this.#needed = needed;
    this.#heard = false;
    if (!needed) this.#found('the broker says what it refuses: nothing has to be handed back');
  }

  /** `online` has been acknowledged. */
  expect(): void {
    this.#cancel();
    if (!this.#needed || this.#heard) return;
    this.#cancel = this.clock.after(this.timing.echoTimeoutMs, () => {
      if (this.#missing) return;
      this.#missing = true;
      const { topic } = this;
      this.log.warn(
        { topic },
        'the broker acknowledges what is published and does not hand it back: its access list drops it, or does not let this user read this topic. Whether alarms arrive is not known: bathnet2mqtt doctor',
      );
      this.hooks.onChange();
    });
  }

  message({ topic, payload, retained }: IncomingMessage): void {
    if (topic !== this.topic || retained) return;
    if (payload.toString() !== 'online') {
      this.#contradict();
      return;
    }
    this.#heard = true;
    this.#cancel();
    this.#found('the broker hands back what is published');
  }

  /** At once, and then not more often than this: whoever says it again and again, or two daemons of one name, get no storm. */
  #contradict(): void {
    const { echoTimeoutMs } = this.timing;
    const pauseMs = Math.max(0, this.#contradictedAtMs + echoTimeoutMs - this.clock.now());
    this.#cancelAnswer ??= this.clock.after(pauseMs, () => {
      this.#cancelAnswer = undefined;
      if (this.#contradictedAtMs === Number.NEGATIVE_INFINITY)
        this.log.warn(
          { topic: this.topic },
          'somebody else says on this topic that this daemon is gone, so it says again that it is there: a late last will, or another daemon with this device.id',
        );
      this.#contradictedAtMs = this.clock.now();
      this.hooks.onContradicted();
    });
  }

  #found(news: string): void {
    if (!this.#missing) return;
    this.#missing = false;
    this.log.info({ topic: this.topic }, news);
    this.hooks.onChange();
  }

  cancel(): void {
    this.#cancel();
    this.#cancelAnswer?.();
    this.#cancelAnswer = undefined;
  }
}
