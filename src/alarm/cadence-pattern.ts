import type { Rhythm } from '../types.js';
import type { Stretch } from './band-levels.js';

/** Groups of even pulses with a pause between them. */
export interface Cadence {
  /** Of a group. */
  readonly pulses: number;
  readonly onSeconds: number;
  readonly offSeconds: number;
  readonly pauseSeconds: number;
  /** So many groups at the distance of a period are the rhythm. */
  readonly groups: number;
  /** How fast the pulses of a group may come, 1 as written; between two of them nothing is missed. */
  readonly tempi: readonly number[];
  /** So many pulses more would be heard before and after a group. */
  readonly reach: number;
  /** So often it is looked for, and in parts as long as this, frames. */
  readonly stepFrames: number;
  readonly partFrames: number;
  /** How far all of a pulse stands above the gaps beside it, and above where another pulse would be. */
  readonly gapDb: number;
  readonly quietDb: number;
}

export const CADENCES: Readonly<Record<Rhythm, Cadence>> = {
  /** Smoke: ISO 8201, NFPA 72. */
  T3: {
    ...{ pulses: 3, onSeconds: 0.5, offSeconds: 0.5, pauseSeconds: 1.5, groups: 2, reach: 1 },
    ...{ tempi: [0.9, 0.95, 1, 1.05, 1.1], stepFrames: 4, partFrames: 18, gapDb: 5, quietDb: 5 },
  },
  /** Carbon monoxide: NFPA 72, UL 2034. Its gaps are so short that a room fills them. */
  T4: {
    ...{ pulses: 4, onSeconds: 0.1, offSeconds: 0.1, pauseSeconds: 5, groups: 3, reach: 2 },
    ...{ tempi: [0.92, 1, 1.08], stepFrames: 2, partFrames: 6, gapDb: 2.5, quietDb: 5 },
  },
};

/** Every part of a cadence may differ from the standard by so much. */
export const TOLERANCE = 0.1;

/**
 * Where a group sounds, and where it does not, each in parts so short that another pulse fills one; in frames after its
 * first pulse begins.
 */
export interface Stencil {
  /** Of all pulses, as many of each; */
  readonly pulses: readonly Stretch[];
  /** of all gaps between two, once the room has grown quieter; */
  readonly gaps: readonly Stretch[];
  /** and of the pause, as far as it is looked at before and after. */
  readonly quiet: readonly Stretch[];
  /** First and last frame of all of it. */
  readonly whole: Stretch;
}

const FRAMES_PER_SECOND = 100;
/** Where in a pulse and a gap it is safe to look, for a tempo between two and a step too late. */
const WITHIN_PULSE = [0.15, 0.88] as const;
const WITHIN_GAP = [0.4, 0.92] as const;

export function stencilOf(
  { pulses, onSeconds, offSeconds, reach, partFrames }: Cadence,
  tempo: number,
): Stencil {
  const on = (onSeconds * FRAMES_PER_SECOND) / tempo;
  const off = (offSeconds * FRAMES_PER_SECOND) / tempo;
  const pulse = (i: number) => within(i * (on + off), on, WITHIN_PULSE);
  const gap = (i: number) => within(i * (on + off) + on, off, WITHIN_GAP);
  const parts = (...stretches: Stretch[]) => stretches.flatMap((each) => partsOf(each, partFrames));
  const numbers = Array.from({ length: pulses }, (_, i) => i);
  const before: Stretch = [pulse(-reach)[0], gap(-1)[1]];
  const after: Stretch = [gap(pulses - 1)[0], pulse(pulses + reach - 1)[1]];
  return {
    pulses: parts(...numbers.map(pulse)),
    gaps: parts(...numbers.slice(1).map((i) => gap(i - 1))),
    quiet: parts(after, before),
    whole: [before[0], after[1]],
  };
}

function within(begin: number, length: number, [from, to]: Stretch): Stretch {
  return [Math.round(begin + from * length), Math.round(begin + to * length)];
}

function partsOf([from, to]: Stretch, partFrames: number): Stretch[] {
  const count = Math.max(1, Math.round((to - from) / partFrames));
  const place = (i: number) => Math.round(from + ((to - from) * i) / count);
  return Array.from({ length: count }, (_, i) => [place(i), place(i + 1)]);
}

/** From group to group, frames. */
export function periodOf({ pulses, onSeconds, offSeconds, pauseSeconds }: Cadence): number {
  return (pulses * (onSeconds + offSeconds) - offSeconds + pauseSeconds) * FRAMES_PER_SECOND;
}
