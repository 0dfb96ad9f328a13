import { z } from 'zod';
import { configSchema, unwrap } from './schema.js';
import { IN_FILES, SECRETS } from './secrets.js';
import { isTree, type Tree } from './tree.js';

/** What is wrong with a configuration, and where. */
export interface Problem {
  readonly path: string;
  readonly text: string;
}

const SECRET_KEYS: ReadonlySet<string> = new Set(Object.values(IN_FILES).flat());

/** One issue of zod in words, with what was found there. */
export function describe(issue: z.core.$ZodIssue, values: Tree): Problem[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      text: `unknown key; expected one of ${keysAt(issue.path).join(', ')}`,
    }));
  const found = issue.path.reduce<unknown>(
    (node, key) => (isTree(node) || Array.isArray(node) ? (node as Tree)[String(key)] : undefined),
    values,
  );
  const expected = issue.message.replace(/^.*?expected /, 'expected ').replace(/, received .*$/, '');
  // Such as a password of digits, which YAML takes for a number.
  const inQuotes = expected === 'expected string' && ['number', 'boolean'].includes(typeof found);
  const what = SECRETS.has(path) ? 'something else' : show(found);
  return [{ path, text: `${expected}${inQuotes ? ' in quotes' : ''}, found ${what}` }];
}

function keysAt(path: readonly PropertyKey[]): string[] {
  const section = path.reduce<z.ZodType | undefined>((schema, key) => {
    const inner = schema && unwrap(schema);
    return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>)[String(key)] : undefined;
  }, configSchema);
  const inner = section && unwrap(section);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** A value in an error: never a password, nor what may be one in an address, well-formed or not. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value, (key, each: unknown) => {
    if (SECRET_KEYS.has(key)) return '***';
    return typeof each === 'string' ? each.replace(/^(.*?:\/\/)?.*@/s, '$1***@') : each;
  });
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
