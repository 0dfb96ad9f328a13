import type { Clock, Logger } from '../types.js';

/** What was said longer ago may long have changed: a sensor whose battery is empty says nothing any more. */
const STALE_HOURS = 24;
/** That nobody is there, as the broker has kept it, may be of any age: a sensor that lives says so again meanwhile. */
const KEPT_STALE_HOURS = 2;
/** A sensor says something sooner; one that nobody has connected, or on another topic, never does. */
const FIRST_WORD_HOURS = 1;

/**
 * Whether somebody is in the room, as others say. It is not known until they do, and again a day after they last
 * did; a restart forgets it.
 */
export class Occupancy {
  #occupied: boolean | undefined;
  /** The last word, stale or not… */
  #said: boolean | undefined;
  /** …and whether the broker had kept it. */
  #retained = false;
  #cancelStale = () => {};

  /** @param onChange called with `undefined` where it is no longer known */
  constructor(
    private readonly onChange: (occupied: boolean | undefined) => void,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /**
   * Something depends on it: where nobody says anything, that is said.
   *
   * @param topic where it is listened for
   */
  expect(topic: string): void {
    this.#cancelStale = this.clock.after(FIRST_WORD_HOURS * 3_600_000, () => {
      this.log.warn(
        { topic },
        `nobody has said for ${FIRST_WORD_HOURS} h whether somebody is in the room: no stay is a long one (sense.longStayMinutes) until a presence sensor says so on this topic`,
      );
    });
  }

  /**
   * Somebody says so.
   *
   * @param occupied undefined: that they do not know
   * @param retained the broker has kept it, so it may be of any age: the same word, said again at a reconnect, is no
   *   younger for that
   */
  say(occupied: boolean | undefined, retained: boolean): void {
    if (retained && occupied === this.#said) return;
    this.stop();
    // Of two words nobody knows which is the later one.
    const unsure = retained && occupied === false && this.#said === true && !this.#retained;
    this.#said = occupied;
    this.#retained = retained;
    this.#set(unsure ? undefined : occupied);
    if (occupied === undefined || unsure) return;
    const hours = retained && !occupied ? KEPT_STALE_HOURS : STALE_HOURS;
    this.#cancelStale = this.clock.after(hours * 3_600_000, () => {
      this.log.warn(
        { occupied },
        `nobody has said for ${hours} h whether somebody is in the room: it is not known any more`,
      );
      this.#set(undefined);
    });
  }

  stop(): void {
    this.#cancelStale();
  }

  #set(occupied: boolean | undefined): void {
    if (occupied === this.#occupied) return;
    this.#occupied = occupied;
    this.onChange(occupied);
  }
}
