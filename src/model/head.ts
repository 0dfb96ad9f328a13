import { ExitCode, UserError } from '../errors.js';
import type { NetworkOutput } from '../types.js';
import type { Bundle, MapHead } from './bundle.js';

/** The head whose 521 scores also tell people what was heard. */
export const AUDIOSET_HEAD = 'audioset';

/** What turns the network's output into one score per label. */
export interface ScoringHead {
  readonly name: string;
  readonly labels: readonly string[];
  /** One score per label, 0…1; the array is reused by the next call. */
  score(output: NetworkOutput): Float32Array;
}

/**
 * Chooses a head of a bundle.
 *
 * @param name the bundle's default head when left out
 * @throws UserError usage, where the bundle has no such head
 */
export function chooseHead({ manifest }: Bundle, name = manifest.defaultHead): ScoringHead {
  const head = manifest.heads[name];
  if (head === undefined)
    throw new UserError(
      ExitCode.usage,
      `model ${manifest.name} has no head "${name}"`,
      `Choose one of its heads: ${Object.keys(manifest.heads).join(', ')}.`,
    );
  if (head.type === 'dense')
    return { name, labels: head.labels, score: (output) => output.heads[name] as Float32Array };
  const from = manifest.heads[head.from];
  return { name, labels: head.labels, score: mapScorer(head, from?.labels ?? []) };
}

/** Highest score of the classes behind each label, then divided by their sum. */
function mapScorer(head: MapHead, fromLabels: readonly string[]): ScoringHead['score'] {
  const labelOf = new Map(Object.entries(head.classes).flatMap(([label, all]) => all.map((c) => [c, label])));
  const target = fromLabels.map((name) => head.labels.indexOf(labelOf.get(name) ?? head.rest));
  const scores = new Float32Array(head.labels.length);
  return (output) => {
    const from = output.heads[head.from] as Float32Array;
    scores.fill(0);
    for (let i = 0; i < from.length; i++) {
      const label = target[i]!;
      if (from[i]! > scores[label]!) scores[label] = from[i]!;
    }
    const sum = scores.reduce((a, b) => a + b, 0);
    // Nothing at all was recognised: that is background.
    if (sum === 0) scores[head.labels.indexOf(head.rest)] = 1;
    else for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! / sum;
    return scores;
  };
}
