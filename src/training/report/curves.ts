import { unitAxis } from '../../plot/axes.js';
import type { ClipFigures } from '../clip-figures.js';
import { share } from '../format.js';
import type { Curves } from '../metrics.js';
import { figure } from './html.js';
import { type Plot, renderPlot } from './plot.js';

/** A curve needs no more points than it has pixels. */
const CURVE_POINTS = 200;

const DIAGONAL = [
  [0, 0],
  [1, 1],
] as const;

/** ROC and precision–recall curve of the alarm classes, with the threshold marked. */
export function curvePlots(curves: Curves, threshold: number): string[] {
  const step = Math.max(1, Math.ceil(curves.points.length / CURVE_POINTS));
  const chosen = curves.points.findLast((point) => point.threshold >= threshold);
  const points = curves.points.filter(
    (point, i) => i % step === 0 || i === curves.points.length - 1 || point === chosen,
  );
  const markAt = (x: number, y: number, what: string) => {
    const label = `mean score from ${threshold} on: ${what}`;
    return [{ x, y, title: label, label }];
  };
  const roc: Plot = {
    description: `ROC curve of the alarm classes, area ${share(curves.rocAuc)}`,
    x: unitAxis('other clips taken for alarm'),
    y: unitAxis('alarm clips found'),
    series: [
      { style: 'guide', points: DIAGONAL, label: 'by chance' },
      {
        style: 'main',
        points: [[0, 0], ...points.map((each) => [each.falsePositiveRate, each.recall] as const)],
      },
    ],
    marks: chosen
      ? markAt(
          chosen.falsePositiveRate,
          chosen.recall,
          `${share(chosen.recall)} found, ${share(chosen.falsePositiveRate)} of the others`,
        )
      : [],
  };
  const precisionRecall: Plot = {
    description: `Precision over recall of the alarm classes, average precision ${share(curves.averagePrecision)}`,
    x: unitAxis('alarm clips found (recall)'),
    y: unitAxis('right among those taken for alarm'),
    series: [{ style: 'main', points: points.map((each) => [each.recall, each.precision] as const) }],
    marks: chosen
      ? markAt(
          chosen.recall,
          chosen.precision,
          `${share(chosen.recall)} found, ${share(chosen.precision)} of them right`,
        )
      : [],
  };
  return [
    figure(`ROC: area ${share(curves.rocAuc)}`, renderPlot(roc)),
    figure(`Precision and recall: average ${share(curves.averagePrecision)}`, renderPlot(precisionRecall)),
  ];
}

/** How often a confidence is right; each dot is as large as the number of its clips. */
export function calibrationPlot({ calibration, count }: ClipFigures): string {
  const bins = calibration.bins.flatMap(({ confidence, accuracy, count: clips }) =>
    confidence === undefined || accuracy === undefined ? [] : [{ confidence, accuracy, clips }],
  );
  const plot: Plot = {
    description: 'Share of verdicts that are right at each confidence',
    x: unitAxis('confidence'),
    y: unitAxis('share that is right'),
    series: [
      { style: 'guide', points: DIAGONAL, label: 'honest' },
      {
        style: 'main',
        points: bins.map(({ confidence, accuracy }) => [confidence, accuracy] as const),
        label: 'measured; the larger a dot, the more clips',
      },
    ],
    marks: bins.map(({ confidence, accuracy, clips }) => ({
      x: confidence,
      y: accuracy,
      radius: 2 + 8 * Math.sqrt(clips / count),
      title: `${clips} ${clips === 1 ? 'clip' : 'clips'}: confidence ${share(confidence)}, right ${share(accuracy)}`,
    })),
  };
  return figure(`Calibration: error ${share(calibration.expectedError)}`, renderPlot(plot));
}
