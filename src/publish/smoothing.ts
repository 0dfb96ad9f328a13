import type { ScoredWindow, Scores } from '../types.js';

/** The mean of some windows' scores, and the label that is best in it. */
export function meanScores(
  windows: readonly ScoredWindow[],
  labels: readonly string[],
): { label: string; scores: Scores } {
  let best = { label: '', score: Number.NEGATIVE_INFINITY };
  const scores: Record<string, number> = {};
  for (const label of labels) {
    let sum = 0;
    for (const window of windows) sum += window.scores[label] ?? 0;
    const score = sum / windows.length;
    scores[label] = score;
    if (score > best.score) best = { label, score };
  }
  return { label: best.label, scores };
}
