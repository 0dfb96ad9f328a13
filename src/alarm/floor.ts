import type { ScoredWindow } from '../types.js';
import { hearsClass } from './impact.js';

/** The noise floor is the quietest window of so long before… */
export const FLOOR_SECONDS = 10;
/** …if there were at least so many seconds of sound. */
const MIN_FLOOR_SECONDS = 2;
/** Silence is no louder than so much above it: breath and a fan's ups and downs, no steps. */
export const SILENCE_ABOVE_FLOOR_DB = 6;

interface Level {
  readonly endSeconds: number;
  readonly rmsDbfs: number;
  readonly water: boolean;
}

/** How loud a room is when nothing happens in it. A fan that starts is a sound, and then the floor. */
export class NoiseFloor {
  /** Of the last windows, oldest first. */
  #levels: Level[] = [];
  #quietest: Level | undefined;

  /** @param waterLabels classes of running water */
  constructor(private readonly waterLabels: readonly string[]) {}

  /** The quietest window that ended before the last one began; infinite where too little is known: nothing stands out. */
  get dbfs(): number {
    return this.#quietest?.rmsDbfs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether that is the noise of running water. */
  get isWater(): boolean {
    return this.#quietest?.water ?? false;
  }

  /** Takes the next window. Nothing is known of the time while sound was lost. */
  push(window: ScoredWindow): void {
    const { startSeconds, endSeconds, rmsDbfs } = window;
    if (startSeconds > (this.#levels.at(-1)?.endSeconds ?? 0)) this.#levels = [];
    this.#quietest = undefined;
    const oldest = this.#levels[0];
    if (oldest && startSeconds - oldest.endSeconds >= MIN_FLOOR_SECONDS)
      for (const before of this.#levels)
        if (before.endSeconds <= startSeconds && before.rmsDbfs < this.dbfs) this.#quietest = before;
    this.#levels.push({ endSeconds, rmsDbfs, water: hearsClass(window, this.waterLabels) });
    while (this.#levels[0] && this.#levels[0].endSeconds < endSeconds - FLOOR_SECONDS) this.#levels.shift();
  }

  /** Whether the sound goes on: all windows of the last `seconds` stand out of silence and are within `db` of their loudest. */
  lasts(seconds: number, db: number): boolean {
    const now = this.#levels.at(-1)?.endSeconds ?? 0;
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { endSeconds, rmsDbfs } of this.#levels) {
      if (endSeconds <= now - seconds) continue;
      least = Math.min(least, rmsDbfs);
      most = Math.max(most, rmsDbfs);
    }
    return least > Math.max(this.dbfs + SILENCE_ABOVE_FLOOR_DB, most - db);
  }
}
