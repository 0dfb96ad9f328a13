import type { ScoredWindow } from '../types.js';
import { FLOOR_SECONDS, SILENCE_ABOVE_FLOOR_DB } from './floor.js';
import { isMedia } from './impact.js';

/** Where it plays on after an impact, nothing else must be heard for so many times as long as in silence: it hides some of it. */
export const MEDIA_TIMES = 2;
/** Of the windows before, so many had it. A word or two are no radio. */
const SHARE = 0.8;
/** …if there were at least so many seconds of sound. */
const MIN_SECONDS = 6;

interface Level {
  readonly endSeconds: number;
  readonly rmsDbfs: number;
  readonly media: boolean;
}

/** What plays or talks in a room without a pause – a radio, a television – and goes on, whoever falls. */
export class Media {
  /** Of the last windows, oldest first. */
  #levels: Level[] = [];
  #startSeconds = 0;

  constructor(private readonly speechLabels: readonly string[]) {}

  /** Takes the next window. Nothing is known of the time while sound was lost. */
  push(window: ScoredWindow): void {
    const { startSeconds, endSeconds, rmsDbfs } = window;
    if (startSeconds > (this.#levels.at(-1)?.endSeconds ?? 0)) this.#levels = [];
    this.#levels.push({ endSeconds, rmsDbfs, media: isMedia(window, this.speechLabels) });
    while (this.#levels[0] && this.#levels[0].endSeconds < endSeconds - FLOOR_SECONDS) this.#levels.shift();
    this.#startSeconds = startSeconds;
  }

  /** How loud it was before the last window began, at its loudest; undefined where there was none. */
  get dbfs(): number | undefined {
    const before = this.#levels.filter(({ endSeconds }) => endSeconds <= this.#startSeconds);
    if (this.#startSeconds - (before[0]?.endSeconds ?? this.#startSeconds) < MIN_SECONDS) return undefined;
    const levels = before.filter(({ media }) => media).map(({ rmsDbfs }) => rmsDbfs);
    return levels.length >= SHARE * before.length ? Math.max(...levels) : undefined;
  }

  /** Whether a window has nothing but what was as loud before. */
  goesOn(window: ScoredWindow, dbfs: number | undefined): boolean {
    return (
      dbfs !== undefined &&
      window.rmsDbfs <= dbfs + SILENCE_ABOVE_FLOOR_DB &&
      isMedia(window, this.speechLabels)
    );
  }
}
