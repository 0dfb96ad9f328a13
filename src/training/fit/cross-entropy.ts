/** Keeps the loss finite where a score is 0 in a float. */
const MIN_SCORE = 1e-30;

/**
 * The summed cross entropy of softmax scores, and how many of them are right.
 *
 * @param scores n × classes, row-major
 * @param classes n indices of what is true
 * @param weights by class; without them all count 1
 */
export function crossEntropy(
  scores: Float32Array,
  classes: Int32Array,
  weights: Float32Array | undefined,
): { readonly loss: number; readonly correct: number } {
  const classCount = scores.length / classes.length;
  let [loss, correct] = [0, 0];
  for (const [n, truth] of classes.entries()) {
    const row = scores.subarray(n * classCount, (n + 1) * classCount);
    loss -= (weights?.[truth] ?? 1) * Math.log(Math.max(row[truth]!, MIN_SCORE));
    if (indexOfHighest(row) === truth) correct++;
  }
  return { loss, correct };
}

function indexOfHighest(row: Float32Array): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if (row[c]! > row[best]!) best = c;
  return best;
}
