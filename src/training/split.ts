import { byCode, groupsBy } from './collections.js';
import type { Clip } from './dataset.js';
import { createRandom, shuffled } from './random.js';

/** Whole recordings may exceed the share by this factor; longer ones are rather cut in two, or taken where all are. */
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
 * and two cuts (fewer in short ones) at the border to neither side. Where that gives nothing at all, the shortest
 * recording goes, whatever the share. None does that is the last one that a class can learn from; a class where that
 * leaves nothing stays in training, with a warning.
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
  const byGroup = groupsBy(clips, ({ group }) => group);
  const byLabel = groupsBy(clips, ({ label }) => label);
  const perLabel = [...byLabel]
    .map(([label, members]) => ({ label, members, groups: countBy(members, ({ group }) => group) }))
    .sort((a, b) => a.groups.size - b.groups.size || byCode(a.label, b.label));
  const side = new Map<T, 'validation' | 'leftOut'>();
  const decided = new Set<string>();
  const warnings: string[] = [];
  /** Something must be left to learn from, in every class that a recording has a part in. */
  const canGo = (group: string) =>
    (byGroup.get(group) ?? []).every(
      (clip) =>
        !side.has(clip) &&
        byLabel.get(clip.label)?.some((other) => other.group !== group && !side.has(other)),
    );

  for (const { label, members, groups } of validationShare > 0 ? perLabel : []) {
    const target = Math.max(1, Math.round(members.length * validationShare));
    let count = members.filter((clip) => side.has(clip)).length;
    const sizeOf = (group: string) => groups.get(group) ?? 0;
    const validate = (group: string) => {
      for (const clip of byGroup.get(group) ?? []) side.set(clip, 'validation');
      decided.add(group);
      count += sizeOf(group);
    };
    const open = shuffled(groups.keys(), random).filter((group) => !decided.has(group));
    for (const group of open) {
      const after = count + sizeOf(group);
      const nearer = Math.abs(after - target) < Math.abs(count - target);
      if (nearer && after <= target * MAX_EXCESS && canGo(group)) validate(group);
    }
    if (count < target / 2) {
      const longest = open
        .map((group) => members.filter((clip) => clip.group === group))
        .filter(
          (run) =>
            !run.some((clip) => side.has(clip) || clip.cut === undefined) &&
            run.length >= 2 &&
            run.length === byGroup.get(run[0]?.group ?? '')?.length,
        )
        .reduce<T[]>((a, b) => (b.length > a.length ? b : a), []);
      const wanted = Math.min(target - count, Math.floor(longest.length / 2));
      const margin = Math.min(MARGIN_CLIPS, Math.floor(longest.length / 10));
      const ordered = random() < 0.5 ? longest : longest.toReversed();
      for (const clip of ordered.slice(0, wanted)) side.set(clip, 'validation');
      for (const clip of ordered.slice(wanted, wanted + margin)) side.set(clip, 'leftOut');
      count += wanted;
    }
    if (count === 0) {
      // Also of those that another class has left in training
      const [shortest] = [...groups.keys()].filter(canGo).sort((a, b) => sizeOf(a) - sizeOf(b));
      const has = groups.size === 1 ? 'one recording' : `${groups.size} recordings, all needed to train`;
      if (shortest !== undefined) validate(shortest);
      else warnings.push(`class ${label} has ${has}: it is trained but not validated`);
    }
    for (const group of groups.keys()) decided.add(group);
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
