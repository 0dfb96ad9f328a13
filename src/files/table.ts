import { scoresOf, timesOf } from '../hearing.js';
import { AUDIOSET_TOP } from '../model/head.js';
import type { ScoredWindow } from '../types.js';

/** What the numbers of a window stand for. */
export interface Columns {
  readonly labels: readonly string[];
  readonly kinds: readonly string[];
  readonly audiosetLabels: readonly string[];
  /** AudioSet classes of which the score is wanted in any case: places in the head's labels. */
  readonly watched: readonly number[];
}

/** Windows as numbers, which cross threads and lie in a cache as they are; what is said of them is not rounded. */
export interface Table {
  readonly count: number;
  /** RMS and peak of each window, dBFS. */
  readonly levels: Float64Array<ArrayBuffer>;
  /** Rows of `width`: what `pack` says, or an embedding. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** Numbers in the row of a window. */
export function widthOf(columns: Columns): number {
  return watchedAt(columns) + columns.watched.length;
}

/** Where in a row the watched classes begin. */
function watchedAt({ labels, kinds }: Columns): number {
  return labels.length + kinds.length + 2 * AUDIOSET_TOP;
}

/**
 * Puts a window into a row: scores, log-odds, class and score of the highest of AudioSet, then those that are watched.
 *
 * @param audioset all of AudioSet's scores
 */
export function pack(
  window: ScoredWindow,
  audioset: Float32Array,
  columns: Columns,
  row: Float32Array,
): void {
  let at = 0;
  for (const label of columns.labels) row[at++] = window.scores[label]!;
  for (const kind of columns.kinds) row[at++] = window.kinds![kind]!;
  for (let i = 0; i < AUDIOSET_TOP; i++) {
    const [name, score] = window.audioset[i] ?? [];
    row[at++] = name === undefined ? -1 : columns.audiosetLabels.indexOf(name);
    row[at++] = score ?? 0;
  }
  for (const place of columns.watched) row[at++] = audioset[place]!;
}

/** The windows again, in order, as they were; of the times only those of the stream. */
export function* scoredWindows(
  tables: Iterable<Table>,
  columns: Columns,
  hopSamples: number,
): Generator<ScoredWindow> {
  const { labels, kinds, audiosetLabels } = columns;
  const width = widthOf(columns);
  let number = 0;
  for (const { count, levels, values } of tables)
    for (let i = 0; i < count; i++) {
      const row = values.subarray(i * width, (i + 1) * width);
      const top = row.subarray(labels.length + kinds.length, watchedAt(columns));
      const audioset: [string, number][] = [];
      for (let k = 0; k < top.length && top[k]! >= 0; k += 2)
        audioset.push([audiosetLabels[top[k]!]!, top[k + 1]!]);
      yield {
        ...timesOf(number++ * hopSamples),
        endAtMs: 0,
        ...scoresOf(row, labels),
        rmsDbfs: levels[2 * i]!,
        peakDbfs: levels[2 * i + 1]!,
        audioset,
        kinds:
          kinds.length > 0
            ? Object.fromEntries(kinds.map((kind, k) => [kind, row[labels.length + k]!]))
            : undefined,
      };
    }
}

/** The scores of the watched classes, window by window, in order: each is valid as long as the tables are. */
export function* watchedScores(tables: Iterable<Table>, columns: Columns): Generator<Float32Array> {
  const width = widthOf(columns);
  const at = watchedAt(columns);
  for (const { count, values } of tables)
    for (let i = 0; i < count; i++) yield values.subarray(i * width + at, (i + 1) * width);
}
