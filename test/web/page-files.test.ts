import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../../src/problems.js';
import { PARTS } from '../../src/web/page/problems.js';
import { de } from '../../src/web/page/texts/de.js';
import { en } from '../../src/web/page/texts/en.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILT = join(ROOT, 'dist/web/page');
const problems = Object.values(PROBLEMS).flat().sort();

describe('the files of the page', () => {
  const names = readdirSync(BUILT, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.\w+$/.test(name),
  );
  const read = (name: string) => readFileSync(join(BUILT, name));

  it('are at most 150 kB, compressed', () => {
    const bytes = names.map((name) => gzipSync(read(name)).length).reduce((a, b) => a + b);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(150_000);
  });

  it('point nowhere else, and bring no script that the policy forbids', () => {
    const html = read('index.html').toString();
    expect(html).not.toMatch(/<script(?![^>]* src="\.\/)|<style|style=|\son\w+=/);
    for (const name of names.filter((each) => /\.(html|css|js|webmanifest)$/.test(each)))
      expect([
        name,
        read(name)
          .toString()
          .match(/(?:src|href|url\(|fetch\()["'=(]*(?:https?:)?\/\//),
      ]).toEqual([name, null]);
  });
});

describe('what is told on the page', () => {
  it.each(Object.entries({ de, en }))('has words in %s for every problem and event', (_, texts) => {
    expect(Object.keys(texts.problems).sort()).toEqual(problems);
    expect(Object.values(texts.problems).every((text) => text.length > 5)).toBe(true);
  });

  it('belongs to one part of the whole', () => expect(Object.values(PARTS).flat().sort()).toEqual(problems));
});
