import type { Rhythm, ScoredWindow, SoundChange, SoundSettings } from '../types.js';

/** A sound that is a sensor of its own: when it counts as heard. */
export interface SoundRule extends SoundSettings {
  /** `[a-z0-9_]+` */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** Which AudioSet scores speak for it, the highest of them counts: places in the head's labels. */
  readonly classes: readonly number[];
  /** Which rhythm speaks for it, whatever the scores. */
  readonly rhythm: Rhythm | 'none';
  /** The hits must come within this time. */
  readonly withinSeconds: number;
  /** That it begins is an event, too. */
  readonly event: boolean;
}

interface Ear {
  rule: SoundRule;
  /** Ends of the latest windows that were hits, stream seconds, oldest first; as many as it takes. */
  hits: number[];
  /** The highest score since it has had no hit for long. */
  score: number;
  heard: boolean;
}

/** Sounds beside the alarm, each with its own rule, and none with a bearing on it. */
export class Sounds {
  readonly #ears: readonly Ear[];

  constructor(readonly rules: readonly SoundRule[]) {
    this.#ears = rules.map((rule) => ({ rule, hits: [], score: 0, heard: false }));
  }

  /** Those that are listened for. */
  get rhythms(): Rhythm[] {
    return [...new Set(this.rules.map(({ rhythm }) => rhythm).filter((rhythm) => rhythm !== 'none'))];
  }

  /** From the next window on. */
  set(id: string, { threshold, hits, holdSeconds }: SoundSettings): void {
    const ear = this.#ears.find(({ rule }) => rule.id === id);
    if (ear) ear.rule = { ...ear.rule, threshold, hits, holdSeconds };
  }

  /**
   * Takes the next window.
   *
   * @param scores AudioSet's, as the head orders them
   * @param rhythms those that are heard with it
   * @returns what begins or ends with it
   */
  push(
    { endSeconds }: Pick<ScoredWindow, 'endSeconds'>,
    scores: ArrayLike<number>,
    rhythms: readonly Rhythm[],
  ): SoundChange[] {
    return this.#ears.filter((ear) => changes(ear, endSeconds, scores, rhythms)).map(changeOf);
  }

  /** Sound was lost: nothing is heard any more. @returns what ends */
  forget(): SoundChange[] {
    const ended = this.#ears.filter(({ heard }) => heard).map((ear) => changeOf({ ...ear, heard: false }));
    for (const ear of this.#ears) Object.assign(ear, { hits: [], score: 0, heard: false });
    return ended;
  }
}

function changeOf({ rule: { id, name, event }, heard, score }: Ear): SoundChange {
  return { id, name, event, heard, score };
}

/** @returns whether it begins or ends with this window */
function changes(
  ear: Ear,
  endSeconds: number,
  scores: ArrayLike<number>,
  rhythms: readonly (Rhythm | 'none')[],
): boolean {
  const { classes, rhythm, threshold, hits, withinSeconds } = ear.rule;
  const { heard } = ear;
  const inRhythm = rhythms.includes(rhythm);
  const goesOn = heard || hadHit(ear, endSeconds);
  const score = inRhythm ? 1 : classes.reduce((best, place) => Math.max(best, scores[place] ?? 0), 0);
  // A rhythm is heard over several periods, so it is as many hits as it takes.
  const found = inRhythm ? hits : Number(classes.length > 0 && score >= threshold);
  if (found > 0 || ear.hits.length > hits)
    ear.hits = [...ear.hits, ...Array<number>(found).fill(endSeconds)].slice(-hits);
  const [oldest = Number.NEGATIVE_INFINITY] = ear.hits;
  ear.score = goesOn ? Math.max(ear.score, score) : score;
  ear.heard =
    hadHit(ear, endSeconds) && (heard || (ear.hits.length === hits && endSeconds - oldest <= withinSeconds));
  return ear.heard !== heard;
}

/** Whether the last hit is so short a time ago that it may still be on. */
function hadHit({ rule, hits }: Ear, endSeconds: number): boolean {
  return endSeconds - (hits.at(-1) ?? Number.NEGATIVE_INFINITY) < rule.holdSeconds;
}
