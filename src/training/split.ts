import { byCode, groupsBy } from './collections.js';
import type { Clip } from './dataset.js';
import { createRandom, shuffled } from './random.js';

/** Whole recordings may exceed the share by this factor; longer ones are rather cut in two. */
const MAX_EXCESS = 1.5;
/** Cuts between the training and the validation part of one recording that belong to neither. */
const MARGIN_CLIPS = 2;

export interface Split<T extends Clip> {
  readonly training: readonly T[];
  readonly validation: readonly T[];
  /** The margin between the two parts of a recording that was cut in two. */
  readonly leftOut: readonly T[];
  /** Where a class could not be split as wanted, and why. */
  readonly warnings: readonly string[];
}

/**
 * Splits clips so that no recording is on both sides, as near to the share in every class as recordings allow.
 *
 * In each class, those with the fewest recordings first, recordings in random order go to validation as long as
 * that brings it nearer to its share and not half above it. Where that gives less than half of the share – one long
 * recording – the longest recording whose cuts are numbered is cut in two: its first or last cuts go to validation,
 * and two cuts (fewer in short ones) at the border to neither side. A class where even that is not possible stays in
 * training, with a warning.
 *
 * @param validationShare 0…1
 * @param seed the same seed gives the same split
 */
export function splitByGroup<T extends Clip>(
  clips: readonly T[],
  validationShare: number,
  seed: number,
): Split<T> {
  const random = createRandom(seed);
  const sizes = countBy(clips, ({ group }) => group);
  const perLabel = [...groupsBy(clips, ({ label }) => label)]
    .map(([label, members]) => ({ label, members, groups: countBy(members, ({ group }) => group) }))
    .sort((a, b) => a.groups.size - b.groups.size || byCode(a.label, b.label));
  const side = new Map<T, 'validation' | 'leftOut'>();
  const decided = new Set<string>();
  const warnings: string[] = [];

  for (const { label, members, groups } of validationShare > 0 ? perLabel : []) {
    const target = Math.max(1, Math.round(members.length * validationShare));
    let count = members.filter((clip) => side.has(clip)).length;
    const open = shuffled(groups.keys(), random).filter((group) => !decided.has(group));
    for (const group of open) {
      const size = groups.get(group) ?? 0;
      const nearer = Math.abs(count + size - target) < Math.abs(count - target);
      // Something must be left to learn from.
      if (!nearer || count + size > target * MAX_EXCESS || count + size === members.length) continue;
      for (const clip of clips) if (clip.group === group) side.set(clip, 'validation');
      decided.add(group);
      count += size;
    }
    if (count < target / 2) {
      const longest = open
        .map((group) => members.filter((clip) => clip.group === group))
        .filter(
          (run) =>
            !run.some((clip) => side.has(clip) || clip.cut === undefined) &&
            run.length >= 2 &&
            run.length === sizes.get(run[0]?.group ?? ''),
        )
        .reduce<T[]>((a, b) => (b.length > a.length ? b : a), []);
      const wanted = Math.min(target - count, Math.floor(longest.length / 2));
      const margin = Math.min(MARGIN_CLIPS, Math.floor(longest.length / 10));
      const ordered = random() < 0.5 ? longest : longest.toReversed();
      for (const clip of ordered.slice(0, wanted)) side.set(clip, 'validation');
      for (const clip of ordered.slice(wanted, wanted + margin)) side.set(clip, 'leftOut');
      count += wanted;
    }
    for (const group of groups.keys()) decided.add(group);
    if (count === 0) warnings.push(`class ${label} has one recording: it is trained but not validated`);
  }
  return {
    training: clips.filter((clip) => !side.has(clip)),
    validation: clips.filter((clip) => side.get(clip) === 'validation'),
    leftOut: clips.filter((clip) => side.get(clip) === 'leftOut'),
    warnings,
  };
}

function countBy<T>(values: Iterable<T>, keyOf: (value: T) => string): Map<string, number> {
  return new Map([...groupsBy(values, keyOf)].map(([key, members]) => [key, members.length]));
}
