/** In the order in which the keys first come. */
export function groupsBy<T, K>(values: Iterable<T>, keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

/** By character code: the same order on every machine, whatever its language. */
export const byCode = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
