import { v7 as uuidv7 } from 'uuid';
import type { AlarmEnd, AlarmEnded, AlarmStarted, ScoredWindow } from '../types.js';

/** The rule by which windows become an alarm. Times are stream time. */
export interface AlarmRule {
  /** Labels that alarm; empty means that nothing does. */
  readonly labels: readonly string[];
  /** A window is a hit when one of the labels reaches this score… */
  readonly threshold: number;
  /** …and its RMS level is above this, dBFS. */
  readonly minLevelDbfs: number;
  /** The alarm starts when this many… */
  readonly hits: number;
  /** …of the last so many windows are hits, */
  readonly window: number;
  /** or when a single one reaches this score. */
  readonly instantThreshold: number;
  /** It ends after this long without a hit. */
  readonly releaseSeconds: number;
  /** For this long after its end hits start nothing. */
  readonly cooldownSeconds: number;
}

export const DEFAULT_ALARM_RULE: AlarmRule = {
  labels: ['abnormal'],
  threshold: 0.6,
  minLevelDbfs: -60,
  hits: 2,
  window: 3,
  instantThreshold: 0.95,
  releaseSeconds: 5,
  cooldownSeconds: 10,
};

/** A window that speaks for an alarm; `score` is that of `label`. */
export type Hit = AlarmStarted['hits'][number];

interface OpenAlarm {
  readonly started: AlarmStarted;
  lastHitSeconds: number;
  peak: { readonly label: string; readonly confidence: number };
}

/**
 * Alarm state machine: idle → alarm → cooldown → idle, in stream time. It sees one scored window after the
 * other and says when an alarm starts and ends; it never starts one twice without an end in between.
 */
export class AlarmDecision {
  #rule: AlarmRule;
  /** The last `rule.window` windows: their hit, if they are one. */
  #recent: (Hit | undefined)[] = [];
  #alarm: OpenAlarm | undefined;
  #endedAtSeconds = Number.NEGATIVE_INFINITY;

  constructor(rule: AlarmRule) {
    this.#rule = rule;
  }

  get rule(): AlarmRule {
    return this.#rule;
  }

  /** The alarm that is on. */
  get open(): AlarmStarted | undefined {
    return this.#alarm?.started;
  }

  /**
   * Changes the rule from the next window on. What was no hit does not become one, and what is none any more
   * no longer counts.
   */
  setRule(change: Partial<AlarmRule>): void {
    this.#rule = { ...this.#rule, ...change };
  }

  /**
   * Takes the next window.
   *
   * @param minThreshold a stricter threshold for now; one below the rule's has no effect
   */
  push(window: ScoredWindow, minThreshold = 0): AlarmStarted | AlarmEnded | undefined {
    const threshold = Math.max(this.#rule.threshold, minThreshold);
    const hit = this.#hitOf(window, threshold);
    this.#recent = [...this.#recent, hit].slice(-this.#rule.window);
    if (this.#alarm) return this.#continue(this.#alarm, window, hit);
    if (!hit || this.#coolsDown(window)) return undefined;
    const hits = this.#recent.filter((each) => each !== undefined).filter(({ score }) => score >= threshold);
    // Set one after the other, `hits` can be above `window` for a while: then every window must be a hit.
    const enough = hits.length >= Math.min(this.#rule.hits, this.#rule.window);
    if (enough) return this.#start(window, hit, 'hits', hits);
    return hit.score >= this.#rule.instantThreshold ? this.#start(window, hit, 'instant', hits) : undefined;
  }

  /** Starts an alarm that follows from more than its hits, unless one is on or the last one cools down. */
  raise(window: ScoredWindow, hit: Hit, reason: AlarmStarted['reason']): AlarmStarted | undefined {
    return this.#alarm || this.#coolsDown(window) ? undefined : this.#start(window, hit, reason, [hit]);
  }

  /** Forgets hits before a gap in the sound: they say nothing of what comes after it. */
  gap(): void {
    this.#recent = [];
  }

  /**
   * Ends the open alarm, if there is one, for a reason other than silence.
   *
   * @param atSeconds stream time, counting on through lost sound
   * @param atMs wall clock
   */
  end(endedBy: AlarmEnd, atSeconds: number, atMs: number): AlarmEnded | undefined {
    if (!this.#alarm) return undefined;
    const { started, peak } = this.#alarm;
    this.#alarm = undefined;
    this.#recent = [];
    this.#endedAtSeconds = atSeconds;
    return {
      type: 'alarm_ended',
      episodeId: started.episodeId,
      atMs,
      atSeconds,
      label: peak.label,
      durationSeconds: atSeconds - started.atSeconds,
      peakConfidence: peak.confidence,
      endedBy,
    };
  }

  #hitOf({ scores, rmsDbfs, endAtMs }: ScoredWindow, threshold: number): Hit | undefined {
    let best: Hit | undefined;
    for (const label of this.#rule.labels) {
      const score = scores[label] ?? 0;
      if (score >= threshold && score > (best?.score ?? -1)) best = { atMs: endAtMs, label, score };
    }
    return rmsDbfs > this.#rule.minLevelDbfs ? best : undefined;
  }

  #coolsDown({ endSeconds }: ScoredWindow): boolean {
    return endSeconds < this.#endedAtSeconds + this.#rule.cooldownSeconds;
  }

  #start(
    window: ScoredWindow,
    { label, score }: Hit,
    reason: AlarmStarted['reason'],
    hits: readonly Hit[],
  ): AlarmStarted {
    const started: AlarmStarted = {
      type: 'alarm_started',
      episodeId: uuidv7(),
      atMs: window.endAtMs,
      atSeconds: window.endSeconds,
      label,
      confidence: score,
      reason,
      window,
      hits,
    };
    this.#alarm = { started, lastHitSeconds: window.endSeconds, peak: { label, confidence: score } };
    return started;
  }

  #continue(alarm: OpenAlarm, window: ScoredWindow, hit: Hit | undefined): AlarmEnded | undefined {
    if (hit) {
      alarm.lastHitSeconds = window.endSeconds;
      if (hit.score > alarm.peak.confidence) alarm.peak = { label: hit.label, confidence: hit.score };
      return undefined;
    }
    const silent = window.endSeconds - alarm.lastHitSeconds >= this.#rule.releaseSeconds;
    return silent ? this.end('silence', window.endSeconds, window.endAtMs) : undefined;
  }
}
