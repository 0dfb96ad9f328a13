import { interval, NOTHING, rate, share } from '../../training/format.js';
import type { LifeFigures } from '../../training/life-figures.js';
import { tableLines } from '../support/table.js';

/** Clips that were laid into a room or into ordinary sound, for a terminal. */
export function lifeLines({ alarm, others, kinds, curve }: LifeFigures): string[] {
  const hours = curve.some(({ falseAlarmsPerHour }) => falseAlarmsPerHour !== undefined);
  return [
    'as life has them, one by one in a room or in ordinary sound, at any time and level:',
    ...(alarm.clips > 0 ? [`  found: ${said(alarm)}`] : []),
    ...(others.clips > 0 ? [`  others that alarm: ${said(others)}`] : []),
    '',
    ...tableLines([
      ['class', 'kind', 'clips', 'alarms', 'share', '95 % interval', ''],
      ...kinds.map((each) => [
        each.label,
        each.kind || NOTHING,
        String(each.clips),
        String(each.alarms),
        share(each.share),
        interval(each.interval),
        each.wanted ? 'found' : 'wrong',
      ]),
    ]),
    '',
    ...tableLines([
      [
        curve[0]?.of === 'line' ? 'line (nats)' : 'threshold',
        'missed',
        'others that alarm',
        ...(hours ? ['false alarms per hour', '95 % below'] : []),
        '',
      ],
      ...curve.map((point) => [
        `${rate(point.value)}${point.chosen ? ' *' : ''}`,
        share(point.missed),
        share(point.wrong),
        ...(hours ? [rate(point.falseAlarmsPerHour), rate(point.upperBoundPerHour)] : []),
        point.sensitivity ?? '',
      ]),
    ]),
  ];
}

function said({ clips, alarms, share: part, interval: range }: LifeFigures['alarm']): string {
  return `${share(part)}, ${alarms} of ${clips} (95 % interval ${interval(range)})`;
}
