/**
 * The figures of an evaluation: pure functions over plain arrays. Where a figure has no meaning (a class that
 * never occurs, a curve without positives) it is undefined, never NaN.
 */

/** What a classifier said of one clip. */
export interface Verdict {
  readonly label: string;
  readonly predicted: string;
}

interface ClassFigures {
  readonly label: string;
  /** Clips of this class. */
  readonly clips: number;
  /** Of those that were given this label, how many are right; undefined where none was. */
  readonly precision: number | undefined;
  /** Of those that are of this class, how many were found; undefined where none is. */
  readonly recall: number | undefined;
  readonly f1: number | undefined;
}

export interface Classification {
  readonly labels: readonly string[];
  /** Rows: what it is; columns: what it was taken for. */
  readonly confusion: readonly (readonly number[])[];
  readonly accuracy: number | undefined;
  /** Mean recall of the classes that occur. */
  readonly balancedAccuracy: number | undefined;
  readonly classes: readonly ClassFigures[];
}

/**
 * Accuracy and its relatives.
 *
 * @param labels all that may occur in `verdicts`, in the order of rows and columns
 */
export function classification(verdicts: readonly Verdict[], labels: readonly string[]): Classification {
  const place = new Map(labels.map((label, i) => [label, i]));
  const confusion = labels.map(() => labels.map(() => 0));
  for (const { label, predicted } of verdicts) {
    const row = confusion[place.get(label) ?? -1];
    const column = place.get(predicted);
    if (row === undefined || column === undefined)
      throw new Error(`verdict ${label} → ${predicted} is none of ${labels.join(', ')}`);
    row[column] = row[column]! + 1;
  }
  const classes = labels.map((label, i): ClassFigures => {
    const hits = confusion[i]![i]!;
    const clips = sum(confusion[i]!);
    const named = sum(confusion.map((row) => row[i]!));
    const precision = ratio(hits, named);
    const recall = ratio(hits, clips);
    return { label, clips, precision, recall, f1: ratio(2 * hits, named + clips) };
  });
  const right = sum(labels.map((_, i) => confusion[i]![i]!));
  return {
    labels,
    confusion,
    accuracy: ratio(right, verdicts.length),
    balancedAccuracy: mean(classes.flatMap(({ recall }) => recall ?? [])),
    classes,
  };
}

/** A score, and whether what it was given to is what it speaks for. */
export interface Scored {
  readonly score: number;
  readonly positive: boolean;
}

/** What a threshold gives: all of at least this score are taken for positive. */
interface CurvePoint {
  readonly threshold: number;
  /** Share of the positives that are found. */
  readonly recall: number;
  /** Share of the negatives that are taken for positive. */
  readonly falsePositiveRate: number;
  readonly precision: number;
}

export interface Curves {
  /** From the highest score to the lowest, one for each score that occurs. */
  readonly points: readonly CurvePoint[];
  /** Area under the ROC curve: how likely a positive scores higher than a negative; ties count half. */
  readonly rocAuc: number;
  /** Average precision: the precision at each threshold, weighed by the recall that it adds. */
  readonly averagePrecision: number;
}

/** ROC and precision–recall curve; undefined without a positive or without a negative. */
export function curves(scored: readonly Scored[]): Curves | undefined {
  const positives = scored.filter(({ positive }) => positive).length;
  const negatives = scored.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  const sorted = scored.toSorted((a, b) => b.score - a.score);
  const points: CurvePoint[] = [];
  let [found, wrong, rocAuc, averagePrecision] = [0, 0, 0, 0];
  for (let i = 0; i < sorted.length; ) {
    const threshold = sorted[i]!.score;
    const [foundBefore, wrongBefore] = [found, wrong];
    for (; i < sorted.length && sorted[i]!.score === threshold; i++) sorted[i]!.positive ? found++ : wrong++;
    const precision = found / (found + wrong);
    // Equal scores are one step, which the ROC curve takes along the diagonal.
    rocAuc += ((wrong - wrongBefore) * (found + foundBefore)) / 2;
    averagePrecision += (found - foundBefore) * precision;
    points.push({
      threshold,
      recall: found / positives,
      falsePositiveRate: wrong / negatives,
      precision,
    });
  }
  return {
    points,
    rocAuc: rocAuc / (positives * negatives),
    averagePrecision: averagePrecision / positives,
  };
}

interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean confidence, and the share that was right; undefined in an empty bin. */
  readonly confidence: number | undefined;
  readonly accuracy: number | undefined;
}

export interface Calibration {
  readonly bins: readonly CalibrationBin[];
  /** Expected calibration error: mean distance of confidence and accuracy, weighed by the bins' counts. */
  readonly expectedError: number | undefined;
}

const BINS = 10;

/** How far a confidence of 0.9 means nine right of ten; `score` is the confidence, `positive` whether it was right. */
export function calibration(verdicts: readonly Scored[]): Calibration {
  const bins = Array.from({ length: BINS }, (_, i): CalibrationBin => {
    const members = verdicts.filter(
      ({ score }) => Math.min(BINS - 1, Math.floor(Math.max(0, score) * BINS)) === i,
    );
    return {
      from: i / BINS,
      to: (i + 1) / BINS,
      count: members.length,
      confidence: mean(members.map(({ score }) => score)),
      accuracy: ratio(members.filter(({ positive }) => positive).length, members.length),
    };
  });
  const distance = sum(
    bins.map(({ count, confidence = 0, accuracy = 0 }) => count * Math.abs(confidence - accuracy)),
  );
  return { bins, expectedError: ratio(distance, verdicts.length) };
}

/** Of bounds and intervals, as usual. */
const CONFIDENCE = 0.95;

/**
 * Exact (Garwood) upper bound of a Poisson mean, one-sided: with the mean that is returned, so few events as `count` or
 * fewer would be seen with a probability of 5 % only. 0 events give 3.0.
 */
export function poissonUpperBound(count: number): number {
  return poissonMean(count, 1 - CONFIDENCE);
}

/** Exact (Garwood) interval, two-sided, of the mean that lies behind so many events: 0 give 0 to 3.7. */
export function poissonInterval(count: number): readonly [low: number, high: number] {
  const tail = (1 - CONFIDENCE) / 2;
  return [count === 0 ? 0 : poissonMean(count - 1, 1 - tail), poissonMean(count, tail)];
}

/** The mean of a Poisson distribution in which `count` events or fewer have this probability. */
function poissonMean(count: number, probability: number): number {
  const atMost = (mean: number) => {
    // Terms in logarithms: the first of them vanishes in a float from a mean of 745 on.
    let log = -mean;
    let total = Math.exp(log);
    for (let k = 1; k <= count; k++) {
      log += Math.log(mean) - Math.log(k);
      total += Math.exp(log);
    }
    return total;
  };
  let low = 0;
  let high = count + 10 * Math.sqrt(count + 1) + 10;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (atMost(middle) > probability) low = middle;
    else high = middle;
  }
  return high;
}

/** Wilson's interval, 95 %, of the share that lies behind so many of so many; undefined of nothing. */
export function wilsonInterval(count: number, of: number): readonly [low: number, high: number] | undefined {
  if (of === 0) return undefined;
  const z = 1.959964; // 97.5 % of a normal distribution lie below it
  const middle = (count + z ** 2 / 2) / (of + z ** 2);
  const half = (z / (of + z ** 2)) * Math.sqrt((count * (of - count)) / of + z ** 2 / 4);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** The value below which a share `q` of the values lies, by linear interpolation. */
export function quantile(values: readonly number[], q: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) return undefined;
  return below + (above - below) * (at - Math.floor(at));
}

/** part / whole; undefined of nothing. */
export function ratio(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}

function mean(values: readonly number[]): number | undefined {
  return ratio(sum(values), values.length);
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
