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
});

type Unanswered = z.infer<typeof schema>;

/** Keeps the latest alarm until somebody acknowledges it: the next run goes on repeating it. */
export class UnansweredAlarm {
  #alarm: Unanswered | undefined;
  readonly #file: KeptFile<Unanswered | null>;

  constructor(
    store: Store,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    const value = () => this.#alarm ?? null;
    this.#file = new KeptFile(store, 'unanswered.json', schema.nullable(), value, PACE, clock);
  }

  /** What an earlier run has left, and how old it is: of now where the clock was set back meanwhile, and nobody knows. */
  load(): (Unanswered & { readonly ageMs: number }) | undefined {
    const alarm = this.#read();
    if (!alarm) return undefined;
    const ageMs = Math.max(0, elapsedMs(alarm.startedAtMs, this.clock.wallMs()) || 0);
    this.#alarm = alarm;
    return { ...alarm, ageMs };
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
    this.#alarm = after(before, event);
    if (this.#alarm !== before) this.#file.changed();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#file.flush();
  }
}

function after(alarm: Unanswered | undefined, event: DecisionEvent): Unanswered | undefined {
  if (event.type === 'alarm_started') {
    const { episodeId, label, kind, atMs } = event;
    return { episodeId, label, kind, startedAtMs: atMs, repetitions: 0 };
  }
  if (event.type === 'alarm_acknowledged') return undefined;
  if (event.type !== 'alarm_escalated') return alarm;
  // It may have been acknowledged by a word that was meant for an earlier one.
  const { episodeId, label, kind, atMs, unacknowledgedSeconds, repetition, reminders } = event;
  const startedAtMs = alarm?.startedAtMs ?? Math.round(atMs - unacknowledgedSeconds * 1000);
  return { episodeId, label, kind, startedAtMs, repetitions: repetition - reminders };
}
