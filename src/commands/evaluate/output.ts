import { type ClipFigures, type KindFigures, outcomeOfOthers } from '../../training/clip-figures.js';
import type { Evaluation } from '../../training/evaluation.js';
import { duration, NOTHING, position, rate, rateInterval, seconds, share } from '../../training/format.js';
import type { RecordingFigures } from '../../training/recording-figures.js';
import { tableLines } from '../support/table.js';
import { lifeLines } from './life.js';

/** How many mistakes are printed; the report has more. */
const PRINTED_MISTAKES = 5;

/** An evaluation for a terminal. */
export function evaluationLines({
  model,
  head,
  rule,
  clips,
  recordings,
  life,
  thresholds,
}: Evaluation): string[] {
  const { threshold, hits, window, instantThreshold } = rule;
  const alarms = rule.labels.length > 0 ? rule.labels.join(', ') : 'no class';
  return [
    `${model.name} ${model.version}, head ${head}, ${model.engine} in ${model.precision}`,
    `alarm: ${alarms} at ${threshold}, ${hits} of ${window} windows, at once from ${instantThreshold}`,
    ...(clips ? ['', ...clipLines(clips)] : []),
    ...(recordings ? ['', ...recordingLines(recordings)] : clips ? clipRateLines(clips) : []),
    ...(life ? ['', ...lifeLines(life)] : []),
    '',
    ...tableLines([
      ['threshold', ...(recordings ? RECORDING_COLUMNS : []), ...(clips ? CLIP_COLUMNS : [])],
      ...thresholds.map((each) => [
        `${each.threshold}${each.chosen ? ' *' : ''}`,
        ...(each.recordings
          ? [
              String(each.recordings.falseAlarms),
              rate(each.recordings.falseAlarmsPerHour),
              rate(each.recordings.upperBoundPerHour),
              share(each.recordings.recall),
              share(each.recordings.precision),
            ]
          : []),
        ...(each.clips ? [`${each.clips.found}/${each.clips.events}`, String(each.clips.disturbed)] : []),
      ]),
    ]),
  ];
}

const RECORDING_COLUMNS = ['false alarms', 'per hour', '95 % below', 'events found', 'precision'];
const CLIP_COLUMNS = ['alarm clips found', 'other clips that alarm'];

function clipLines(clips: ClipFigures): string[] {
  const { accuracy, balancedAccuracy, classes, labels, confusion, curves } = clips;
  return [
    `${clips.count} clips: accuracy ${share(accuracy)}, balanced ${share(balancedAccuracy)}, calibration error ${share(clips.calibration.expectedError)}`,
    ...(curves
      ? [
          `alarm classes against the others: ROC AUC ${share(curves.rocAuc)}, average precision ${share(curves.averagePrecision)}`,
        ]
      : []),
    ...alarmLines(clips),
    '',
    ...tableLines([
      ['class', 'clips', 'precision', 'recall', 'F1', 'alarms'],
      ...classes.map((each, i) => [
        each.label,
        String(each.clips),
        share(each.precision),
        share(each.recall),
        share(each.f1),
        String(clips.alarms[i]?.alarms ?? 0),
      ]),
    ]),
    '',
    ...tableLines([
      ['is \\ taken for', ...labels],
      ...confusion.map((row, i) => [labels[i] ?? '', ...row.map(String)]),
    ]),
    ...(clips.kinds ? ['', ...kindLines(clips.kinds, labels)] : []),
    ...clips.mistakes
      .slice(0, PRINTED_MISTAKES)
      .map(
        ({ path, label, predicted, confidence }) =>
          `  ${label} taken for ${predicted} (${share(confidence)}): ${path}`,
      ),
  ];
}

function alarmLines({ missedAlarms: missed, falseAlarms: other }: ClipFigures): string[] {
  return [
    ...(missed.clips > 0
      ? [`missed alarms: ${share(missed.share)}, ${missed.count} of ${missed.clips} clips of alarm classes`]
      : []),
    ...(other.clips > 0
      ? [`other clips that alarm: ${share(other.share)}, ${other.count} of ${other.clips}`]
      : []),
  ];
}

/** Where no recording says how often it alarms in an hour. */
function clipRateLines(clips: ClipFigures): string[] {
  const outcome = outcomeOfOthers(clips);
  if (outcome === undefined) return [];
  const { falseAlarms, falseAlarmsPerHour, ordinaryHours } = outcome;
  return [
    '',
    `false alarms per hour of clips that are no alarm: ${rate(falseAlarmsPerHour)}, ${falseAlarms} in ${duration(ordinaryHours)} (95 % interval ${rateInterval(falseAlarms, ordinaryHours)}); for the rate of a home: --ordinary FOLDER`,
  ];
}

function kindLines(kinds: readonly KindFigures[], labels: readonly string[]): string[] {
  return tableLines([
    ['class', 'kind', 'clips', ...labels, 'alarms'],
    ...kinds.map(({ label, kind, clips, decided, alarmShare }) => [
      label,
      kind || NOTHING,
      String(clips),
      ...labels.map((each) => share(decided[each])),
      share(alarmShare),
    ]),
  ]);
}

function recordingLines({ count, outcome, falseAlarms, missed }: RecordingFigures): string[] {
  const { ordinaryHours, events, found, recall, precision, delaySeconds } = outcome;
  return [
    `${count} recordings, ${duration(ordinaryHours)} of ordinary sound: ${outcome.falseAlarms} false alarms, ${rate(outcome.falseAlarmsPerHour)} per hour (95 % below ${rate(outcome.upperBoundPerHour)})`,
    ...(events > 0
      ? [
          `${found} of ${events} events found: recall ${share(recall)}, precision ${share(precision)}, delay ${seconds(delaySeconds.median)} (median), ${seconds(delaySeconds.p95)} (95 %)`,
        ]
      : []),
    ...falseAlarms
      .slice(0, PRINTED_MISTAKES)
      .map(
        (each) => `  false alarm at ${position(each.atSeconds)} (${share(each.confidence)}): ${each.path}`,
      ),
    ...missed
      .slice(0, PRINTED_MISTAKES)
      .map((each) => `  missed ${each.label} at ${position(each.atSeconds)}: ${each.path}`),
  ];
}
