import type { ScoredWindow } from '../types.js';
import { NoiseFloor, SILENCE_ABOVE_FLOOR_DB } from './floor.js';
import type { AlarmRule, Hit } from './rule.js';

/** The event head's kind of a body, or something as heavy, that hits the floor. */
export const IMPACT_KIND = 'impact';

/**
 * AudioSet's classes of the same, or of what it takes along, for models without that kind. Doors are left out: a
 * door that falls shut and then silence is somebody who has left.
 */
const IMPACT_CLASSES = new Set([
  'Thump, thud',
  'Thunk',
  'Bang',
  'Smash, crash',
  'Breaking',
  'Shatter',
  'Slap, smack',
  'Whack, thwack',
]);
/** An impact is so much louder than the noise floor; over 0.96 s even a hard blow is spread thin. */
const IMPACT_ABOVE_FLOOR_DB = 10;
/** What falls along with it may roll and ring for so long. */
const SETTLE_SECONDS = 2;
/** Speech is heard from this score on. */
const SPEECH_SCORE = 0.5;
/** Of an impact, where neither a person nor the bundle says one. */
const DEFAULT_THRESHOLD = 0.4;

export interface ThumpOptions {
  /** Score of an impact; probability of the kind. */
  readonly thumpThreshold: number;
  /** How long nothing moves and nobody speaks after it. */
  readonly thumpSilenceSeconds: number;
  readonly speechLabels: readonly string[];
}

/** What a bundle with an event head says of it; undefined where it is wrong too often to be on by default. */
export interface ThumpRule {
  /** Is added to the log-odds of an impact; from 0 on it is one. */
  readonly offset: number;
  readonly silenceSeconds: number;
}

/** What a person chose, and what was left open as the bundle has it; without its word, off. */
export function thumpOptions(
  chosen: { readonly [K in keyof ThumpOptions]?: ThumpOptions[K] | undefined },
  rule: ThumpRule | undefined,
): Pick<ThumpOptions, 'thumpThreshold' | 'thumpSilenceSeconds'> {
  return {
    thumpThreshold: chosen.thumpThreshold ?? (rule ? 1 / (1 + Math.exp(rule.offset)) : DEFAULT_THRESHOLD),
    thumpSilenceSeconds: chosen.thumpSilenceSeconds ?? rule?.silenceSeconds ?? 0,
  };
}

/** A window that stands out of the room. */
interface Blow {
  readonly atSeconds: number;
  /** Louder than this is not silence. */
  readonly silenceDbfs: number;
}

interface Impact extends Blow {
  readonly hit: Hit;
}

/** Finds an impact that is followed by silence, in stream time. */
export class ThumpThenSilence {
  readonly #floor = new NoiseFloor();
  #blow: Blow | undefined;
  #impact: Impact | undefined;

  constructor(private readonly options: ThumpOptions) {}

  /**
   * Takes the next window.
   *
   * @param rule whose labels and levels say what an alarm sounds like
   * @param minThreshold a stricter threshold of the impact, for now
   * @returns the impact, with every window for which the silence after it has been long enough
   */
  push(window: ScoredWindow, rule: AlarmRule, minThreshold: number): Hit | undefined {
    const floorDbfs = this.#floor.push(window);
    const hit = impactOf(window, rule, Math.max(this.options.thumpThreshold, minThreshold));
    if (window.rmsDbfs > Math.max(rule.minLevelDbfs, floorDbfs + IMPACT_ABOVE_FLOOR_DB)) {
      const silenceDbfs = Math.max(rule.minLevelDbfs, floorDbfs + SILENCE_ABOVE_FLOOR_DB);
      this.#blow = { atSeconds: window.endSeconds, silenceDbfs };
    }
    // The event head may be sure of a blow only when it has heard what follows it.
    const reachSeconds = window.kinds ? (rule.evidence?.memorySeconds ?? 0) : 0;
    if (hit && this.#blow && window.endSeconds - this.#blow.atSeconds <= reachSeconds)
      this.#impact = { hit, ...this.#blow };
    if (!this.#impact || window.startSeconds < this.#impact.atSeconds + SETTLE_SECONDS) return undefined;
    if (!this.#isSilent(window, rule, this.#impact.silenceDbfs)) this.#impact = undefined;
    const enough =
      this.#impact && window.endSeconds - this.#impact.atSeconds >= this.options.thumpSilenceSeconds;
    return enough ? this.#impact?.hit : undefined;
  }

  /** Forgets the impact: it has become an alarm, or nobody is there who could have fallen. */
  forget(): void {
    this.#impact = undefined;
    this.#blow = undefined;
  }

  /** Nothing is known of the time while sound was lost. */
  gap(): void {
    this.forget();
    this.#floor.gap();
  }

  #isSilent({ rmsDbfs, scores }: ScoredWindow, rule: AlarmRule, silenceDbfs: number): boolean {
    const heard = (labels: readonly string[], score: number) =>
      labels.some((label) => (scores[label] ?? 0) >= score);
    return (
      rmsDbfs <= silenceDbfs &&
      !heard(this.options.speechLabels, SPEECH_SCORE) &&
      !heard(rule.labels, rule.threshold)
    );
  }
}

/** The impact that the event head hears; without one, the best of alarm labels and impact classes. */
function impactOf(window: ScoredWindow, rule: AlarmRule, threshold: number): Hit | undefined {
  const { scores, audioset, kinds, vetoed, endAtMs } = window;
  if (kinds ? vetoed?.kinds : vetoed?.hit) return undefined;
  let best: Hit | undefined;
  const logOdds = kinds?.[IMPACT_KIND];
  const candidates =
    logOdds === undefined
      ? [
          ...rule.labels.map((label) => [label, scores[label] ?? 0] as const),
          ...audioset.filter(([name]) => IMPACT_CLASSES.has(name)),
        ]
      : [[IMPACT_KIND, 1 / (1 + Math.exp(-logOdds))] as const];
  for (const [label, score] of candidates)
    if (score >= threshold && score > (best?.score ?? -1)) best = { atMs: endAtMs, label, score };
  return best;
}
