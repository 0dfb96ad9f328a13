import type { KindLogOdds, ScoredWindow } from '../types.js';
import { SILENCE_ABOVE_FLOOR_DB } from './floor.js';
import { hitOf } from './hits.js';
import { type AlarmRule, evidenceRule, remembers, SCREAM_KIND } from './rule.js';

/** The same as a scream, where a model has no event head: AudioSet classes among the highest of the window. */
const SCREAM_CLASSES = new Set([
  'Screaming',
  'Shout',
  'Yell',
  'Bellow',
  'Children shouting',
  'Crying, sobbing',
  'Wail, moan',
  'Groan',
]);

/** What a window says is heard, as embeddings; a subject is left out where nothing speaks for an alarm. */
export interface Subjects {
  /** The window itself, where a class of it is a hit. */
  readonly hit?: Float32Array | undefined;
  /** The loudest window that the event head remembers, where it speaks for a kind that alarms. */
  readonly kind?: Float32Array | undefined;
  /** What else it may speak of: windows that stand out of the room and share no sample with the loudest, as a fall after a slam. */
  readonly besides: readonly Float32Array[];
}

interface Remembered {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly rmsDbfs: number;
  readonly embedding: Float32Array;
}

/**
 * Which sound a window speaks of. The event head looks back, so that the window in which it is sure of a fall may
 * be one of the silence after it; to judge that silence instead of the fall would veto quiet rooms.
 */
export class SubjectMemory {
  #windows: Remembered[] = [];

  /**
   * @param embedding is copied
   * @param floorDbfs noise floor of the room, where it is known: what does not stand out of it is no sound of its own
   */
  push(
    window: ScoredWindow,
    embedding: Float32Array,
    rule: AlarmRule,
    floorDbfs: number | undefined,
  ): Subjects {
    const { startSeconds, endSeconds, rmsDbfs } = window;
    const own = embedding.slice();
    this.#windows = this.#windows.filter(
      (each) => remembers(rule.evidence, each.endSeconds, endSeconds) && each.endSeconds < endSeconds,
    );
    this.#windows.push({ startSeconds, endSeconds, rmsDbfs, embedding: own });
    const hit = hitOf(window, rule, rule.threshold) && own;
    if (!speaksForAlarm(window.kinds, rule)) return { hit, besides: [] };
    const loudest = this.#windows.reduce((best, each) => (each.rmsDbfs > best.rmsDbfs ? each : best));
    const besides = this.#windows.filter(
      (each) =>
        each.rmsDbfs > (floorDbfs ?? Number.POSITIVE_INFINITY) + SILENCE_ABOVE_FLOOR_DB &&
        (each.endSeconds <= loudest.startSeconds || each.startSeconds >= loudest.endSeconds),
    );
    return { hit, kind: loudest.embedding, besides: besides.map((each) => each.embedding) };
  }

  forget(): void {
    this.#windows = [];
  }
}

/** Whether a window may be vetoed: not where a scream is the likeliest of what alarms. */
export function mayBeVetoed({ kinds, audioset }: ScoredWindow, rule: AlarmRule): boolean {
  if (!kinds) return !audioset.some(([name]) => SCREAM_CLASSES.has(name));
  const scream = kinds[SCREAM_KIND] ?? Number.NEGATIVE_INFINITY;
  return rule.evidence?.kinds.some((kind) => (kinds[kind] ?? scream) > scream) ?? false;
}

function speaksForAlarm(logOdds: KindLogOdds | undefined, rule: AlarmRule): boolean {
  const offsets = evidenceRule(rule)?.offsets ?? {};
  return (
    rule.evidence?.kinds.some(
      (kind) => (logOdds?.[kind] ?? Number.NEGATIVE_INFINITY) + (offsets[kind] ?? 0) > 0,
    ) ?? false
  );
}
