import { v7 as uuidv7 } from 'uuid';
import type { AlarmEnd, AlarmEnded, AlarmStarted, ScoredWindow } from '../types.js';
import type { AlarmRule } from './rule.js';

/** What speaks for an alarm in a window, whatever it was that heard it. */
export interface Cry {
  readonly label: string;
  readonly confidence: number;
  readonly kind?: string | undefined;
  /** Why it is enough to start one; one that is on goes on without. */
  readonly start?: Pick<AlarmStarted, 'reason' | 'hits' | 'evidence'> | undefined;
}

interface OpenAlarm {
  readonly started: AlarmStarted;
  lastCrySeconds: number;
  peak: { readonly label: string; readonly confidence: number };
  kind: string | undefined;
  /** All kinds that spoke for it. */
  readonly kinds: Set<string | undefined>;
  acknowledged: boolean;
}

/**
 * Alarm state machine: idle → alarm → cooldown → idle, in stream time. It never starts an alarm twice without an end
 * in between.
 */
export class Episode {
  #alarm: OpenAlarm | undefined;
  /** When the last one ended in silence: only then was there anything that may go on. */
  #silentAtSeconds = Number.NEGATIVE_INFINITY;
  /** Begins with the next window: what is new, before what else spoke for the alarm that it ended. */
  #next: readonly Cry[] = [];
  #endSeconds = 0;

  /** The alarm that is on. */
  get open(): AlarmStarted | undefined {
    return this.#alarm?.started;
  }

  /** Takes the next window and all that speaks for an alarm in it, the strongest first. */
  push(window: ScoredWindow, cries: readonly Cry[], rule: AlarmRule): AlarmStarted | AlarmEnded | undefined {
    const lostSeconds = Math.max(0, window.startSeconds - this.#endSeconds);
    this.#endSeconds = window.endSeconds;
    if (this.#alarm) return this.#continue(this.#alarm, window, lostSeconds, cries, rule);
    const next = this.#next;
    this.#next = [];
    if (next.length > 0) return this.#start(window, next);
    const cool = window.endSeconds >= this.#silentAtSeconds + rule.cooldownSeconds;
    return cool ? this.#start(window, cries) : undefined;
  }

  /** Somebody has seen the open alarm, and knows nothing of what else may come while it is on. */
  acknowledge(episodeId: string): void {
    if (this.#alarm?.started.episodeId === episodeId) this.#alarm.acknowledged = true;
  }

  /** Ends the open alarm, if there is one. */
  end(endedBy: AlarmEnd, atSeconds: number, atMs: number): AlarmEnded | undefined {
    if (endedBy === 'disabled') this.#next = []; // it is not to come up when detection is on again
    if (!this.#alarm) return undefined;
    const { started, peak, kind } = this.#alarm;
    // A file may be shorter than the window that fills it up.
    const endSeconds = Math.max(atSeconds, started.atSeconds);
    this.#alarm = undefined;
    if (endedBy === 'silence') this.#silentAtSeconds = endSeconds;
    return {
      type: 'alarm_ended',
      episodeId: started.episodeId,
      atMs,
      atSeconds: endSeconds,
      label: peak.label,
      kind,
      durationSeconds: endSeconds - started.atSeconds,
      peakConfidence: peak.confidence,
      endedBy,
    };
  }

  /** With the first one that is enough for it; undefined where none is. */
  #start(window: ScoredWindow, cries: readonly Cry[]): AlarmStarted | undefined {
    const first = cries.find(({ start }) => start);
    if (!first?.start) return undefined;
    const { label, confidence, kind } = first;
    const started: AlarmStarted = {
      type: 'alarm_started',
      episodeId: uuidv7(),
      atMs: window.endAtMs,
      atSeconds: window.endSeconds,
      label,
      kind,
      confidence,
      ...first.start,
      window,
    };
    this.#alarm = {
      started,
      lastCrySeconds: window.endSeconds,
      peak: { label, confidence },
      kind,
      kinds: new Set(cries.map((cry) => cry.kind)),
      acknowledged: false,
    };
    return started;
  }

  #continue(
    alarm: OpenAlarm,
    window: ScoredWindow,
    lostSeconds: number,
    cries: readonly Cry[],
    rule: AlarmRule,
  ): AlarmEnded | undefined {
    alarm.lastCrySeconds += lostSeconds; // it was not silent, it was not heard
    const another = cries.find(({ kind, start }) => start?.reason === 'evidence' && !alarm.kinds.has(kind));
    if (alarm.acknowledged && another) {
      this.#next = [another, ...cries];
      return this.end('another', window.endSeconds, window.endAtMs);
    }
    for (const { kind, label, confidence } of cries) {
      alarm.kinds.add(kind);
      alarm.lastCrySeconds = window.endSeconds;
      alarm.kind ??= kind;
      if (confidence <= alarm.peak.confidence) continue;
      alarm.peak = { label, confidence };
      alarm.kind = kind ?? alarm.kind;
    }
    if (cries.length > 0) return undefined;
    const silent = window.endSeconds - alarm.lastCrySeconds >= rule.releaseSeconds;
    return silent ? this.end('silence', window.endSeconds, window.endAtMs) : undefined;
  }
}
