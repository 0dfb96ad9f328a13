import type { ClipFigures, KindFigures } from './clip-figures.js';
import type { Evaluation, ThresholdFigures } from './evaluation.js';
import { duration, NOTHING, position, rate, seconds, share } from './format.js';
import type { Curves } from './metrics.js';
import { decadeAxis, escapeHtml, type Plot, renderPlot, unitAxis } from './plot.js';
import type { RecordingFigures } from './recording-figures.js';
import { STYLE } from './report-style.js';

/** A curve needs no more points than it has pixels. */
const CURVE_POINTS = 200;

/**
 * One page that stands alone: no script, nothing to load, readable in light and dark and on paper.
 *
 * @param at when the evaluation was made
 */
export function renderReport(evaluation: Evaluation, at: Date): string {
  const { model, head, rule, clips, recordings, thresholds } = evaluation;
  const title = `${model.name} ${model.version}, head ${head}`;
  const alarms =
    rule.labels.length > 0
      ? `${rule.labels.join(', ')} from ${rule.threshold} on, in ${rule.hits} of ${rule.window} windows, or at once from ${rule.instantThreshold} on`
      : 'no class of this head';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}: evaluation</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(title)}</h1>
<p>Evaluated ${at.toISOString().slice(0, 16).replace('T', ' ')} UTC on ${escapeHtml(model.engine)}. Alarm: ${escapeHtml(alarms)}.</p>
</header>
<section class="tiles">${tiles(clips, recordings, rule.labels).join('')}</section>
${clips ? clipSections(clips, rule.threshold) : ''}
${clips?.kinds ? kindSection(clips.kinds, clips.labels) : ''}
${thresholdSection(thresholds, recordings, evaluation.collarSeconds)}
${mistakeSections(clips, recordings)}
<footer>Made by bathnet2mqtt evaluate. Weights SHA-256 <code>${escapeHtml(model.sha256)}</code></footer>
</main>
</body>
</html>
`;
}

function tiles(
  clips: ClipFigures | undefined,
  recordings: RecordingFigures | undefined,
  alarmLabels: readonly string[],
): string[] {
  const tile = (value: string, name: string, detail: string) =>
    `<div><b>${escapeHtml(value)}</b><span>${escapeHtml(name)}</span><small>${escapeHtml(detail)}</small></div>`;
  const found: string[] = [];
  if (clips) {
    const occurring = clips.classes.filter((each) => each.clips > 0).length;
    found.push(
      tile(share(clips.accuracy), 'accuracy', `${clips.count} clips`),
      tile(share(clips.balancedAccuracy), 'balanced accuracy', `mean over ${occurring} classes`),
    );
    if (clips.curves)
      found.push(tile(share(clips.curves.rocAuc), 'ROC AUC', 'alarm classes against the others'));
    found.push(
      tile(share(clips.calibration.expectedError), 'calibration error', '0 where confidence is honest'),
    );
    const { missedAlarms: missed, falseAlarms: other } = clips;
    if (missed.clips > 0)
      found.push(
        tile(share(missed.share), 'missed alarms', `${missed.count} of ${missed.clips} alarm clips`),
      );
    if (alarmLabels.length > 0 && other.clips > 0)
      found.push(tile(share(other.share), 'other clips that alarm', `${other.count} of ${other.clips}`));
  }
  if (recordings) {
    const { outcome } = recordings;
    found.push(
      tile(
        rate(outcome.falseAlarmsPerHour),
        'false alarms per hour',
        `${outcome.falseAlarms} in ${duration(outcome.ordinaryHours)}; 95 % below ${rate(outcome.upperBoundPerHour)}`,
      ),
    );
    if (outcome.events > 0)
      found.push(
        tile(share(outcome.recall), 'events found', `${outcome.found} of ${outcome.events}`),
        tile(
          seconds(outcome.delaySeconds.median),
          'detection delay',
          `95 % within ${seconds(outcome.delaySeconds.p95)}`,
        ),
      );
  }
  return found;
}

function clipSections(clips: ClipFigures, threshold: number): string {
  return `<section>
<h2>Clips</h2>
<div class="columns">
<figure><figcaption>What it is (rows) and what it was taken for</figcaption>${confusionTable(clips)}</figure>
<figure><figcaption>By class</figcaption>${table(
    ['class', 'clips', 'precision', 'recall', 'F1', 'alarms'],
    clips.classes.map((each, i) => [
      each.label,
      String(each.clips),
      share(each.precision),
      share(each.recall),
      share(each.f1),
      String(clips.alarms[i]?.alarms ?? NOTHING),
    ]),
  )}<p>Alarms: how many clips raise the alarm, each heard with silence around it.</p></figure>
</div>
<div class="plots">
${clips.curves ? curvePlots(clips.curves, threshold) : ''}
${figure(`Calibration: error ${share(clips.calibration.expectedError)}`, calibrationPlot(clips))}
</div>
</section>`;
}

function kindSection(kinds: readonly KindFigures[], labels: readonly string[]): string {
  return `<section>
<h2>Kinds of sound</h2>
<p>What share of the clips of each kind is taken for each class, and what share raises the alarm.</p>
${table(
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

function confusionTable({ labels, confusion }: ClipFigures): string {
  const rows = confusion.map((row, i) => {
    const total = row.reduce((a, b) => a + b, 0);
    const cells = row.map((count, j) => {
      const percent = total > 0 ? Math.round((100 * count) / total) : 0;
      const tone = percent > 55 ? ' class="deep"' : '';
      return `<td${tone} style="--share:${percent}%" title="${escapeHtml(`${labels[i]} taken for ${labels[j]}: ${count} of ${total}, ${percent} %`)}">${count}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(labels[i] ?? '')}</th>${cells.join('')}</tr>`;
  });
  const names = labels.map((label) => `<th scope="col">${escapeHtml(label)}</th>`);
  return `<div class="scroll"><table class="confusion"><thead><tr><td></td>${names.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function curvePlots(curves: Curves, threshold: number): string {
  const step = Math.max(1, Math.ceil(curves.points.length / CURVE_POINTS));
  const points = curves.points.filter((_, i) => i % step === 0 || i === curves.points.length - 1);
  const chosen = curves.points.findLast((point) => point.threshold >= threshold);
  const markOf = (x: number, y: number) => ({
    x,
    y,
    title: `threshold ${threshold}`,
    label: `at ${threshold}`,
  });
  const roc: Plot = {
    description: `ROC curve of the alarm classes, area ${share(curves.rocAuc)}`,
    x: unitAxis('other clips taken for alarm'),
    y: unitAxis('alarm clips found'),
    series: [
      {
        style: 'guide',
        points: [
          [0, 0],
          [1, 1],
        ],
      },
      {
        style: 'main',
        points: [[0, 0], ...points.map((each) => [each.falsePositiveRate, each.recall] as const)],
      },
    ],
    marks: chosen ? [markOf(chosen.falsePositiveRate, chosen.recall)] : [],
  };
  const precisionRecall: Plot = {
    description: `Precision over recall of the alarm classes, average precision ${share(curves.averagePrecision)}`,
    x: unitAxis('alarm clips found (recall)'),
    y: unitAxis('right among those taken for alarm'),
    series: [{ style: 'main', points: points.map((each) => [each.recall, each.precision] as const) }],
    marks: chosen ? [markOf(chosen.recall, chosen.precision)] : [],
  };
  return [
    figure(`ROC: area ${share(curves.rocAuc)}`, roc),
    figure(`Precision and recall: average precision ${share(curves.averagePrecision)}`, precisionRecall),
  ].join('');
}

function calibrationPlot({ calibration, count }: ClipFigures): Plot {
  const bins = calibration.bins.flatMap(({ confidence, accuracy, count: clips }) =>
    confidence === undefined || accuracy === undefined ? [] : [{ confidence, accuracy, clips }],
  );
  return {
    description: 'Share of verdicts that are right at each confidence',
    x: unitAxis('confidence'),
    y: unitAxis('share that is right'),
    series: [
      {
        style: 'guide',
        points: [
          [0, 0],
          [1, 1],
        ],
      },
      { style: 'main', points: bins.map(({ confidence, accuracy }) => [confidence, accuracy] as const) },
    ],
    marks: bins.map(({ confidence, accuracy, clips }) => ({
      x: confidence,
      y: accuracy,
      radius: 2 + 8 * Math.sqrt(clips / count),
      title: `${clips} clips: confidence ${share(confidence)}, right ${share(accuracy)}`,
    })),
  };
}

function thresholdSection(
  thresholds: readonly ThresholdFigures[],
  recordings: RecordingFigures | undefined,
  collarSeconds: number,
): string {
  const hasEvents = (recordings?.outcome.events ?? 0) > 0;
  const hasClips = thresholds.some(({ clips }) => clips !== undefined);
  const columns = [
    'threshold',
    ...(recordings ? ['false alarms', 'per hour', '95 % below'] : []),
    ...(hasEvents ? ['events found', 'precision', 'delay'] : []),
    ...(hasClips ? ['alarm clips found', 'other clips that alarm'] : []),
  ];
  const rows = thresholds.map(({ threshold, chosen, recordings: long, clips }) => ({
    chosen,
    cells: [
      String(threshold),
      ...(long
        ? [String(long.falseAlarms), rate(long.falseAlarmsPerHour), rate(long.upperBoundPerHour)]
        : []),
      ...(long && hasEvents
        ? [share(long.recall), share(long.precision), seconds(long.delaySeconds.median)]
        : []),
      ...(clips ? [`${clips.found} of ${clips.events}`, String(clips.falseAlarms)] : []),
    ],
  }));
  const plots = [
    ...(recordings ? [figure('False alarms per hour', falseAlarmPlot(thresholds))] : []),
    ...(hasEvents ? [figure('Events found', foundPlot(thresholds, 'recordings', 'events found'))] : []),
    ...(hasClips ? [figure('Alarm clips found', foundPlot(thresholds, 'clips', 'alarm clips found'))] : []),
  ];
  const collar = hasEvents
    ? ` An event counts as found when an alarm starts within it or ${collarSeconds} s before or after, or is still on as it begins. A false alarm that goes on counts again every minute.`
    : '';
  return `<section>
<h2>Alarms at each threshold</h2>
<p>Every row is the whole decision stage at that threshold: hits, window, level, release and cooldown as in the rule above.${collar}</p>
<div class="plots">${plots.join('')}</div>
${table(
  columns,
  rows.map(({ cells }) => cells),
  rows.findIndex(({ chosen }) => chosen),
)}
</section>`;
}

function falseAlarmPlot(thresholds: readonly ThresholdFigures[]): Plot {
  const measured = thresholds.map(
    (each) => [each.threshold, each.recordings?.falseAlarmsPerHour ?? 0] as const,
  );
  const bound = thresholds.map((each) => [each.threshold, each.recordings?.upperBoundPerHour ?? 0] as const);
  return {
    description: 'False alarms per hour over the threshold, logarithmic',
    x: unitAxis('threshold'),
    y: decadeAxis(
      'per hour, logarithmic',
      [...measured, ...bound].map(([, value]) => value),
    ),
    series: [
      { style: 'second', points: bound, label: '95 % below' },
      { style: 'main', points: measured, label: 'measured' },
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

/** Everything that went wrong, the surest first; paths without the folder that all share. */
function mistakeSections(clips: ClipFigures | undefined, recordings: RecordingFigures | undefined): string {
  const [mistakes, falseAlarms, missed] = [
    clips?.mistakes ?? [],
    recordings?.falseAlarms ?? [],
    recordings?.missed ?? [],
  ];
  const folder = commonFolder([...mistakes, ...falseAlarms, ...missed].map(({ path }) => path));
  const name = ({ path }: { path: string }) => path.slice(folder.length);
  const section = (title: string, columns: string[], rows: string[][]) =>
    rows.length > 0
      ? `<section><h2>${title}</h2>${folder ? `<p>Below ${escapeHtml(folder)}</p>` : ''}${table(columns, rows)}</section>`
      : '';
  return [
    section(
      'Surest false alarms',
      ['recording', 'at', 'as', 'confidence'],
      falseAlarms.map((each) => [name(each), position(each.atSeconds), each.label, share(each.confidence)]),
    ),
    section(
      'Missed events',
      ['recording', 'at', 'event'],
      missed.map((each) => [name(each), position(each.atSeconds), each.label]),
    ),
    section(
      'Surest mistakes among the clips',
      ['clip', 'is', 'taken for', 'confidence'],
      mistakes.map((each) => [name(each), each.label, each.predicted, share(each.confidence)]),
    ),
  ].join('');
}

/** With its last slash; empty where there is none. */
function commonFolder(paths: readonly string[]): string {
  const [first = '', ...rest] = paths;
  let length = first.lastIndexOf('/') + 1;
  while (length > 0 && !rest.every((path) => path.startsWith(first.slice(0, length))))
    length = first.lastIndexOf('/', length - 2) + 1;
  return first.slice(0, length);
}

function figure(caption: string, plot: Plot): string {
  return `<figure><figcaption>${escapeHtml(caption)}</figcaption>${renderPlot(plot)}</figure>`;
}

/** @param chosen index of the row that is set off */
function table(names: readonly string[], rows: ReadonlyArray<readonly string[]>, chosen = -1): string {
  const head = names.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('');
  const body = rows.map(
    (row, i) =>
      `<tr${i === chosen ? ' class="chosen"' : ''}>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}
