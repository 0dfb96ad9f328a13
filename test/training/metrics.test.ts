import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  calibration,
  classification,
  curves,
  poissonInterval,
  poissonUpperBound,
  quantile,
  type Scored,
} from '../../src/training/metrics.js';

const LABELS = ['background', 'water', 'abnormal'];
const verdicts = fc.array(
  fc.record({ label: fc.constantFrom(...LABELS), predicted: fc.constantFrom(...LABELS) }),
);
/** Few different scores, so that ties are common. */
const scored = fc.array(
  fc.record({ score: fc.integer({ min: 0, max: 8 }).map((n) => n / 8), positive: fc.boolean() }),
);

/** No NaN or infinity anywhere within. */
function isClean(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value !== 'object' || value === null || Object.values(value).every(isClean);
}

describe('classification', () => {
  it('counts as the definitions say', () => {
    fc.assert(
      fc.property(verdicts, (all) => {
        const result = classification(all, LABELS);
        expect(isClean(result)).toBe(true);
        const count = (is: (v: (typeof all)[number]) => boolean) => all.filter(is).length;
        const recalls: number[] = [];
        for (const [i, label] of LABELS.entries()) {
          const hits = count((v) => v.label === label && v.predicted === label);
          const clips = count((v) => v.label === label);
          const named = count((v) => v.predicted === label);
          const { precision, recall, f1, ...rest } = result.classes[i]!;
          expect(rest).toEqual({ label, clips });
          expect(precision).toBe(named ? hits / named : undefined);
          expect(recall).toBe(clips ? hits / clips : undefined);
          if (precision && recall) expect(f1).toBeCloseTo(2 / (1 / precision + 1 / recall), 12);
          if (recall !== undefined) recalls.push(recall);
          for (const [j, other] of LABELS.entries())
            expect(result.confusion[i]![j]).toBe(count((v) => v.label === label && v.predicted === other));
        }
        const right = count((v) => v.label === v.predicted);
        expect(result.accuracy).toBe(all.length ? right / all.length : undefined);
        if (recalls.length > 0)
          expect(result.balancedAccuracy).toBeCloseTo(recalls.reduce((a, b) => a + b) / recalls.length, 12);
      }),
    );
  });

  it('gives no figure where there is nothing to count', () => {
    const { accuracy, balancedAccuracy, classes } = classification([], ['a']);
    expect({ accuracy, balancedAccuracy }).toEqual({ accuracy: undefined, balancedAccuracy: undefined });
    expect(classes).toEqual([
      { label: 'a', clips: 0, precision: undefined, recall: undefined, f1: undefined },
    ]);
  });
});

describe('ROC and precision–recall curves', () => {
  it('have the area that comparing all pairs gives', () => {
    fc.assert(
      fc.property(scored, (all) => {
        const positives = all.filter(({ positive }) => positive);
        const negatives = all.filter(({ positive }) => !positive);
        const result = curves(all);
        if (positives.length === 0 || negatives.length === 0) {
          expect(result).toBeUndefined();
          return;
        }
        const wins = positives.flatMap((p) =>
          negatives.map((n) => (p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0)),
        );
        expect(result?.rocAuc).toBeCloseTo(wins.reduce((a: number, b) => a + b, 0) / wins.length, 12);
      }),
    );
  });

  it('have at each threshold the shares that counting gives, and sum up to the average precision', () => {
    fc.assert(
      fc.property(scored, (all) => {
        const result = curves(all);
        if (!result) return;
        expect(isClean(result)).toBe(true);
        const share = (of: Scored[], threshold: number) =>
          of.filter(({ score }) => score >= threshold).length / of.length;
        let [area, recallBefore] = [0, 0];
        for (const { threshold, recall, falsePositiveRate, precision } of result.points) {
          expect(recall).toBe(
            share(
              all.filter(({ positive }) => positive),
              threshold,
            ),
          );
          expect(falsePositiveRate).toBe(
            share(
              all.filter(({ positive }) => !positive),
              threshold,
            ),
          );
          const taken = all.filter(({ score }) => score >= threshold);
          expect(precision).toBe(taken.filter(({ positive }) => positive).length / taken.length);
          area += (recall - recallBefore) * precision;
          recallBefore = recall;
        }
        expect(recallBefore).toBe(1);
        expect(result.averagePrecision).toBeCloseTo(area, 12);
      }),
    );
  });
});

describe('calibration', () => {
  it('puts every verdict into one bin and weighs the bins by their size', () => {
    fc.assert(
      fc.property(scored, (all) => {
        const { bins, expectedError } = calibration(all);
        expect(isClean(bins)).toBe(true);
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
        if (all.length === 0) {
          expect(expectedError).toBeUndefined();
          return;
        }
        const brute = Array.from({ length: 10 }, (_, i) => {
          const inBin = all.filter(({ score }) => (score === 1 ? 9 : Math.floor(score * 10)) === i);
          const right = inBin.filter(({ positive }) => positive).length;
          return Math.abs(right - inBin.reduce((sum, { score }) => sum + score, 0)) / all.length;
        });
        expect(expectedError).toBeCloseTo(
          brute.reduce((a, b) => a + b),
          12,
        );
      }),
    );
  });
});

describe('the Poisson upper bound', () => {
  it('is the exact one of the tables', () => {
    // Garwood 1936; χ²(0.95, 2(n+1)) / 2
    for (const [count, bound] of [
      [0, 2.9957],
      [1, 4.7439],
      [5, 10.513],
      [10, 16.962],
      [100, 118.079],
    ] as const)
      expect(poissonUpperBound(count)).toBeCloseTo(bound, 2);
  });

  it('has an interval around the count, as tables of the exact one say', () => {
    for (const [count, low, high] of [
      [0, 0, 3.689],
      [1, 0.025, 5.572],
      [3, 0.619, 8.767],
      [10, 4.795, 18.39],
      [100, 81.364, 121.627],
    ] as const) {
      const interval = poissonInterval(count);
      expect(interval[0]).toBeCloseTo(low, 2);
      expect(interval[1]).toBeCloseTo(high, 2);
    }
  });

  it('stays above the count and finite for thousands of events', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), (count) => {
        const bound = poissonUpperBound(count);
        expect(bound).toBeGreaterThan(count);
        expect(bound).toBeLessThan(count + 3 * Math.sqrt(count) + 4);
      }),
      { numRuns: 30 },
    );
  });
});

describe('quantile', () => {
  it('lies between the extremes and grows with q', () => {
    expect(quantile([], 0.5)).toBeUndefined();
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([1, 2], 0.95)).toBeCloseTo(1.95);
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: -9, max: 9 }), { minLength: 1 }),
        fc.double({ noNaN: true, min: 0, max: 1 }),
        (values, q) => {
          const value = quantile(values, q) as number;
          expect(value).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
          expect(value).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
        },
      ),
    );
  });
});
