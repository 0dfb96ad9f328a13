import type { Clock, Logger } from '../types.js';
import type { MqttTiming } from './options.js';

/** Says that there is no connection to the broker, and why: each reason once, and from time to time that it lasts. */
export class Outage {
  #sinceMs = 0;
  #reason = 'the broker has not answered yet';
  #cancelWarning = () => {};

  constructor(
    private readonly timing: Pick<MqttTiming, 'warnEveryMs'>,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  begin(broker: string): void {
    this.#sinceMs = this.clock.now();
    this.#warnLater(broker);
  }

  end(): void {
    this.#cancelWarning();
    this.#reason = '';
  }

  /** @param wasConnected it was lost; otherwise an attempt has failed */
  explain(broker: string, reason: string, wasConnected: boolean): void {
    const news = wasConnected ? 'connection to the MQTT broker lost' : 'no connection to the MQTT broker';
    if (reason !== this.#reason) this.log.warn({ broker, reason }, `${news}: ${reason}`);
    this.#reason = reason;
    if (wasConnected) this.begin(broker);
  }

  stop(): void {
    this.#cancelWarning();
  }

  #warnLater(broker: string): void {
    this.#cancelWarning = this.clock.after(this.timing.warnEveryMs, () => {
      const minutes = Math.round((this.clock.now() - this.#sinceMs) / 60_000);
      const reason = this.#reason;
      this.log.warn({ broker, reason }, `not connected to the MQTT broker for ${minutes} min: ${reason}`);
      this.#warnLater(broker);
    });
  }
}
