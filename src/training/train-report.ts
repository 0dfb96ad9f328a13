import type { Epoch, FittedHead } from './fit/fit-head.js';
import { percent } from './format.js';
import type { Classification } from './metrics.js';

/** How the clips of a class were used. */
export interface ClassReport {
  readonly label: string;
  readonly clips: number;
  readonly recordings: number;
  readonly training: number;
  readonly validation: number;
}

/** Everything that is worth knowing of a training: `report.json`. */
export interface TrainingReport {
  readonly model: string;
  readonly head: string;
  readonly base: string;
  readonly engine: string;
  readonly labels: readonly string[];
  readonly alarmLabels: readonly string[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly classes: readonly ClassReport[];
  /** Files that were kept for validation, below the folder, with slashes. */
  readonly validationFiles: readonly string[];
  readonly warnings: readonly string[];
  readonly epochs: readonly Epoch[];
  readonly bestEpoch: number;
  /** Of single validation windows in the best epoch; this and the next are missing without validation data. */
  readonly windowAccuracy: number | undefined;
  /** Of whole validation clips. */
  readonly accuracy: number | undefined;
  /** Mean of the classes' recalls. */
  readonly balancedAccuracy: number | undefined;
  /** Share of the validation clips of each class that were recognised. */
  readonly recall: Readonly<Record<string, number | undefined>>;
  /** Rows: what it is; columns: what it was taken for; counts of validation clips. */
  readonly confusion: readonly (readonly number[])[];
}

/** How the fit went. */
export function fitFigures({
  epochs,
  bestEpoch,
}: FittedHead): Pick<TrainingReport, 'epochs' | 'bestEpoch' | 'windowAccuracy'> {
  return { epochs, bestEpoch, windowAccuracy: epochs[bestEpoch - 1]?.validationAccuracy };
}

/** What the head says to the validation clips. */
export function validationFigures(
  result: Classification,
): Pick<TrainingReport, 'accuracy' | 'balancedAccuracy' | 'recall' | 'confusion'> {
  const { accuracy, balancedAccuracy, classes, confusion } = result;
  const recall = Object.fromEntries(classes.map(({ label, recall }) => [label, recall]));
  return { accuracy, balancedAccuracy, recall, confusion };
}

/** The same for people: `report.md`. */
export function reportMarkdown(report: TrainingReport): string {
  const { labels, classes, alarmLabels, epochs, bestEpoch } = report;
  const best = epochs[bestEpoch - 1];
  return [
    `# ${report.model}`,
    '',
    `Head \`${report.head}\` on the backbone of ${report.base}, trained with ${report.engine}.`,
    `Alarms: ${alarmLabels.length > 0 ? alarmLabels.join(', ') : 'none'}.`,
    '',
    '## Data',
    '',
    ...table(
      ['class', 'clips', 'recordings', 'training', 'validation', 'recognised'],
      classes.map(({ label, clips, recordings, training, validation }) => [
        label,
        clips,
        recordings,
        training,
        validation,
        percent(report.recall[label]),
      ]),
    ),
    ...report.warnings.map((warning) => `\nNote: ${warning}.`),
    '',
    '## Result on the validation clips',
    '',
    `Accuracy ${percent(report.accuracy)}, balanced over the classes ${percent(report.balancedAccuracy)}; of single windows ${percent(report.windowAccuracy)}.`,
    '',
    ...table(
      ['is ↓ taken for →', ...labels],
      report.confusion.map((row, i) => [labels[i] as string, ...row]),
    ),
    '',
    '## Training',
    '',
    `Best of ${epochs.length} epochs: ${bestEpoch}, loss ${best?.loss.toFixed(4)}, accuracy ${percent(best?.accuracy)}.`,
    '',
    ...table(
      ['setting', 'value'],
      Object.entries(report.settings).map(([key, value]) => [key, JSON.stringify(value)]),
    ),
    '',
  ].join('\n');
}

function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)];
}
