/** What a configuration is before it is checked. */
export interface Tree {
  [key: string]: unknown;
}

export function setPath(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let node = tree;
  for (const key of keys) {
    const next = Object.hasOwn(node, key) ? node[key] : undefined;
    const branch = isTree(next) ? next : {};
    if (branch !== next) define(node, key, branch);
    node = branch;
  }
  define(node, last, value);
}

/** What is said above goes over what is said below, key by key. */
export function over(below: Tree, above: Tree): Tree {
  const keys = Object.entries(above).map(([key, value]) => {
    const under = Object.hasOwn(below, key) ? below[key] : undefined;
    return [key, isTree(under) && isTree(value) ? over(under, value) : value === undefined ? under : value];
  });
  return { ...below, ...Object.fromEntries(keys) };
}

/** Not by assignment: a key may be called `__proto__`, which then is to be reported like any unknown one. */
function define(node: Tree, key: string, value: unknown): void {
  Object.defineProperty(node, key, { value, configurable: true, enumerable: true, writable: true });
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
