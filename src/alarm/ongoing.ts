import type { OngoingSound, ScoredWindow } from '../types.js';
import { FLOOR_SECONDS, SILENCE_ABOVE_FLOOR_DB } from './floor.js';
import {
  hearsClass,
  hearsKind,
  isVoice,
  lifeGoesOn,
  MEDIA_KINDS,
  MOTOR_KIND,
  type ThumpOptions,
  WATER_KIND,
} from './impact.js';

/** Where a sound goes on after an impact, nothing else must be heard for so many times as long as in silence: it hides some of it. */
export const ONGOING_TIMES = 2.5;
/** A radio was heard in so many of the windows before: a word or two are none… */
const MEDIA_SHARE = 0.8;
/** …over so long at least. */
const MEDIA_SECONDS = 6;
/** What runs is heard in every window that ended so long before. */
const NOISE_SECONDS = 1.5;
const MIN_NOISE_WINDOWS = 2;
/** Nobody spoke where there were no more voices than in so many of the windows before: whoever falls cries out. */
const SILENT_SHARE = 0.1;

interface Heard {
  readonly endSeconds: number;
  readonly rmsDbfs: number;
  readonly media: boolean;
  readonly voice: boolean;
  readonly water: boolean;
  readonly motor: boolean;
}

/**
 * What goes on in a room, whoever falls: a radio or a television that plays, water that has begun to run, a fan. What
 * has run for longer than the noise floor looks back is that floor already.
 */
export class Ongoing {
  /** The last windows, oldest first. */
  #windows: Heard[] = [];

  constructor(private readonly options: Pick<ThumpOptions, 'speechLabels' | 'waterLabels'>) {}

  /** Takes the next window. Nothing is known of the time while sound was lost. */
  push(window: ScoredWindow): void {
    const { startSeconds, endSeconds, rmsDbfs } = window;
    if (startSeconds > (this.#windows.at(-1)?.endSeconds ?? 0)) this.#windows = [];
    this.#windows.push({
      endSeconds,
      rmsDbfs,
      media: this.#isMedia(window),
      voice: isVoice(window, this.options.speechLabels),
      water: hearsClass(window, this.options.waterLabels) || hearsKind(window, [WATER_KIND]),
      motor: hearsKind(window, [MOTOR_KIND]),
    });
    while (this.#windows[0] && this.#windows[0].endSeconds < endSeconds - FLOOR_SECONDS)
      this.#windows.shift();
  }

  /** What went on before the last window, which begins at `start` (seconds). Levels are medians: an impact may be among them. */
  before(start: number): OngoingSound {
    const windows = this.#windows.filter(({ endSeconds }) => endSeconds <= start);
    const media = windows.filter((window) => window.media);
    const isMediaOn =
      start - (windows[0]?.endSeconds ?? start) >= MEDIA_SECONDS &&
      media.length >= MEDIA_SHARE * windows.length;
    const last = windows.filter(({ endSeconds }) => endSeconds > start - NOISE_SECONDS);
    const isNoisy = last.length >= MIN_NOISE_WINDOWS && last.every(({ water, motor }) => water || motor);
    return {
      mediaDbfs: isMediaOn ? medianDbfs(media) : undefined,
      noiseDbfs: isNoisy ? medianDbfs(last) : undefined,
      water: isNoisy && last.every(({ water }) => water),
      voices: windows.filter(({ voice }) => voice).length > SILENT_SHARE * windows.length,
    };
  }

  /** Whether a window has nothing but what went on before. */
  isAll(window: ScoredWindow, { mediaDbfs, noiseDbfs, water }: OngoingSound): boolean {
    if (lifeGoesOn(window, water)) return false;
    const within = (dbfs = Number.NEGATIVE_INFINITY) => window.rmsDbfs <= dbfs + SILENCE_ABOVE_FLOOR_DB;
    const speech = hearsClass(window, this.options.speechLabels);
    return (within(mediaDbfs) && this.#isMedia(window)) || (within(noiseDbfs) && !speech);
  }

  #isMedia(window: ScoredWindow): boolean {
    return hearsClass(window, this.options.speechLabels) || hearsKind(window, MEDIA_KINDS);
  }
}

function medianDbfs(windows: readonly Heard[]): number {
  const levels = windows.map(({ rmsDbfs }) => rmsDbfs).sort((a, b) => a - b);
  return levels[levels.length >> 1]!;
}
