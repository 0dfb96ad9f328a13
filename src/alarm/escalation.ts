import type { AlarmAcknowledged, AlarmEscalated, AlarmStarted, Clock, DecisionEvent } from '../types.js';

export interface EscalationOptions {
  /** An alarm that nobody acknowledges is repeated this often; 0 is never… */
  readonly escalateSeconds: number;
  /** …and at most so many times. */
  readonly escalateTimes: number;
}

/** The latest alarm, until it is acknowledged. */
interface Unacknowledged {
  readonly alarm: AlarmStarted;
  readonly sinceMs: number;
  repetitions: number;
}

/**
 * Repeats an alarm that nobody acknowledges, whether it is still on or not. It goes by the clock: nobody comes
 * any sooner because no sound arrives.
 */
export class Escalation {
  #open: Unacknowledged | undefined;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly options: EscalationOptions,
    private readonly clock: Clock,
    private readonly onEvent: (event: AlarmEscalated) => void,
  ) {}

  /**
   * Takes every event. Another alarm takes the place of the last one and leaves the time that runs: alarms in
   * quick succession must not put off the escalation for ever.
   */
  note(event: DecisionEvent): void {
    if (event.type !== 'alarm_started') return;
    this.#open = { alarm: event, sinceMs: this.clock.now(), repetitions: 0 };
    this.#wait();
  }

  /** A person has seen the latest alarm, and with it all before it. */
  acknowledge(by?: string): AlarmAcknowledged | undefined {
    this.stop();
    if (!this.#open) return undefined;
    const { alarm } = this.#open;
    const afterSeconds = this.#unacknowledgedSeconds(this.#open);
    this.#open = undefined;
    return {
      type: 'alarm_acknowledged',
      episodeId: alarm.episodeId,
      label: alarm.label,
      kind: alarm.kind,
      atMs: this.clock.wallMs(),
      afterSeconds,
      by,
    };
  }

  /** Repeats no more; the alarm can still be acknowledged. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(): void {
    const { escalateSeconds } = this.options;
    if (escalateSeconds > 0) this.#cancel ??= this.clock.after(escalateSeconds * 1000, () => this.#repeat());
  }

  #repeat(): void {
    this.#cancel = undefined;
    const open = this.#open;
    if (!open) return;
    open.repetitions++;
    if (open.repetitions < this.options.escalateTimes) this.#wait();
    this.onEvent({
      type: 'alarm_escalated',
      episodeId: open.alarm.episodeId,
      label: open.alarm.label,
      kind: open.alarm.kind,
      atMs: this.clock.wallMs(),
      repetition: open.repetitions,
      unacknowledgedSeconds: this.#unacknowledgedSeconds(open),
    });
  }

  #unacknowledgedSeconds({ sinceMs }: Unacknowledged): number {
    return (this.clock.now() - sinceMs) / 1000;
  }
}
