import type { ScoredWindow } from '../types.js';
import type { AlarmRule, Hit } from './rule.js';

/** What the classes of a window say. */
export interface HeardClass {
  readonly hit: Hit;
  /** Enough to start an alarm, and by which part of the rule; with the hits that led to it, oldest first. */
  readonly start: { readonly reason: 'hits' | 'instant'; readonly hits: readonly Hit[] } | undefined;
}

/** Counts windows in which a class that alarms reaches the threshold. */
export class Hits {
  /** The last `rule.window` windows: their hit, if they are one. */
  #recent: (Hit | undefined)[] = [];

  /**
   * Takes the next window.
   *
   * @param threshold from which on it is a hit; what was one by a lower one and reaches it no more does not count
   * @returns what speaks for an alarm in it, if anything does
   */
  push(window: ScoredWindow, rule: AlarmRule, threshold: number): HeardClass | undefined {
    const hit = window.vetoed?.hit ? undefined : hitOf(window, rule, threshold);
    this.#recent = [...this.#recent, hit].slice(-rule.window);
    if (!hit) return undefined;
    const hits = this.#recent.filter((each) => each !== undefined).filter(({ score }) => score >= threshold);
    // Set one after the other, `hits` can be above `window` for a while: then every window must be a hit.
    if (hits.length >= Math.min(rule.hits, rule.window)) return { hit, start: { reason: 'hits', hits } };
    return { hit, start: hit.score >= rule.instantThreshold ? { reason: 'instant', hits } : undefined };
  }

  /** Whether none of the last windows counts. */
  get idle(): boolean {
    return this.#recent.every((hit) => hit === undefined);
  }

  forget(): void {
    this.#recent = [];
  }
}

/** @returns the best class that alarms, if it is a hit */
export function hitOf(
  { scores, rmsDbfs, endAtMs }: ScoredWindow,
  rule: AlarmRule,
  threshold: number,
): Hit | undefined {
  let best: Hit | undefined;
  for (const label of rule.labels) {
    const score = scores[label] ?? 0;
    if (score >= threshold && score > (best?.score ?? -1)) best = { atMs: endAtMs, label, score };
  }
  return rmsDbfs > rule.minLevelDbfs ? best : undefined;
}
