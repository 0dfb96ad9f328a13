import { v7 as uuidv7 } from 'uuid';
import type { AlarmEnd, AlarmEnded, AlarmStarted, ScoredWindow } from '../types.js';
import type { AlarmRule } from './rule.js';

/** What speaks for an alarm in a window, whatever it was that heard it. */
export interface Cry {
  readonly label: string;
  readonly confidence: number;
  readonly kind?: string | undefined;
  /** Whether it is known to be that kind: beyond its line, not only the likeliest. */
  readonly known?: boolean;
  /** Why it is enough to start one; one that is on goes on without. */
  readonly start?: Pick<AlarmStarted, 'reason' | 'hits' | 'evidence'> | undefined;
}

interface OpenAlarm {
  readonly started: AlarmStarted;
  lastCrySeconds: number;
  peak: { readonly label: string; readonly confidence: number };
  kind: string | undefined;
  /** The kind that it began as, and all that were known to speak for it until somebody had seen it. */
  readonly kinds: Set<string | undefined>;
  acknowledged: boolean;
}

/**
 * Alarm state machine: idle → alarm → cooldown → idle, in stream time. It never starts an alarm twice without an end
 * in between.
 */
export class Episode {
  #alarm: OpenAlarm | undefined;
  /** The last one, where it ended in silence: only then was there anything that may go on. */
  #cooling: { readonly alarm: OpenAlarm; readonly fromSeconds: number } | undefined;
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
    return this.#start(window, this.#afterwards(window, cries, rule));
  }

  /** Whether an alarm is on that nobody has seen. */
  get unseen(): boolean {
    return this.#alarm?.acknowledged === false;
  }

  /** Somebody has seen the open alarm, and knows nothing of what else may come while it is on. */
  acknowledge(episodeId: string): void {
    for (const alarm of [this.#alarm, this.#cooling?.alarm])
      if (alarm?.started.episodeId === episodeId) alarm.acknowledged = true;
  }

  /** Ends the open alarm, if there is one. */
  end(endedBy: AlarmEnd, atSeconds: number, atMs: number): AlarmEnded | undefined {
    if (endedBy === 'disabled') this.#next = []; // it is not to come up when detection is on again
    if (!this.#alarm) return undefined;
    const alarm = this.#alarm;
    const { started, peak, kind } = alarm;
    // A file may be shorter than the window that fills it up.
    const endSeconds = Math.max(atSeconds, started.atSeconds);
    this.#alarm = undefined;
    if (endedBy === 'silence') this.#cooling = { alarm, fromSeconds: endSeconds };
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

  /** What may start an alarm: while the last one cools down, only what is another one than that. */
  #afterwards({ endSeconds }: ScoredWindow, cries: readonly Cry[], rule: AlarmRule): readonly Cry[] {
    if (this.#cooling && endSeconds >= this.#cooling.fromSeconds + rule.cooldownSeconds)
      this.#cooling = undefined;
    const last = this.#cooling?.alarm;
    return last ? cries.filter((cry) => isAnother(cry, last)) : cries;
  }

  /** With the first one that is enough for it; undefined where none is. */
  #start(window: ScoredWindow, cries: readonly Cry[]): AlarmStarted | undefined {
    const first = cries.find(({ start }) => start);
    if (!first?.start) return undefined;
    this.#cooling = undefined; // this is the last one now
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
      kinds: new Set([kind, ...kindsKnownIn(cries)]),
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
    const another = cries.find((cry) => isAnother(cry, alarm));
    if (another) {
      this.#next = [another, ...cries];
      return this.end('another', window.endSeconds, window.endAtMs);
    }
    if (!alarm.acknowledged) for (const kind of kindsKnownIn(cries)) alarm.kinds.add(kind);
    for (const { kind, label, confidence } of cries) {
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

/** Whether it is of a kind that whoever has seen the alarm knows nothing of. */
function isAnother({ kind, start }: Cry, { acknowledged, kinds }: OpenAlarm): boolean {
  return acknowledged && start?.reason === 'evidence' && !kinds.has(kind);
}

function kindsKnownIn(cries: readonly Cry[]): (string | undefined)[] {
  return cries.filter(({ known }) => known).map(({ kind }) => kind);
}
