import { ExitCode, UserError } from '../errors.js';
import type { SoundRule } from './sounds.js';

/** A sound as it is configured: its classes by their names. */
export interface SoundChoice extends Omit<SoundRule, 'classes'> {
  readonly classes: readonly string[];
}

/** So many names are proposed for one that is not known. */
const PROPOSED = 5;

/**
 * What has a rhythm is heard by that alone where the model has no classes.
 *
 * @param labels AudioSet's classes, as the model orders them
 * @throws UserError configuration, where a class is none of them
 */
export function soundRules(choices: readonly SoundChoice[], labels: readonly string[]): SoundRule[] {
  const places = new Map(labels.map((label, place) => [label.toLowerCase(), place]));
  const known = ({ classes, rhythm }: SoundChoice) =>
    labels.length === 0 && rhythm !== 'none' ? [] : classes;
  return choices.map((choice) => ({
    ...choice,
    classes: known(choice).map((name) => places.get(name.toLowerCase()) ?? refuse(choice.id, name, labels)),
  }));
}

function refuse(id: string, name: string, labels: readonly string[]): never {
  if (labels.length === 0)
    throw new UserError(
      ExitCode.config,
      `sounds.${id}: this model has no AudioSet classes, so it tells no "${name}"`,
      'Leave sounds out, or take a model that has them: bathnet-mini.',
    );
  throw new UserError(
    ExitCode.config,
    `sounds.${id}.classes: AudioSet has no class "${name}"`,
    `Take one of those that are called alike: ${nearest(name, labels).join('; ')}.`,
  );
}

/** Names with the most letters in common, pair by pair (Dice's coefficient of bigrams). */
function nearest(name: string, labels: readonly string[]): string[] {
  const wanted = pairsOf(name);
  const likeness = (label: string) => {
    const own = pairsOf(label);
    const common = [...own].filter((pair) => wanted.has(pair)).length;
    // A whole name within a longer one, "smoke" in "Smoke detector, smoke alarm", is as good as meant.
    const within = label.toLowerCase().includes(name.toLowerCase()) ? 1 : 0;
    return within + (2 * common) / (own.size + wanted.size || 1);
  };
  return labels
    .map((label) => ({ label, likeness: likeness(label) }))
    .sort((a, b) => b.likeness - a.likeness)
    .slice(0, PROPOSED)
    .map(({ label }) => `"${label}"`);
}

function pairsOf(text: string): Set<string> {
  const letters = text.toLowerCase().replaceAll(/[^a-z]+/g, ' ');
  return new Set(Array.from({ length: Math.max(0, letters.length - 1) }, (_, i) => letters.slice(i, i + 2)));
}
