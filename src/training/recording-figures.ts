import type { AlarmRule } from '../alarm/decision.js';
import { matchEvents } from './events.js';
import { NAMED_MISTAKES, type RecordingMistake } from './mistakes.js';
import { type Outcome, outcomeOf } from './outcome.js';
import type { Recording } from './track.js';

export interface RecordingFigures {
  readonly count: number;
  readonly outcome: Outcome;
  /** The surest first. */
  readonly falseAlarms: readonly RecordingMistake[];
  readonly missed: readonly RecordingMistake[];
}

export function recordingFigures(
  recordings: readonly Recording[],
  rule: AlarmRule,
  collarSeconds: number,
): RecordingFigures {
  const falseAlarms: RecordingMistake[] = [];
  const missed: RecordingMistake[] = [];
  for (const { track, events } of recordings) {
    const match = matchEvents(events, track.replay(rule), collarSeconds);
    const { path } = track;
    for (const { startSeconds, label, confidence } of match.falseAlarms)
      falseAlarms.push({ path, atSeconds: startSeconds, label, confidence });
    for (const [i, { startSeconds, label }] of events.entries())
      if (match.delaysSeconds[i] === undefined) missed.push({ path, atSeconds: startSeconds, label });
  }
  falseAlarms.sort((a, b) => (b.confidence ?? 0) - (a.confidence ?? 0));
  return {
    count: recordings.length,
    outcome: outcomeOf(recordings, rule, collarSeconds),
    falseAlarms: falseAlarms.slice(0, NAMED_MISTAKES),
    missed: missed.slice(0, NAMED_MISTAKES),
  };
}
