import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program, run } from '../support/daemon.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { engines, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const oldest = Number(engines.node.replace('>=', ''));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-node-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The environment of a Node that says it is another one. */
function as(node: string): NodeJS.ProcessEnv {
  const path = join(folder, `${node}.cjs`);
  const versions = `{ value: { ...process.versions, node: '${node}' } }`;
  writeFileSync(path, `Object.defineProperty(process, 'versions', ${versions});`);
  return { NODE_OPTIONS: `--require ${path}` };
}

describe('a Node that is too old', () => {
  it.each([[['run']], [['doctor', '--json']], [['--version']], [[]]])('is refused: %j', async (args) => {
    const { code, stdout, stderr } = await run(args, as(`${oldest - 1}.9.0`));
    expect(stderr).toMatch(
      new RegExp(
        `^error: Node ${oldest - 1}\\.9\\.0 \\(/.*\\) is too old: this needs Node ${oldest} or newer\n  hint: .*\n$`,
      ),
    );
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
  });

  it('is refused before anything else is loaded', async () => {
    const alone = join(folder, 'main.js');
    cpSync(join(ROOT, 'dist/main.js'), alone);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const { code, stderr } = await new Program([], as('18.20.8'), folder, alone).ended;
    expect({ code, stderr }).toMatchObject({ code: 69, stderr: expect.stringContaining('too old') });
  });

  it('is none that package.json allows', async () => {
    expect(await run(['--version'], as(`${oldest}.0.0`))).toMatchObject({ code: 0, stdout: `${version}\n` });
  });
});
