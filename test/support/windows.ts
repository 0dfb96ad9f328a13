import type { ScoredWindow } from '../../src/types.js';

export const HOP_SECONDS = 0.48;
/** 10:00 in the morning, local time. */
const MORNING_MS = new Date(2026, 0, 15, 10).getTime();

/** What is heard, for how many seconds. */
export interface Heard {
  readonly seconds: number;
  readonly scores?: Readonly<Record<string, number>>;
  readonly audioset?: ScoredWindow['audioset'];
  readonly rmsDbfs?: number;
  /** Log-odds of kinds of events. */
  readonly kinds?: ScoredWindow['kinds'];
}

/** A script of sounds as scored windows, one every 0.48 s from the start of the stream. */
export function windowsOf(script: readonly Heard[], startMs = MORNING_MS): ScoredWindow[] {
  const windows: ScoredWindow[] = [];
  for (const { seconds, scores = { background: 1 }, audioset = [], rmsDbfs = -58, kinds } of script)
    for (let k = 0; k < Math.round(seconds / HOP_SECONDS); k++) {
      const startSeconds = windows.length * HOP_SECONDS;
      const [label, confidence] = Object.entries(scores).reduce((a, b) => (b[1] > a[1] ? b : a));
      windows.push({
        startSeconds,
        endSeconds: startSeconds + 0.975,
        endAtMs: startMs + 1000 * (startSeconds + 0.975),
        label,
        confidence,
        scores,
        rmsDbfs,
        peakDbfs: rmsDbfs + 12,
        audioset,
        kinds,
      });
    }
  return windows;
}
