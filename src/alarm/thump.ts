import type { ScoredWindow } from '../types.js';
import { type NoiseFloor, SILENCE_ABOVE_FLOOR_DB } from './floor.js';
import { type AlarmRule, type EvidenceRule, evidenceRule, type Hit } from './rule.js';

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
/** What is never quieter than its loudest by so much, for so long, is no impact: a crowd, an engine, thunder. */
const LASTING_DB = 10;
const LASTING_SECONDS = 4;
/** What falls along with it may roll and ring for so long. */
const SETTLE_SECONDS = 2;
/** Speech is heard from this score on. */
const SPEECH_SCORE = 0.5;
/** Score of an impact, where nobody says one. */
const DEFAULT_THRESHOLD = 0.4;

export interface ThumpOptions {
  /** Score of an impact, of models without an event head. */
  readonly thumpThreshold?: number | undefined;
  /** How long nothing moves and nobody speaks after it; 0 is off, undefined as the bundle has it: without its word, off. */
  readonly thumpSilenceSeconds?: number | undefined;
  readonly speechLabels: readonly string[];
}

/** How long the silence after an impact must be, as a person or the bundle says; 0 is off. */
export function thumpSilenceSeconds(rule: AlarmRule, options: ThumpOptions): number {
  return options.thumpSilenceSeconds ?? evidenceRule(rule)?.thump?.silenceSeconds ?? 0;
}

/** Evidence from which on there is an impact, in nats. */
export function impactLine({ thump, lines }: EvidenceRule): number {
  return thump?.line ?? (lines[IMPACT_KIND] ?? Number.POSITIVE_INFINITY) / 2;
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
  #blow: Blow | undefined;
  #impact: Impact | undefined;

  /** @param floor of the room, which has every window before `push` does */
  constructor(
    private readonly options: ThumpOptions,
    private readonly floor: NoiseFloor,
  ) {}

  /**
   * Takes the next window.
   *
   * @param rule whose labels and levels say what an alarm sounds like
   * @param heard as the event head's evidence has it, for an impact from `line` on; a model has none without it
   * @param minThreshold a stricter threshold of the impact, for now
   * @returns the impact, with every window for which the silence after it has been long enough
   */
  push(
    window: ScoredWindow,
    rule: AlarmRule,
    heard: (line: number) => Hit | undefined,
    minThreshold: number,
  ): Hit | undefined {
    const silenceSeconds = thumpSilenceSeconds(rule, this.options);
    if (silenceSeconds === 0) return undefined;
    const floorDbfs = this.floor.dbfs;
    if (this.floor.lasts(LASTING_SECONDS, LASTING_DB)) this.forget();
    else if (window.rmsDbfs > Math.max(rule.minLevelDbfs, floorDbfs + IMPACT_ABOVE_FLOOR_DB)) {
      const silenceDbfs = Math.max(rule.minLevelDbfs, floorDbfs + SILENCE_ABOVE_FLOOR_DB);
      this.#blow = { atSeconds: window.endSeconds, silenceDbfs };
    }
    const { thumpThreshold = DEFAULT_THRESHOLD } = this.options;
    const own = evidenceRule(rule);
    const hit = own ? heard(impactLine(own)) : impactOf(window, rule, Math.max(thumpThreshold, minThreshold));
    // The event head may be sure of a blow only when it has heard what follows it.
    const reachSeconds = rule.evidence?.memorySeconds ?? 0;
    if (hit && this.#blow && window.endSeconds - this.#blow.atSeconds <= reachSeconds)
      this.#impact = { hit, ...this.#blow };
    if (!this.#impact || window.startSeconds < this.#impact.atSeconds + SETTLE_SECONDS) return undefined;
    const { atSeconds, silenceDbfs } = this.#impact;
    if (!this.#isSilent(window, rule, silenceDbfs)) this.#impact = undefined;
    return window.endSeconds - atSeconds >= silenceSeconds ? this.#impact?.hit : undefined;
  }

  /** Whether no impact waits for its silence. */
  get idle(): boolean {
    return this.#impact === undefined;
  }

  /** Forgets the impact: it has become an alarm, nobody is there who could have fallen, or sound was lost. */
  forget(): void {
    this.#impact = undefined;
    this.#blow = undefined;
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

/** The best of alarm labels and impact classes, if it is an impact. */
function impactOf(
  { scores, audioset, vetoed, endAtMs }: ScoredWindow,
  rule: AlarmRule,
  threshold: number,
): Hit | undefined {
  if (vetoed?.hit) return undefined;
  let best: Hit | undefined;
  const candidates = [
    ...rule.labels.map((label) => [label, scores[label] ?? 0] as const),
    ...audioset.filter(([name]) => IMPACT_CLASSES.has(name)),
  ];
  for (const [label, score] of candidates)
    if (score >= threshold && score > (best?.score ?? -1)) best = { atMs: endAtMs, label, score };
  return best;
}
