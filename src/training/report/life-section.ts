import { decadeAxis, unitAxis } from '../../plot/axes.js';
import { interval, NOTHING, rate, share } from '../format.js';
import type { LifeFigures, LifePoint } from '../life-figures.js';
import { figure, table } from './html.js';
import { renderPlot } from './plot.js';

/** Clips that were laid into a room or into ordinary sound: what is found, and what that costs. */
export function lifeSection({ kinds, curve }: LifeFigures): string {
  const rows = kinds.map((each) => [
    each.label,
    each.kind || NOTHING,
    String(each.clips),
    `${each.alarms} ${each.wanted ? 'found' : 'wrong'}`,
    share(each.share),
    interval(each.interval),
  ]);
  const what = curve[0]?.of === 'line' ? 'the line of the evidence' : 'the threshold of the classes';
  const plots = [
    ...trade(
      curve,
      'Missed against false alarms per hour',
      'false alarms per hour',
      (each) => each.falseAlarmsPerHour,
    ),
    ...trade(
      curve,
      'Missed against other clips that alarm',
      'share of other clips that alarm',
      (each) => each.wrong,
    ),
  ];
  return `<section class="kinds">
<h2>As life has it</h2>
<p>Every clip lies, one by one, in a room or in ordinary sound, at a random time and level, and goes through the whole decision stage. An alarm counts from the clip's start on, for as long as one can follow from it: some seconds, and the silence that may make an alarm of an impact. The curves change ${what} and leave the rest of the rule as it is.</p>
<div class="fill plots">${plots.join('')}</div>
${table('Clips as life has them', ['class', 'kind', 'clips', 'alarms', 'share', '95 % interval'], rows)}
</section>`;
}

/** A detection error trade-off. Points without a value, for want of such sound, make no plot. */
function trade(
  curve: readonly LifePoint[],
  caption: string,
  label: string,
  xOf: (point: LifePoint) => number | undefined,
): string[] {
  const points = curve.flatMap((point) => {
    const [x, y] = [xOf(point), point.missed];
    return x === undefined || y === undefined ? [] : [{ x, y, point }];
  });
  if (points.length === 0) return [];
  const named = points.filter(({ point }) => point.chosen || point.sensitivity);
  const plot = renderPlot({
    description: `${caption}, logarithmic`,
    x: decadeAxis(
      `${label}, logarithmic`,
      points.map(({ x }) => x),
    ),
    y: unitAxis('alarm clips missed'),
    series: [{ style: 'main', points: points.map(({ x, y }) => [x, y] as const) }],
    marks: named.map(({ x, y, point }) => {
      const name = [point.sensitivity, point.chosen ? 'now' : undefined].filter(Boolean).join(', ');
      const title = `${name}, ${rate(point.value)}: ${share(y)} missed, ${rate(x)} ${label}`;
      return { x, y, title, label: title, radius: point.chosen ? 6 : 4.5 };
    }),
  });
  return [figure(caption, plot)];
}
