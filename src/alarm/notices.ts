import type { Clock, DecisionEvent, SoundChange } from '../types.js';

type Notice = Extract<DecisionEvent, { type: 'sound_heard' | 'long_stay' }>;

/** Who comes later than this hears of it no more, unless it still sounds. */
const RECENT_MS = 600_000;
/** Who comes and goes all the time must not be told all the time. */
const MOST_TIMES = 3;

/**
 * What is said once and must not be missed, beside the alarm: a smoke alarm, somebody who has been silent for long. The
 * broker takes such an event also while Home Assistant starts anew, and then nobody has heard of it.
 */
export class Notices {
  /** The latest of each sound, and of the others by their type. */
  readonly #latest = new Map<string, { notice: Notice; sinceMs: number; on: boolean; times: number }>();

  constructor(private readonly clock: Clock) {}

  /** Takes every event. */
  note(event: DecisionEvent): void {
    if (event.type !== 'sound_heard' && event.type !== 'long_stay') return;
    const on = event.type === 'sound_heard';
    const name = on ? event.sound : event.type;
    this.#latest.set(name, { notice: event, sinceMs: this.clock.now(), on, times: 0 });
  }

  /** Takes what begins and what ends. */
  sound({ id, heard }: Pick<SoundChange, 'id' | 'heard'>): void {
    const latest = this.#latest.get(id);
    if (latest && !heard) latest.on = false;
  }

  /** Somebody comes who may not have heard of it. @returns what is to be said again, as it was */
  remind(): Notice[] {
    const due = [...this.#latest.values()].filter(
      ({ sinceMs, on, times }) => (on || this.clock.now() - sinceMs <= RECENT_MS) && times < MOST_TIMES,
    );
    for (const each of due) each.times++;
    return due.map(({ notice }) => notice);
  }
}
