import { escapeHtml } from '../../plot/html.js';
import { type ClipFigures, outcomeOfOthers } from '../clip-figures.js';
import { duration, rate, rateInterval, seconds, share } from '../format.js';
import type { Outcome } from '../outcome.js';
import type { RecordingFigures } from '../recording-figures.js';
import { badge, type Grade, gradeKey, gradeOf, gradeOfRate, LIMITS } from './grade.js';

interface Tile {
  readonly value: string;
  readonly name: string;
  readonly detail: string;
  readonly grade: Grade | undefined;
}

/** The figures that matter most, in two rows that are both full: what alarms do, and what is recognised. */
export function tileSection(
  clips: ClipFigures | undefined,
  recordings: RecordingFigures | undefined,
  alarmLabels: readonly string[],
): string {
  const others = clips && outcomeOfOthers(clips);
  const alarms = [
    ...(recordings ? [recordingRate(recordings.outcome), ...eventTiles(recordings.outcome)] : []),
    ...(others && !recordings ? [clipRate(others)] : []),
    ...(clips ? alarmClipTiles(clips, alarmLabels) : []),
  ];
  const rows = [tileRow('Alarms', alarms), tileRow('Recognition', clips ? recognitionTiles(clips) : [])];
  return `<section aria-label="Summary">${rows.join('')}${gradeKey()}</section>`;
}

function recordingRate(outcome: Outcome): Tile {
  const { falseAlarms, falseAlarmsPerHour, upperBoundPerHour, ordinaryHours } = outcome;
  return {
    value: rate(falseAlarmsPerHour),
    name: 'false alarms per hour',
    detail: `${falseAlarms} in ${duration(ordinaryHours)}; 95 % below ${rate(upperBoundPerHour)}`,
    grade: gradeOfRate(falseAlarmsPerHour, upperBoundPerHour),
  };
}

/** No grade: clips are chosen sounds, and nobody's hour is made of them. */
function clipRate({ falseAlarms, falseAlarmsPerHour, ordinaryHours }: Outcome): Tile {
  return {
    value: rate(falseAlarmsPerHour),
    name: 'false alarms per hour of clips',
    detail: `${falseAlarms} in the ${duration(ordinaryHours)} of clips that are no alarm; 95 % interval ${rateInterval(falseAlarms, ordinaryHours)}`,
    grade: undefined,
  };
}

function eventTiles({ events, found, recall, delaySeconds }: Outcome): Tile[] {
  if (events === 0) return [];
  return [
    {
      value: share(recall),
      name: 'events found',
      detail: `${found} of ${events}`,
      grade: gradeOf(recall, LIMITS.share),
    },
    {
      value: seconds(delaySeconds.median),
      name: 'detection delay',
      detail: `median; 95 % within ${seconds(delaySeconds.p95)}`,
      grade: gradeOf(delaySeconds.median, LIMITS.delay),
    },
  ];
}

function alarmClipTiles(
  { missedAlarms: missed, falseAlarms: other }: ClipFigures,
  alarmLabels: readonly string[],
): Tile[] {
  const found: Tile[] = [];
  if (missed.clips > 0)
    found.push({
      value: share(missed.share),
      name: 'missed alarms',
      detail: `${missed.count} of ${missed.clips} alarm clips`,
      grade: gradeOf(missed.share, LIMITS.missed),
    });
  if (alarmLabels.length > 0 && other.clips > 0)
    found.push({
      value: share(other.share),
      name: 'other clips that alarm',
      detail: `${other.count} of ${other.clips}`,
      grade: gradeOf(other.share, LIMITS.falseClips),
    });
  return found;
}

function recognitionTiles(clips: ClipFigures): Tile[] {
  const { accuracy, balancedAccuracy, curves, calibration, count } = clips;
  const occurring = clips.classes.filter((each) => each.clips > 0).length;
  const graded = (value: number | undefined, name: string, detail: string, limits = LIMITS.share): Tile => ({
    value: share(value),
    name,
    detail,
    grade: gradeOf(value, limits),
  });
  return [
    graded(accuracy, 'accuracy', `${count} ${count === 1 ? 'clip' : 'clips'}`),
    graded(
      balancedAccuracy,
      'balanced accuracy',
      `mean over ${occurring} ${occurring === 1 ? 'class' : 'classes'}`,
    ),
    ...(curves ? [graded(curves.rocAuc, 'ROC AUC', 'alarm classes against the others')] : []),
    graded(
      calibration.expectedError,
      'calibration error',
      '0 where confidence is honest',
      LIMITS.calibration,
    ),
  ];
}

/** Each line of a row is filled, however many tiles fit: what is left of a line, its tiles share. */
function tileRow(name: string, tiles: readonly Tile[]): string {
  if (tiles.length === 0) return '';
  const half = Math.ceil(tiles.length / 2);
  const boxes = tiles.map(
    ({ value, name, detail, grade }) =>
      `<div${grade ? ` class="${grade}"` : ''}><span>${escapeHtml(name)}</span><b>${escapeHtml(value)}</b>${grade ? badge(grade) : ''}<small>${escapeHtml(detail)}</small></div>`,
  );
  return `<h2 class="row">${name}</h2><div class="tiles" style="--wide:${tiles.length};--half:${tiles.length > 3 ? half : tiles.length}">${boxes.join('')}</div>`;
}
