/** What was to arrive, and what did. Times are the world's. */

export interface Sounded {
  readonly fromMs: number;
  /** Not all of it came to the daemon, for no fault that was made: the machine was too slow. */
  unheard?: boolean;
  readonly toMs: number;
  /** What was said of it. */
  started?: Arrived;
}

interface Arrived {
  readonly id: string;
  readonly type: string;
  readonly episodeId: string;
  /** When it happened; several where the clock was wrong at times. */
  readonly atMs: readonly number[];
  readonly arrivedMs: number;
}

export interface Missing {
  /** When the sound began. */
  readonly fromMs: number;
  /** Start and end, or the end alone. */
  readonly events: number;
}

/** From the beginning of a sound to its alarm, beside its length: the rule, and a machine that is busy. */
export const SLACK_MS = 60_000;

/** So long is looked for how far ahead sound comes at best. */
const AROUND_MS = 10_000;

export class Ledger {
  readonly #sounded: Sounded[] = [];
  readonly #arrived = new Map<string, Arrived>();
  #repeated = 0;
  #unexpected = 0;

  /** @param timesOf what a reading of the daemon's wall clock may mean */
  constructor(private readonly timesOf: (wallMs: number) => number[]) {}

  /** A sound that must raise an alarm is played. */
  sounded(fromMs: number, seconds: number): Sounded {
    const sound = { fromMs, toMs: fromMs + seconds * 1000 + SLACK_MS };
    this.#sounded.push(sound);
    return sound;
  }

  /** @param payload of the topic `event` */
  event(payload: string, arrivedMs: number): void {
    const { id, event_type: type, episodeId, at } = JSON.parse(payload);
    if (this.#arrived.has(id)) {
      this.#repeated++;
      return;
    }
    const event = { id, type, episodeId, atMs: this.timesOf(Date.parse(at)), arrivedMs };
    this.#arrived.set(id, event);
    if (type !== 'alarm_started') return;
    // One alarm for each sound and one sound for each alarm: a date that could mean two times hides no loss.
    const sound = this.#sounded.find(
      ({ fromMs, toMs, started }) =>
        !started && fromMs <= arrivedMs && event.atMs.some((ms) => ms >= fromMs && ms <= toMs),
    );
    if (sound) sound.started = event;
    else this.#unexpected++;
  }

  /** Every sound of which the start of an alarm has not been heard, or not its end. */
  get missing(): readonly Missing[] {
    const ended = new Set(
      [...this.#arrived.values()]
        .filter(({ type }) => type === 'alarm_ended')
        .map((event) => event.episodeId),
    );
    return this.#sounded.flatMap(({ fromMs, started, unheard }) => {
      if (!started) return unheard ? [] : [{ fromMs, events: 2 }];
      return ended.has(started.episodeId) ? [] : [{ fromMs, events: 1 }];
    });
  }

  get figures() {
    const delays = this.#sounded.flatMap(({ fromMs, started }) =>
      started ? started.arrivedMs - fromMs : [],
    );
    const unheard = this.#sounded.filter((sound) => sound.unheard && !sound.started).length;
    const expected = 2 * (this.#sounded.length - unheard);
    const lost = this.missing.reduce((sum, { events }) => sum + events, 0);
    return {
      expected,
      delivered: expected - lost,
      lost,
      unheard,
      repeated: this.#repeated,
      unexpected: this.#unexpected,
      longestDelayMs: Math.max(0, ...delays),
    };
  }
}

/** Time without analysed sound in which a person who looks sees that all is well. */
export class Deafness {
  #announcedMs = 0;
  longestMs = 0;

  /**
   * @param analysedMs when sound was analysed last
   * @param allIsWell what is said meanwhile
   */
  look(nowMs: number, analysedMs: number, allIsWell: boolean): void {
    if (!allIsWell) this.#announcedMs = nowMs;
    else this.longestMs = Math.max(this.longestMs, nowMs - Math.max(analysedMs, this.#announcedMs));
  }
}

/** How sound comes: held against the time, what is missing for ever is lost, and what is only late is not. */
export class Flow {
  #looks: { readonly atMs: number; readonly aheadMs: number }[] = [];

  /** @param arrivedMs so much sound has come in all */
  look(atMs: number, arrivedMs: number): void {
    this.#looks.push({ atMs, aheadMs: arrivedMs - atMs });
    if (this.#looks.length > 2000) this.#looks = this.#looks.slice(1000);
  }

  /** How much of the sound between these times never came. */
  lostMs(fromMs: number, toMs: number): number {
    return this.#mostAhead(fromMs) - this.#mostAhead(toMs);
  }

  /** In the seconds before. */
  #mostAhead(beforeMs: number): number {
    const looks = this.#looks.filter(({ atMs }) => atMs <= beforeMs && atMs > beforeMs - AROUND_MS);
    return Math.max(...looks.map(({ aheadMs }) => aheadMs));
  }
}
