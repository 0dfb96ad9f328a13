import { z } from 'zod';
import { messageOf } from '../errors.js';
import type { Clock, DecisionEvent, Logger } from '../types.js';
import { elapsedMs } from './age.js';
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
  /** It is of an earlier run, and nobody knows how old it is. */
  #ageless = false;
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
    const alarm = this.#read();
    if (!alarm) return undefined;
    const ageMs = elapsedMs(alarm.startedAtMs, this.clock.wallMs());
    this.#alarm = alarm;
    this.#ageless = Number.isNaN(ageMs);
    return { ...alarm, ageMs: Math.max(0, ageMs || 0), quiet: this.#ageless && alarm.asNew === true };
  }

  #read(): Unanswered | undefined {
    try {
      return this.#file.read() ?? undefined;
    } catch (error) {
      this.log.warn(
        { file: this.#file.name, problem: messageOf(error) },
        'it cannot be read whether an alarm waits to be acknowledged: if one does, it is not repeated any more',
      );
      return undefined;
    }
  }

  /** Takes every event. */
  event(event: DecisionEvent): void {
    const before = this.#alarm;
    if (event.type === 'alarm_started') this.#ageless = false;
    this.#alarm = after(before, event, this.#ageless);
    if (this.#alarm !== before) this.#file.changed();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#file.flush();
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
