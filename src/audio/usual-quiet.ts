import type { KnownQuiet } from '../types.js';

/** Quieter than ever by so much, and with so little ups and downs, is an amplifier and no room… */
const MUTED_DB = 12;
const FLAT_DB = 1.5;
/** Hardly anybody mutes a microphone for so long while its room is learned: that is the room, when its ventilation is off. */
const MINUTES_OF_ROOM = 60;
/** …once a day and a night have told what is quiet here. */
export const MINUTES_TO_KNOW = 24 * 60;
/** A quiet that has not come again for a week, its weekend included, was none of the room: the microphone was muted then, or had another gain. */
const MINUTES_OF_WEEK = 7 * 24 * 60;

/** What a microphone has heard in its quietest minute of late, for how long it has been far below that, and when it was last loud. */
export class UsualQuiet {
  /** Levels of this minute's seconds, as far as there was sound. */
  #levels: number[] = [];
  #seconds = 0;
  /** While the room was learned. */
  #mutedMinutes = 0;
  #known: KnownQuiet;
  mutedSeconds = 0;

  /**
   * @param known what an earlier run has heard of this microphone
   * @param onMinute is told what is known after each minute that was of the room
   * @param loudDbfs only what is louder can be an alarm, as of now
   * @param minutesToKnow so many tell what is quiet here
   */
  constructor(
    known?: KnownQuiet,
    private readonly onMinute: (known: KnownQuiet) => void = () => {},
    private readonly loudDbfs = () => Number.NEGATIVE_INFINITY,
    private readonly minutesToKnow = MINUTES_TO_KNOW,
  ) {
    this.#known = known ?? { minutes: 0, minutesBelow: 0 };
  }

  /** @param levelDbfs of one second; undefined where there was nothing */
  push(levelDbfs: number | undefined): void {
    if (levelDbfs !== undefined) this.#levels.push(levelDbfs);
    if (this.mutedSeconds > 0 && !this.#isLow(levelDbfs ?? Number.NEGATIVE_INFINITY)) this.mutedSeconds = 0;
    if (++this.#seconds < 60) return;
    // A minute with a hole in it says nothing of how quiet the room is.
    if (this.#levels.length === 60) this.#minute(this.#levels.sort((a, b) => a - b));
    this.#levels = [];
    this.#seconds = 0;
  }

  /** @param levels in rising order */
  #minute(levels: readonly number[]): void {
    const { minutes, quietestDbfs, earlierDbfs, minutesBelow } = this.#known;
    const [least, medianDbfs, most] = [levels[0]!, levels[30]!, levels[59]!];
    const isFlat = most - least <= FLAT_DB;
    const isKnown = minutes >= this.minutesToKnow && (quietestDbfs ?? earlierDbfs) !== undefined;
    if (isKnown && this.#isLow(medianDbfs) && isFlat) {
      this.mutedSeconds += 60;
      return;
    }
    this.mutedSeconds = 0;
    // While it is learned, a microphone may be muted, too: a room has small ups and downs, and what is even and far below
    // that is no room, unless it lasts; nor is a minute in which it was switched.
    const isMuted = isFlat && this.#isLow(medianDbfs) && ++this.#mutedMinutes < MINUTES_OF_ROOM;
    const isRoom = !isMuted && most - least <= MUTED_DB;
    const quietest = isRoom ? Math.min(quietestDbfs ?? 0, medianDbfs) : quietestDbfs;
    const isNewWeek = (minutes + 1) % MINUTES_OF_WEEK === 0;
    this.#known = {
      minutes: minutes + 1,
      quietestDbfs: isNewWeek ? undefined : quietest,
      earlierDbfs: isNewWeek ? (quietest ?? earlierDbfs) : earlierDbfs,
      minutesBelow: most > this.loudDbfs() ? 0 : minutesBelow + 1,
    };
    this.onMinute(this.#known);
  }

  /** Far below all that is known of the room; also where nothing is known yet. */
  #isLow(levelDbfs: number): boolean {
    const { quietestDbfs = 0, earlierDbfs = 0 } = this.#known;
    return levelDbfs <= Math.min(quietestDbfs, earlierDbfs) - MUTED_DB;
  }
}
