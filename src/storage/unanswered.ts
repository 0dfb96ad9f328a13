import { z } from 'zod';
import type { Clock, DecisionEvent, Logger } from '../types.js';
import { clockSetBy, elapsedMs } from './age.js';
import { KeptFile, type Store } from './kept-file.js';

/** Alarms are rare, and each is repeated a few times: a flood of them must not wear out a card. */
const PACE = { burst: 10, everyMs: 60_000 };

const schema = z.object({
  episodeId: z.string(),
  label: z.string(),
  kind: z.string().optional(),
  startedAtMs: z.number(),
  /** How often it was repeated by time. */
  repetitions: z.int().min(0),
  /** It was repeated by a run that took it for a new one. */
  asNew: z.boolean().optional(),
});

type Unanswered = z.infer<typeof schema>;

/** Keeps the latest alarm until somebody acknowledges it: the next run goes on repeating it. */
export class UnansweredAlarm {
  #alarm: Unanswered | undefined;
  /** When it began, `uptimeMs`; NaN where it is of an earlier run and nobody knows. */
  #sinceMs = Number.NaN;
  readonly #file: KeptFile<Unanswered | null>;

  constructor(
    store: Store,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    const value = () => this.#alarm ?? null;
    this.#file = new KeptFile(store, 'unanswered.json', schema.nullable(), value, PACE, clock);
  }

  /**
   * What an earlier run has left, and how old it is. Where nobody knows, as on a board whose clock is never set, it is of
   * now, until it was repeated as such: it must not be new at every start.
   */
  load(): (Unanswered & { readonly ageMs: number; readonly quiet: boolean }) | undefined {
    const alarm = this.#file.readOrWarn(
      this.log,
      'it cannot be read whether an alarm waits to be acknowledged: if one does, it is not repeated any more',
    );
    if (!alarm) return undefined;
    const ageMs = elapsedMs(alarm.startedAtMs, this.clock.wallMs());
    this.#alarm = alarm;
    this.#sinceMs = this.clock.uptimeMs() - ageMs;
    const quiet = Number.isNaN(ageMs) && alarm.asNew === true;
    return { ...alarm, ageMs: Math.max(0, ageMs || 0), quiet };
  }

  /** Takes every event. */
  event(event: DecisionEvent): void {
    if (event.type === 'alarm_started') this.#sinceMs = this.clock.uptimeMs();
    this.#keep(after(this.#alarm, event, Number.isNaN(this.#sinceMs)));
  }

  /** Where the clock was set, the alarm is dated by what it says now: the next run has no other to tell how old it is. */
  lookAtClock(): void {
    this.#keep(this.#alarm);
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.lookAtClock();
    this.#file.flush();
  }

  #keep(alarm: Unanswered | undefined): void {
    const before = this.#alarm;
    this.#alarm = alarm && this.#dated(alarm);
    if (this.#alarm !== before) this.#file.changed();
  }

  #dated(alarm: Unanswered): Unanswered {
    const agoMs = this.clock.uptimeMs() - this.#sinceMs;
    const byMs = clockSetBy(alarm.startedAtMs, this.clock.wallMs(), agoMs);
    return byMs === 0 ? alarm : { ...alarm, startedAtMs: alarm.startedAtMs + byMs };
  }
}

function after(alarm: Unanswered | undefined, event: DecisionEvent, asNew: boolean): Unanswered | undefined {
  if (event.type === 'alarm_started') {
    const { episodeId, label, kind, atMs } = event;
    return { episodeId, label, kind, startedAtMs: atMs, repetitions: 0 };
  }
  if (event.type === 'alarm_acknowledged') return undefined;
  if (event.type !== 'alarm_escalated') return alarm;
  // It may have been acknowledged by a word that was meant for an earlier one.
  const { episodeId, label, kind, atMs, unacknowledgedSeconds, repetition, reminders } = event;
  const startedAtMs = alarm?.startedAtMs ?? Math.round(atMs - unacknowledgedSeconds * 1000);
  return { episodeId, label, kind, startedAtMs, repetitions: repetition - reminders, asNew };
}
