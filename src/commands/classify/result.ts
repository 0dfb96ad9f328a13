import type { Sense } from '../../alarm/sense.js';
import { Verdict } from '../../alarm/verdict.js';
import type { SoundSpan } from '../../plot/recording.js';
import type { AlarmEnded, DecisionEvent, KindEvidence, ScoredWindow } from '../../types.js';

/** What was heard in a file. */
export interface FileResult {
  readonly file: string;
  readonly verdict: string;
  readonly confidence: number;
  readonly seconds: number;
  /** How many windows. */
  readonly count: number;
  /** Made anew each time: those of a long file are many. */
  readonly windows: () => Iterable<ScoredWindow>;
  readonly alarms: readonly AlarmEnded[];
  /** When the sounds beside the alarm were on. */
  readonly sounds: readonly SoundSpan[];
}

/**
 * The decision of the daemon over the windows of a file: the alarm's label, else its `Verdict`.
 *
 * @param sounds what else was heard in it
 * @param onWindow told what speaks for an alarm by then
 */
export function resultOf(
  file: string,
  windows: FileResult['windows'],
  sense: Sense,
  seconds: number,
  sounds: FileResult['sounds'],
  onWindow: (evidence: readonly KindEvidence[]) => void = () => {},
): FileResult {
  const alarms: AlarmEnded[] = [];
  const take = (event: DecisionEvent | undefined) => {
    if (event?.type === 'alarm_ended') alarms.push(event);
  };
  const whole = new Verdict(sense.rule);
  let count = 0;
  for (const window of windows()) {
    count++;
    whole.push(window);
    take(sense.push(window));
    onWindow(sense.evidence);
  }
  take(sense.end('stop', seconds, 0));
  const worst = alarms.reduce<AlarmEnded | undefined>(
    (a, b) => (a && a.peakConfidence >= b.peakConfidence ? a : b),
    undefined,
  );
  const [verdict, confidence] = worst
    ? ([worst.label, worst.peakConfidence] as const)
    : Object.entries(whole.scores).reduce((a, b) => (b[1] > a[1] ? b : a));
  return { file, verdict, confidence, seconds, count, windows, alarms, sounds };
}
