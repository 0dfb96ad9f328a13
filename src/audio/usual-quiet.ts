import type { KnownQuiet } from '../types.js';

/** Quieter than ever by so much, and with so little ups and downs, is an amplifier and no room… */
const MUTED_DB = 12;
const FLAT_DB = 1.5;
/** …once a day and a night have told what is quiet here. */
export const MINUTES_TO_KNOW = 24 * 60;

/** What a microphone has heard in its quietest minute, and for how long it has been far below that. */
export class UsualQuiet {
  /** Levels of this minute's seconds, as far as there was sound. */
  #levels: number[] = [];
  #seconds = 0;
  #known: KnownQuiet;
  mutedSeconds = 0;

  /**
   * @param known what an earlier run has heard of this microphone
   * @param onMinute is told what is known after each minute that was of the room
   * @param minutesToKnow so many tell what is quiet here
   */
  constructor(
    known?: KnownQuiet,
    private readonly onMinute: (known: KnownQuiet) => void = () => {},
    private readonly minutesToKnow = MINUTES_TO_KNOW,
  ) {
    this.#known = known ?? { minutes: 0, quietestDbfs: Number.POSITIVE_INFINITY };
  }

  /** @param levelDbfs of one second; undefined where there was nothing */
  push(levelDbfs: number | undefined): void {
    if (levelDbfs !== undefined) this.#levels.push(levelDbfs);
    if (this.mutedSeconds > 0 && !this.#isLow(levelDbfs ?? Number.NEGATIVE_INFINITY)) this.mutedSeconds = 0;
    if (++this.#seconds < 60) return;
    const levels = this.#levels.sort((a, b) => a - b);
    // A minute with a hole in it says nothing of how quiet the room is.
    if (levels.length === 60) this.#minute(levels[30]!, levels[59]! - levels[0]!);
    this.#levels = [];
    this.#seconds = 0;
  }

  #minute(medianDbfs: number, rangeDb: number): void {
    const { minutes, quietestDbfs } = this.#known;
    if (minutes >= this.minutesToKnow && this.#isLow(medianDbfs) && rangeDb <= FLAT_DB) {
      this.mutedSeconds += 60;
      return;
    }
    this.mutedSeconds = 0;
    this.#known = { minutes: minutes + 1, quietestDbfs: Math.min(quietestDbfs, medianDbfs) };
    this.onMinute(this.#known);
  }

  #isLow(levelDbfs: number): boolean {
    return levelDbfs <= this.#known.quietestDbfs - MUTED_DB;
  }
}
