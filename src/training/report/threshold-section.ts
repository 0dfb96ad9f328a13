import { decadeAxis, unitAxis } from '../../plot/axes.js';
import { type ClipFigures, outcomeOfOthers } from '../clip-figures.js';
import type { ThresholdFigures } from '../evaluation.js';
import { duration, rate, seconds, share } from '../format.js';
import type { Outcome } from '../outcome.js';
import type { RecordingFigures } from '../recording-figures.js';
import { figure, table } from './html.js';
import { type Plot, renderPlot } from './plot.js';

/** What can be said at each threshold: it depends on what was listened to. */
interface Heard {
  /** What the rate of false alarms is counted on; undefined where nothing is. */
  readonly rateOf: 'recordings' | 'clips' | undefined;
  readonly events: boolean;
  readonly alarmClips: boolean;
  readonly clips: boolean;
}

export function thresholdSection(
  thresholds: readonly ThresholdFigures[],
  recordings: RecordingFigures | undefined,
  clips: ClipFigures | undefined,
  collarSeconds: number,
): string {
  const others = clips && outcomeOfOthers(clips);
  const heard: Heard = {
    rateOf: recordings ? 'recordings' : others ? 'clips' : undefined,
    events: (recordings?.outcome.events ?? 0) > 0,
    alarmClips: (clips?.outcome.events ?? 0) > 0,
    clips: clips !== undefined,
  };
  return `<section>
<h2>Alarms at each threshold</h2>
<p>Every row is the whole decision stage at that threshold: hits, window, level, release and cooldown as in the rule above.${heard.events ? eventNote(collarSeconds) : ''}</p>
${others && !recordings ? clipRateNote(others) : ''}
<div class="fill plots">${plots(thresholds, heard).join('')}</div>
${thresholdTable(thresholds, heard)}
</section>`;
}

function eventNote(collarSeconds: number): string {
  return ` An event counts as found when an alarm starts within it or ${collarSeconds} s before or after, or is still on as it begins. A false alarm that goes on counts again every minute.`;
}

function clipRateNote({ ordinaryHours }: Outcome): string {
  return `<p><strong>Per hour</strong> is per hour of clips here: the ${duration(ordinaryHours)} of clips that are no alarm, each heard with silence around it. They are chosen sounds without the quiet between them, so this is not the rate of a home. That one takes hours of ordinary sound: <code>--ordinary FOLDER</code>.</p>`;
}

function plots(thresholds: readonly ThresholdFigures[], { rateOf, events, alarmClips }: Heard): string[] {
  const rateName = rateOf === 'clips' ? 'False alarms per hour of clips' : 'False alarms per hour';
  return [
    ...(rateOf ? [figure(rateName, renderPlot(ratePlot(thresholds, rateOf)))] : []),
    ...(events
      ? [figure('Events found', renderPlot(foundPlot(thresholds, 'recordings', 'events found')))]
      : []),
    ...(alarmClips
      ? [figure('Alarm clips found', renderPlot(foundPlot(thresholds, 'clips', 'alarm clips found')))]
      : []),
  ];
}

function thresholdTable(thresholds: readonly ThresholdFigures[], heard: Heard): string {
  const { rateOf, events, clips: hasClips } = heard;
  const columns = [
    'threshold',
    ...(rateOf ? ['false alarms', rateOf === 'clips' ? 'per hour of clips' : 'per hour', '95 % below'] : []),
    ...(events ? ['events found', 'precision', 'delay'] : []),
    ...(hasClips ? ['alarm clips found', 'other clips that alarm'] : []),
  ];
  const rows = thresholds.map((each) => {
    const counted = rateOf && each[rateOf];
    const { recordings: long, clips } = each;
    return [
      String(each.threshold),
      ...(counted
        ? [String(counted.falseAlarms), rate(counted.falseAlarmsPerHour), rate(counted.upperBoundPerHour)]
        : []),
      ...(long && events
        ? [share(long.recall), share(long.precision), seconds(long.delaySeconds.median)]
        : []),
      ...(clips ? [`${clips.found} of ${clips.events}`, String(clips.disturbed)] : []),
    ];
  });
  const chosen = thresholds.findIndex((each) => each.chosen);
  return table('Alarms at each threshold', columns, rows, chosen);
}

function ratePlot(thresholds: readonly ThresholdFigures[], of: 'recordings' | 'clips'): Plot {
  const measured = thresholds.map((each) => [each.threshold, each[of]?.falseAlarmsPerHour ?? 0] as const);
  const bound = thresholds.map((each) => [each.threshold, each[of]?.upperBoundPerHour ?? 0] as const);
  return {
    description: 'False alarms per hour over the threshold, logarithmic',
    x: unitAxis('threshold'),
    y: decadeAxis(
      'per hour, logarithmic',
      [...measured, ...bound].map(([, value]) => value),
    ),
    series: [
      { style: 'main', points: measured, label: 'measured' },
      { style: 'second', points: bound, label: '95 % below' },
    ],
    rulers: chosenRuler(thresholds),
  };
}

function foundPlot(thresholds: readonly ThresholdFigures[], of: 'recordings' | 'clips', label: string): Plot {
  return {
    description: `${label} over the threshold`,
    x: unitAxis('threshold'),
    y: unitAxis(label),
    series: [
      { style: 'main', points: thresholds.map((each) => [each.threshold, each[of]?.recall ?? 0] as const) },
    ],
    rulers: chosenRuler(thresholds),
  };
}

function chosenRuler(thresholds: readonly ThresholdFigures[]): NonNullable<Plot['rulers']> {
  return thresholds.flatMap(({ threshold, chosen }) =>
    chosen ? [{ x: threshold, label: `now ${threshold}` }] : [],
  );
}
