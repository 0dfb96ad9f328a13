import type {
  Acknowledgement,
  AlarmAcknowledged,
  AlarmEscalated,
  AlarmStarted,
  Clock,
  DecisionEvent,
  Unanswered,
} from '../types.js';

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
 * just before it says that it has come: so late after an acknowledgement its coming shows that it was an old one. It says
 * so 5 s after it is connected at the earliest, and later with every device that is announced meanwhile; to that comes
 * our own pause.
 */
export const KEPT_WORD_MS = 60_000;

/** What is said again of an alarm. */
type Known = Pick<AlarmStarted, 'episodeId' | 'label' | 'kind'>;

/** An alarm of an earlier run that nobody has acknowledged. */
export interface EarlierAlarm extends Known {
  /** 0 where nobody knows. */
  readonly ageMs: number;
  readonly repetitions: number;
  /** It is not to be repeated any more. */
  readonly quiet?: boolean;
}

/** The latest alarm. */
interface Latest {
  readonly alarm: Known;
  readonly sinceMs: number;
  /** It is known when it began. */
  readonly dated: boolean;
  /** When it was acknowledged. */
  seenAtMs: number | undefined;
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
  #latest: Latest | undefined;
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
    this.#begin(event, this.clock.now());
    this.#wait();
  }

  /**
   * Goes on with the alarm of an earlier run, from which on no other has begun. However old it is, it waits to be
   * acknowledged; one that is too old is only not repeated any more.
   */
  resume({ ageMs, repetitions, quiet = false, ...alarm }: EarlierAlarm): void {
    this.#begin(alarm, this.clock.now() - ageMs, { dated: ageMs > 0, repetitions, quiet });
    if (quiet || ageMs > LONGEST_REMINDER_MS) return;
    const { escalateSeconds, escalateTimes } = this.options;
    const leftMs = (repetitions + 1) * escalateSeconds * 1000 - ageMs;
    if (repetitions < escalateTimes) this.#wait(Math.min(leftMs, escalateSeconds * 1000));
  }

  /**
   * Somebody comes who may not have heard of the latest alarm: it is repeated at once, also where it was acknowledged
   * just now, for whoever comes now can only have meant an earlier one.
   */
  remind(): void {
    const latest = this.#latest;
    if (!latest || latest.quiet || this.options.escalateSeconds === 0) return;
    if (latest.reminders >= MOST_REMINDERS) return;
    const nowMs = this.clock.now();
    if (nowMs - latest.sinceMs > LONGEST_REMINDER_MS) return;
    if (latest.seenAtMs !== undefined) {
      if (nowMs - latest.seenAtMs > KEPT_WORD_MS) return;
      latest.seenAtMs = undefined;
      if (latest.repetitions < this.options.escalateTimes) this.#wait();
    }
    latest.reminders++;
    this.#say(latest);
  }

  /**
   * A person has seen the latest alarm, and with it all before it. One that names an earlier alarm was kept on its way,
   * and whoever gave it knew nothing of the latest.
   */
  acknowledge({ by, episodeId }: Acknowledgement = {}): AlarmAcknowledged | undefined {
    const latest = this.#latest;
    if (!latest || latest.seenAtMs !== undefined) return undefined;
    if (episodeId !== undefined && episodeId !== latest.alarm.episodeId) return undefined;
    this.#stopWaiting();
    latest.seenAtMs = this.clock.now();
    const { alarm } = latest;
    return {
      type: 'alarm_acknowledged',
      episodeId: alarm.episodeId,
      label: alarm.label,
      kind: alarm.kind,
      atMs: this.clock.wallMs(),
      afterSeconds: this.#secondsSince(latest),
      by,
    };
  }

  /** Whether this is the latest alarm, and acknowledged already. */
  wasSeen(episodeId: string | undefined): boolean {
    return this.#latest?.alarm.episodeId === episodeId && this.#latest?.seenAtMs !== undefined;
  }

  /** Whether a person has seen this alarm, or one after it. */
  acknowledged(episodeId: string): boolean {
    return this.#latest?.alarm.episodeId !== episodeId || this.#latest.seenAtMs !== undefined;
  }

  /** The latest alarm, of this run or of the one before, while nobody has acknowledged it. */
  get unanswered(): Unanswered | undefined {
    const latest = this.#latest;
    if (!latest || latest.seenAtMs !== undefined) return undefined;
    const { episodeId, label, kind } = latest.alarm;
    const atMs = this.clock.wallMs() - (this.clock.now() - latest.sinceMs);
    return { episodeId, label, kind, atMs: latest.dated ? Math.round(atMs) : undefined };
  }

  /** Repeats no more; the alarm can still be acknowledged. */
  stop(): void {
    this.#stopWaiting();
    if (this.#latest) this.#latest.quiet = true;
  }

  #begin(alarm: Known, sinceMs: number, { dated = true, repetitions = 0, quiet = false } = {}): void {
    this.#latest = { alarm, sinceMs, dated, seenAtMs: undefined, repetitions, reminders: 0, quiet };
  }

  #stopWaiting(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(ms = this.options.escalateSeconds * 1000): void {
    if (this.options.escalateSeconds > 0) this.#cancel ??= this.clock.after(ms, () => this.#repeat());
  }

  #repeat(): void {
    this.#cancel = undefined;
    const latest = this.#latest;
    if (!latest) return;
    latest.repetitions++;
    if (latest.repetitions < this.options.escalateTimes) this.#wait();
    this.#say(latest);
  }

  #say(latest: Latest): void {
    this.onEvent({
      type: 'alarm_escalated',
      episodeId: latest.alarm.episodeId,
      label: latest.alarm.label,
      kind: latest.alarm.kind,
      atMs: this.clock.wallMs(),
      repetition: latest.repetitions + latest.reminders,
      reminders: latest.reminders,
      unacknowledgedSeconds: this.#secondsSince(latest),
    });
  }

  #secondsSince({ sinceMs }: Latest): number {
    return (this.clock.now() - sinceMs) / 1000;
  }
}
