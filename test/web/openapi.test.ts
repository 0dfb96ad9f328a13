import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openApi } from '../../src/web/openapi.js';

const kept = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');

describe('docs/openapi.json', () => {
  it('is what the schemas say: npm run generate', () => expect(kept).toBe(openApi()));

  it('refers to nothing that is not there', () => {
    const { schemas } = JSON.parse(kept).components;
    const references = [...kept.matchAll(/"\$ref": "#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(references.length).toBeGreaterThan(10);
    expect(references.filter((name) => !((name as string) in schemas))).toEqual([]);
  });

  it('has every request that docs/http.md has', () => {
    const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
    const told = [...page.matchAll(/^\| `(GET|POST|DELETE) (\/[\w/<>]+)`/gm)].map(
      ([, method, path]) => `${method} ${path?.replaceAll(/<(\w+)>/g, '{$1}')}`,
    );
    const described = Object.entries(JSON.parse(kept).paths as Record<string, object>).flatMap(
      ([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(expect.arrayContaining(told));
    expect(told.length).toBeGreaterThan(7);
  });
});
