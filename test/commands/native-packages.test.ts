import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program, SCENE } from '../support/daemon.js';
import { lacksPrograms } from '../support/require.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A native package as it was before NODE_MODULE_VERSION 2. */
const OLD_ADDON = `
extern void node_module_register(void *);
static struct { int version; unsigned flags; void *dso; const char *file; void *register_it; void *register_in;
  const char *name; void *priv; void *link; } module = { 1, 0, 0, __FILE__, 0, 0, "old", 0, 0 };
__attribute__((constructor)) static void load(void) { node_module_register(&module); }
`;

describe.skipIf(lacksPrograms('cc'))('a native package that was built for another Node', () => {
  let folder: string;

  /** The program, beside packages of which these are not what they should be. */
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bathnet-native-'));
    for (const path of ['dist', 'package.json'])
      cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    symlinkSync(join(ROOT, 'models'), join(folder, 'models'));
    const [from, to] = [join(ROOT, 'node_modules'), join(folder, 'node_modules')];
    for (const scope of ['.', '@tensorflow']) {
      mkdirSync(join(to, scope), { recursive: true });
      for (const name of readdirSync(join(from, scope)))
        if (!['naudiodon', 'tfjs-node', '@tensorflow'].includes(name))
          symlinkSync(join(from, scope, name), join(to, scope, name));
    }
    writeFileSync(join(folder, 'old.c'), OLD_ADDON);
    execFileSync('cc', ['-shared', '-fPIC', '-o', join(folder, 'old.node'), join(folder, 'old.c')]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...args: string[]) => new Program(args, {}, folder, join(folder, 'dist/main.js')).ended;
  const install = (name: string) => {
    mkdirSync(join(folder, 'node_modules', name));
    cpSync(join(folder, 'old.node'), join(folder, 'node_modules', name, 'index.node'));
    writeFileSync(join(folder, 'node_modules', name, 'package.json'), '{"main":"index.cjs"}');
    writeFileSync(join(folder, 'node_modules', name, 'index.cjs'), "require('./index.node')");
  };

  it.each([
    ['naudiodon', ['devices'], 'npm rebuild naudiodon segfault-handler', 'npm install naudiodon'],
    [
      '@tensorflow/tfjs-node',
      ['classify', '--engine', 'tfjs-node', SCENE],
      'npm rebuild @tensorflow/tfjs-node',
      'npm install @tensorflow/tfjs-node',
    ],
  ])(
    'is to be built again, and one that is missing to be installed: %s',
    async (name, args, build, installing) => {
      const missing = await run(...args);
      expect(missing.stderr).toContain(installing);
      expect(missing.stderr).not.toContain('rebuild');
      install(name);
      const old = await run(...args);
      expect(old.stderr).toContain(
        `it was built for another version of Node (NODE_MODULE_VERSION 1, this one has ${process.versions.modules})`,
      );
      expect(old.stderr).toContain(build);
      expect(old.stderr).not.toContain('npm install');
      expect([missing.code, old.code]).toEqual([69, 69]);
    },
  );
});
