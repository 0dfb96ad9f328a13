import type { ClipFigures, KindFigures } from '../clip-figures.js';
import { NOTHING, share } from '../format.js';
import { confusionMatrix, MANY_CLASSES } from './confusion-matrix.js';
import { calibrationPlot, curvePlots } from './curves.js';
import { gradedFigure, gradeOf, LIMITS } from './grade.js';
import { type Cell, figure, table } from './html.js';

export function clipSection(clips: ClipFigures, threshold: number): string {
  const plots = [...(clips.curves ? curvePlots(clips.curves, threshold) : []), calibrationPlot(clips)];
  return `<section>
<h2>Clips</h2>
<div class="${clips.labels.length >= MANY_CLASSES ? 'stack' : 'fill'}">
${confusionMatrix(clips)}
${classTable(clips)}
</div>
<div class="fill plots">
${plots.join('\n')}
</div>
</section>`;
}

function classTable({ classes, alarms }: ClipFigures): string {
  const bar = (value: number | undefined): Cell => {
    const text = gradedFigure(share(value), gradeOf(value, LIMITS.share));
    return { html: `<span class="bar" style="--share:${Math.round(100 * (value ?? 0))}%">${text}</span>` };
  };
  const rows = classes.map((each, i): Cell[] => [
    each.label,
    String(each.clips),
    bar(each.precision),
    bar(each.recall),
    bar(each.f1),
    String(alarms[i]?.alarms ?? NOTHING),
  ]);
  const columns = ['class', 'clips', 'precision', 'recall', 'F1', 'alarms'];
  return figure(
    'By class',
    `${table('Figures by class', columns, rows)}<p>Alarms: how many clips raise the alarm, each heard with silence around it. ✕ marks figures below ${LIMITS.share.fair}.</p>`,
  );
}

export function kindSection(kinds: readonly KindFigures[], labels: readonly string[]): string {
  return `<section class="kinds">
<h2>Kinds of sound</h2>
<p>What share of the clips of each kind is taken for each class, and what share raises the alarm.</p>
${table(
  'Kinds of sound',
  ['class', 'kind', 'clips', ...labels, 'alarms'],
  kinds.map(({ label, kind, clips, decided, alarmShare }) => [
    label,
    kind || NOTHING,
    String(clips),
    ...labels.map((each) => share(decided[each])),
    share(alarmShare),
  ]),
)}
</section>`;
}
