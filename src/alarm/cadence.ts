import type { MelWindow, Rhythm } from '../types.js';
import { BandLevels, type Stretch, Stretches } from './band-levels.js';
import { CADENCES, type Cadence, periodOf, stencilOf, TOLERANCE } from './cadence-pattern.js';

/** Between these, hertz, alarms have a tone, or a part of it: 520 of low ones, 2800 to 3600 of most. */
const TONES_HZ = [400, 4500] as const;
/** An alarm's pulses are as loud as each other and from begin to end, up to this; its groups even more so. */
const EVEN_DB = 6;
const EVEN_GROUPS_DB = 3;
/** What is so far below the pulses is silence, whatever is left of it. */
const SILENT_DB = 20;
/** The pause before and after is no louder than the gaps, up to this. */
const QUIET_DB = 4;
/** The room fades after the last pulse as it does in the gaps, up to this. */
const FADE_DB = 6;
/** It is a tone: so many bands beside it, pulses stand out of the gaps by so much less, or are what leaks of a tone. */
const TONE_DB = 4;
const LEAK_DB = 12;
const TONE_BANDS = 4;
/** In a pause no more than so many parts may be almost as loud: another group fills one with each pulse, or all but one. */
const PAUSE: Stretch = [0, 5];
const PAUSE_DB = 4;
const PAUSE_LOUD_PARTS = 2;
/** From group to group the same time passes, up to this, frames. */
const STEADY_FRAMES = 15;

/**
 * Hears the rhythms of alarms, whatever their tone and their level: in a narrow band the pulses of a group stand out
 * of the gaps between them and of the pause around them, and the next group comes when it must. Decides the same
 * whatever the hop.
 */
export class Rhythms {
  readonly #levels = new BandLevels();
  readonly #finders: readonly Finder[];

  /**
   * @param wanted which are listened for
   * @param bandOf the mel band whose middle is at a frequency
   */
  constructor(wanted: readonly Rhythm[], bandOf: (hz: number) => number) {
    const [low, high] = TONES_HZ;
    const bands = [Math.ceil(bandOf(low)), Math.floor(bandOf(high))] as const;
    this.#finders = wanted.map((rhythm) => new Finder(rhythm, this.#levels, bands));
  }

  /**
   * Takes the next window; sound that was lost before it is noticed.
   *
   * @returns the rhythms of which enough periods end with it
   */
  push(window: MelWindow): readonly Rhythm[] {
    if (this.#finders.length === 0) return [];
    const { end: before } = this.#levels;
    const follows = this.#levels.push(window);
    if (!follows) for (const finder of this.#finders) finder.forget();
    const { begin, end } = this.#levels;
    return this.#finders
      .filter((finder) => finder.search(follows ? before : begin, end))
      .map(({ rhythm }) => rhythm);
  }

  /** Another stream begins. */
  forget(): void {
    this.#levels.forget();
  }
}

/** Where a group sounds and where it does not, at one tempo, laid somewhere. */
interface Stencil {
  readonly tempo: number;
  readonly pulses: Stretches;
  readonly gaps: Stretches;
  readonly quiet: Stretches;
  /** All of it. */
  readonly whole: Stretch;
}

/** The latest group of pulses in a band. */
interface Group {
  readonly tempo: number;
  /** Frame in which its first pulse begins. */
  readonly onset: number;
  /** How far its least pulse stands out of the gaps, and the level of all; decibels. */
  readonly contrastDb: number;
  readonly levelDb: number;
  /** How many there have been at the distance of a period, and that distance, frames. */
  readonly count: number;
  readonly distance: number;
}

/** Looks for one rhythm in every band. */
class Finder {
  readonly #cadence: Cadence;
  readonly #period: number;
  readonly #stencils: readonly Stencil[];
  readonly #pause: Stretches;
  /** By band. */
  readonly #groups: Group[] = [];

  constructor(
    readonly rhythm: Rhythm,
    private readonly levels: BandLevels,
    private readonly bands: readonly [first: number, last: number],
  ) {
    this.#cadence = CADENCES[rhythm];
    this.#period = periodOf(this.#cadence);
    const stretches = (each: readonly Stretch[]) => new Stretches(levels, each);
    this.#stencils = this.#cadence.tempi.map((tempo) => {
      const { pulses, gaps, quiet, whole } = stencilOf(this.#cadence, tempo);
      return { tempo, pulses: stretches(pulses), gaps: stretches(gaps), quiet: stretches(quiet), whole };
    });
    this.#pause = stretches([PAUSE]);
  }

  forget(): void {
    this.#groups.length = 0;
  }

  /** Looks for groups that end after one frame, up to another. @returns whether the last of enough of them does */
  search(after: number, upTo: number): boolean {
    const { stepFrames } = this.#cadence;
    let heard = false;
    for (let end = (Math.floor(after / stepFrames) + 1) * stepFrames; end <= upTo; end += stepFrames)
      for (const stencil of this.#stencils) if (this.#find(stencil, end - stencil.whole[1])) heard = true;
    return heard;
  }

  /** Looks for groups that begin with a frame, at one tempo. */
  #find(stencil: Stencil, onset: number): boolean {
    const { pulses, gaps, quiet, whole, tempo } = stencil;
    if (onset + whole[0] < this.levels.begin) return false;
    pulses.layAt(onset);
    gaps.layAt(onset);
    quiet.layAt(onset);
    const { gapDb } = this.#cadence;
    const [first, last] = this.bands;
    let heard = false;
    for (let band = first; band <= last; band++) {
      // What is no group is seen from two places of it, most often.
      if (pulses.mean(0, band) - gaps.mean(0, band) < gapDb) continue;
      const contrastDb = this.#contrast(stencil, band);
      if (contrastDb === 0 || !isTone(stencil, band)) continue;
      const found = { tempo, onset, contrastDb, levelDb: pulses.meanOfAll(band) };
      if (this.#take(found, whole, band)) heard = true;
    }
    return heard;
  }

  /** How far the least of a group's pulses stands out of its gaps, decibels; 0 where it is no group. */
  #contrast({ pulses, gaps, quiet }: Stencil, band: number): number {
    const { gapDb, quietDb } = this.#cadence;
    let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < pulses.length; i++) {
      const level = pulses.mean(i, band);
      lowest = Math.min(lowest, level);
      highest = Math.max(highest, level);
      if (highest - lowest > EVEN_DB) return 0;
    }
    let loudest = lowest - SILENT_DB;
    for (let i = 0; i < gaps.length; i++) loudest = Math.max(loudest, gaps.mean(i, band));
    if (lowest - loudest < gapDb) return 0;
    if (gaps.meanOfAll(band) > Math.max(quiet.mean(0, band), lowest - SILENT_DB) + FADE_DB) return 0;
    const quietest = Math.min(lowest - quietDb, loudest + QUIET_DB);
    for (let i = 0; i < quiet.length; i++) if (quiet.mean(i, band) > quietest) return 0;
    return lowest - loudest;
  }

  /** Takes a group of a band. @returns whether it is the last of enough */
  #take(found: Omit<Group, 'count' | 'distance'>, whole: Stretch, band: number): boolean {
    const last = this.#groups[band];
    // The same one, laid a little better or worse.
    if (last && found.onset - last.onset < whole[1] / 2) {
      if (found.contrastDb > last.contrastDb) this.#groups[band] = { ...last, ...found };
      return false;
    }
    const distance = found.onset - (last?.onset ?? Number.NEGATIVE_INFINITY);
    const count = last && this.#isNext(last, found, distance, whole, band) ? last.count + 1 : 1;
    this.#groups[band] = { ...found, count, distance };
    return count >= this.#cadence.groups;
  }

  /** Whether a group comes when it must after the last one, and is like it. */
  #isNext(
    last: Group,
    found: Omit<Group, 'count' | 'distance'>,
    distance: number,
    whole: Stretch,
    band: number,
  ): boolean {
    return (
      Math.abs(distance - this.#period) <= TOLERANCE * this.#period + STEADY_FRAMES &&
      (last.count === 1 || Math.abs(distance - last.distance) <= STEADY_FRAMES) &&
      Math.abs(found.levelDb - last.levelDb) <= EVEN_GROUPS_DB &&
      this.#isPause(band, last.onset + whole[1], found.onset + whole[0], found.levelDb - PAUSE_DB)
    );
  }

  /** Whether nothing is as loud between two groups, but a moment, as far as that has not been looked at with them. */
  #isPause(band: number, from: number, to: number, loudDb: number): boolean {
    let loud = 0;
    for (let at = from; at + PAUSE[1] <= to; at += PAUSE[1]) {
      this.#pause.layAt(at);
      if (this.#pause.mean(0, band) > loudDb) loud++;
    }
    return loud <= PAUSE_LOUD_PARTS;
  }
}

/** Whether the bands beside have hardly the pulses, or are so much softer in them. */
function isTone({ pulses, gaps }: Stencil, band: number): boolean {
  const swing = (at: number) => pulses.meanOfAll(at) - gaps.meanOfAll(at);
  const swingDb = swing(band) - TONE_DB;
  const levelDb = pulses.meanOfAll(band) - LEAK_DB;
  const isSofter = (at: number) => swing(at) <= swingDb || pulses.meanOfAll(at) <= levelDb;
  return isSofter(band - TONE_BANDS) && isSofter(band + TONE_BANDS);
}
