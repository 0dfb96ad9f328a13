import { ExitCode, UserError } from '../errors.js';
import type { NetworkOutput, ScoredWindow } from '../types.js';
import type { Bundle } from './bundle.js';
import { activate } from './dense.js';
import type { BlendHead, Head, Manifest, MapHead } from './manifest.js';
import type { Tensor } from './safetensors.js';

/** The head whose 521 scores also tell people what was heard. */
export const AUDIOSET_HEAD = 'audioset';

/** How many AudioSet classes a window carries along: of 198 blows, each that scored 0.2 or more was among them. */
export const AUDIOSET_TOP = 5;

/** A score below this counts as this much, so that its logarithm stays within bounds. */
export const SCORE_FLOOR = 1e-6;

/** What turns the network's output into one score per label. */
export interface ScoringHead {
  readonly name: string;
  readonly labels: readonly string[];
  /** One score per label, 0…1; the array is reused by the next call. */
  score(output: NetworkOutput): Float32Array;
}

/** Not by the name alone, which may be one that every object has: `constructor`. */
export function headNamed(heads: Manifest['heads'], name: string): Head | undefined {
  return Object.hasOwn(heads, name) ? heads[name] : undefined;
}

/**
 * Chooses a head of a bundle.
 *
 * @param name the bundle's default head when left out
 * @throws UserError usage, where the bundle has no such head
 */
export function chooseHead(bundle: Bundle, name = bundle.manifest.defaultHead): ScoringHead {
  const { manifest } = bundle;
  const head = headNamed(manifest.heads, name);
  if (head === undefined)
    throw new UserError(
      ExitCode.usage,
      `model ${manifest.name} has no head "${name}"`,
      `Choose one of its heads: ${Object.keys(manifest.heads).join(', ')}.`,
    );
  const { labels } = head;
  if (head.type === 'dense') return { name, labels, score: denseScorer(name) };
  if (head.type === 'map')
    return { name, labels, score: mapScorer(head, manifest.heads[head.from]?.labels ?? []) };
  const opinions = head.parts.map((part) => chooseHead(bundle, part.head).score);
  return { name, labels, score: blendScorer(head, opinions) };
}

/** The heads that a head is made of, each after those that it is made of itself; the head comes last. */
export function headsBehind(manifest: Pick<Manifest, 'heads'>, name: string): string[] {
  const head = headNamed(manifest.heads, name);
  const direct =
    head?.type === 'map' ? [head.from] : head?.type === 'blend' ? head.parts.map((part) => part.head) : [];
  return [...new Set([...direct.flatMap((each) => headsBehind(manifest, each)), name])];
}

/** For each class, the index of the label that it speaks for. */
export function mappedLabels(head: MapHead, fromLabels: readonly string[]): number[] {
  const labelOf = new Map(Object.entries(head.classes).flatMap(([label, all]) => all.map((c) => [c, label])));
  return fromLabels.map((name) => head.labels.indexOf(labelOf.get(name) ?? head.rest));
}

/** A function of its own: a closure in `chooseHead` would keep the bundle, whose weights the engine has by then. */
function denseScorer(name: string): ScoringHead['score'] {
  return (output) => output.heads[name] as Float32Array;
}

/** Highest score of the classes behind each label, then divided by their sum. */
function mapScorer(head: MapHead, fromLabels: readonly string[]): ScoringHead['score'] {
  const target = mappedLabels(head, fromLabels);
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

/** softmax(bias + Σ weight · ln(score)) */
function blendScorer(
  { parts, bias }: BlendHead,
  opinions: ReadonlyArray<ScoringHead['score']>,
): ScoringHead['score'] {
  const scores = new Float32Array(bias.length);
  return (output) => {
    scores.set(bias);
    for (const [k, { weight }] of parts.entries()) {
      const opinion = opinions[k]!(output);
      for (let i = 0; i < scores.length; i++)
        scores[i]! += weight * Math.log(Math.max(opinion[i]!, SCORE_FLOOR));
    }
    activate(scores, 'softmax');
    return scores;
  };
}

/**
 * Scores of a dense head for embeddings that are there already, without an engine.
 *
 * @param name a dense head of the bundle
 * @param frames n × embeddingSize, row-major
 * @returns n × labels, row-major
 */
export function denseScores({ manifest, tensors }: Bundle, name: string, frames: Float32Array): Float32Array {
  const head = headNamed(manifest.heads, name);
  if (head?.type !== 'dense') throw new Error(`model ${manifest.name} has no dense head "${name}"`);
  const count = frames.length / manifest.embeddingSize;
  return head.layers.reduce((input, { units, activation }, layer) => {
    const kernel = tensors.get(`heads.${name}.${layer}.kernel`) as Tensor; // [inputs, units]
    const bias = tensors.get(`heads.${name}.${layer}.bias`) as Tensor;
    const inputs = input.length / count;
    const output = new Float32Array(count * units);
    for (let n = 0; n < count; n++) {
      const row = output.subarray(n * units, (n + 1) * units);
      row.set(bias.data);
      for (let i = 0; i < inputs; i++) {
        const x = input[n * inputs + i]!;
        if (x === 0) continue;
        for (let u = 0; u < units; u++) row[u] = row[u]! + x * kernel.data[i * units + u]!;
      }
      activate(row, activation);
    }
    return output;
  }, frames);
}

/** The classes that score highest, best first. */
export function topScores(
  scores: Float32Array | undefined,
  labels: readonly string[],
): ScoredWindow['audioset'] {
  if (!scores) return [];
  const top: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    let place = top.length;
    while (place > 0 && scores[i]! > scores[top[place - 1]!]!) place--;
    if (place < AUDIOSET_TOP) {
      top.splice(place, 0, i);
      if (top.length > AUDIOSET_TOP) top.pop();
    }
  }
  return top.map((i) => [labels[i]!, scores[i]!] as const);
}
