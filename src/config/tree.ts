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

/** Not by assignment: a key may be called `__proto__`, which then is to be reported like any unknown one. */
function define(node: Tree, key: string, value: unknown): void {
  Object.defineProperty(node, key, { value, configurable: true, enumerable: true, writable: true });
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
