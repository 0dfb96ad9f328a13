import type { AlarmAcknowledged, AlarmEscalated, AlarmStarted, Clock, DecisionEvent } from '../types.js';

export interface EscalationOptions {
  /** An alarm that nobody acknowledges is repeated this often; 0 is never… */
  readonly escalateSeconds: number;
  /** …and at most so many times. */
  readonly escalateTimes: number;
}

/** Who comes so late finds people who know, or a history to look at. */
export const LONGEST_REMINDER_MS = 3_600_000;
/** Who comes and goes all the time must not be reminded all the time. */
const MOST_REMINDERS = 10;

/**
 * Home Assistant keeps what somebody presses while the broker is away, and sends it as soon as it is connected again,
 * just before it says that it has come: so late after an acknowledgement its coming shows that it was an old one.
 */
const KEPT_WORD_MS = 10_000;

/** The latest alarm, until it is acknowledged. */
interface Unacknowledged {
  readonly alarm: AlarmStarted;
  readonly sinceMs: number;
  /** Of the repetitions, those that came by time, and those that came because somebody came. */
  repetitions: number;
  reminders: number;
  /** It is not repeated any more. */
  quiet: boolean;
}

/**
 * Repeats an alarm that nobody acknowledges, whether it is still on or not. It goes by the clock: nobody comes
 * any sooner because no sound arrives.
 */
export class Escalation {
  #open: Unacknowledged | undefined;
  /** What was acknowledged last. */
  #seen: { readonly open: Unacknowledged; readonly atMs: number } | undefined;
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
    this.#seen = undefined;
    this.#open = { alarm: event, sinceMs: this.clock.now(), repetitions: 0, reminders: 0, quiet: false };
    this.#wait();
  }

  /**
   * Somebody comes who may not have heard of the latest alarm: it is repeated at once, also where it was acknowledged
   * just now, for whoever comes now can only have meant an earlier one.
   */
  remind(): void {
    this.#reopen();
    const open = this.#open;
    if (!open || open.quiet || this.options.escalateSeconds === 0 || open.reminders >= MOST_REMINDERS) return;
    if (this.clock.now() - open.sinceMs > LONGEST_REMINDER_MS) return;
    open.reminders++;
    this.#say(open);
  }

  /** A person has seen the latest alarm, and with it all before it. */
  acknowledge(by?: string): AlarmAcknowledged | undefined {
    const seen = this.#open && { open: { ...this.#open }, atMs: this.clock.now() };
    this.stop();
    this.#seen = seen;
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

  /** Whether a person has seen this alarm, or one after it. */
  acknowledged(episodeId: string): boolean {
    return this.#open?.alarm.episodeId !== episodeId;
  }

  /** Repeats no more; the alarm can still be acknowledged. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#seen = undefined;
    if (this.#open) this.#open.quiet = true;
  }

  #reopen(): void {
    const seen = this.#seen;
    this.#seen = undefined;
    if (this.#open || !seen || this.clock.now() - seen.atMs > KEPT_WORD_MS) return;
    this.#open = seen.open;
    if (!seen.open.quiet && seen.open.repetitions < this.options.escalateTimes) this.#wait();
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
    this.#say(open);
  }

  #say(open: Unacknowledged): void {
    this.onEvent({
      type: 'alarm_escalated',
      episodeId: open.alarm.episodeId,
      label: open.alarm.label,
      kind: open.alarm.kind,
      atMs: this.clock.wallMs(),
      repetition: open.repetitions + open.reminders,
      unacknowledgedSeconds: this.#unacknowledgedSeconds(open),
    });
  }

  #unacknowledgedSeconds({ sinceMs }: Unacknowledged): number {
    return (this.clock.now() - sinceMs) / 1000;
  }
}
