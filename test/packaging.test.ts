import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Locked {
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const readJson = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
const manifest = readJson('package.json');

describe('package-lock.json', () => {
  const packages: Record<string, Locked> = readJson('package-lock.json').packages;

  it('fits package.json', () => {
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const)
      expect(packages['']?.[kind], kind).toEqual(manifest[kind]);
  });

  it('has every package that another asks for, those of other platforms too', () => {
    const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !find(name, path))
        .map((name) => `${name}, for ${path}`),
    );
    expect(missing, 'delete package-lock.json, then `npm install --package-lock-only --save`').toEqual([]);
  });

  it.each([
    ['linux', 'x64', 'glibc'],
    ['linux', 'x64', 'musl'],
    ['linux', 'arm64', 'glibc'],
    ['linux', 'arm64', 'musl'],
    ['darwin', 'x64', undefined],
    ['darwin', 'arm64', undefined],
  ])('has what %s %s %s needs', (os, cpu, libc) => {
    const allows = (list: readonly string[] | undefined, value: string | undefined) =>
      !list || !value || list.includes(value);
    for (const name of ['@biomejs/biome', 'koffi', 'rolldown', 'typescript']) {
      const native = Object.keys(packages[`node_modules/${name}`]?.optionalDependencies ?? {})
        .map((part) => packages[`node_modules/${part}`])
        .filter((part) => part?.os?.includes(os) && part.cpu?.includes(cpu) && allows(part.libc, libc));
      expect(native.length, name).toBeGreaterThan(0);
    }
  });

  it('names no registry, and a checksum for each package', () => {
    for (const [path, { resolved, integrity }] of Object.entries(packages)) {
      expect(resolved, path).toBeUndefined();
      if (path !== '') expect(integrity, path).toMatch(/^sha512-/);
    }
  });

  /** As Node finds it: in the package itself, or beside it, or further up. */
  function find(name: string, from: string): Locked | undefined {
    const folders = from
      .split('/node_modules/')
      .map((_, i, parts) => parts.slice(0, i + 1).join('/node_modules/'));
    return [...folders.reverse().map((folder) => `${folder}/`), '']
      .map((folder) => packages[`${folder}node_modules/${name}`.replace(/^\//, '')])
      .find(Boolean);
  }
});

it('has one owner to fill in: OWNER', () => {
  const { repository, homepage, bugs } = manifest;
  const [owner] = repository.replace('github:', '').split('/');
  expect([repository, homepage, bugs]).toEqual([
    `github:${owner}/bathnet2mqtt`,
    `https://github.com/${owner}/bathnet2mqtt#readme`,
    `https://github.com/${owner}/bathnet2mqtt/issues`,
  ]);
});

describe('the packed tarball, installed as README.md says', { timeout: 300_000 }, () => {
  let folder: string;
  let installed: string;
  const npm = (cwd: string, ...args: string[]) =>
    promisify(execFile)('npm', [...args, '--no-audit', '--no-fund'], { cwd });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bathnet-package-'));
    installed = join(folder, 'opt');
    const clone = join(folder, 'clone');
    const packed = manifest.files.filter((path: string) => !path.includes('dist'));
    const making = ['package.json', 'src', 'tools/prepare.sh'];
    making.push('tsconfig.json', 'vite.config.ts', 'vite.program.config.ts');
    for (const path of [...packed, ...making])
      cpSync(join(ROOT, path), join(clone, path), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
    const { stdout } = await npm(clone, 'pack', '--silent');
    mkdirSync(installed);
    await promisify(execFile)('tar', ['-xzf', join(clone, stdout.trim()), '--strip-components=1'], {
      cwd: installed,
    });
    // What `npm install` has just fetched lies in npm's cache: with the same versions, no network is needed.
    cpSync(join(ROOT, 'package-lock.json'), join(installed, 'package-lock.json'));
    await npm(installed, 'pkg', 'delete', 'optionalDependencies.@tensorflow/tfjs-node');
    await npm(installed, 'install', '--omit=dev', '--ignore-scripts', '--prefer-offline');
    const onnx = join(installed, 'node_modules/onnxruntime-node/bin');
    for (const path of readdirSync(onnx).flatMap((api) =>
      ['darwin', 'win32'].map((os) => join(onnx, api, os)),
    ))
      rmSync(path, { recursive: true });
    await npm(installed, 'run', 'prepare'); // the part of `npm install` that is ours; the rest compiles naudiodon
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('holds the program and no leftovers of its making', () => {
    expect(readdirSync(join(installed, 'dist')).sort()).toEqual(['bundle', 'main.js', 'plot', 'web']);
    expect(existsSync(join(installed, 'dist/web/page/index.html'))).toBe(true);
    const licences = readFileSync(join(installed, 'dist/bundle/licenses.md'), 'utf8');
    for (const name of ['commander', 'mqtt', 'pino', 'yaml', 'zod'])
      expect(licences).toContain(`## ${name} `);
    expect(existsSync(join(installed, 'src'))).toBe(false);
  });

  it('asks for no development package and less than 210 MB', () => {
    const modules = join(installed, 'node_modules');
    for (const name of Object.keys(manifest.devDependencies).filter((name) => !name.startsWith('@types/')))
      expect(existsSync(join(modules, name)), name).toBe(false);
    expect(megabytes(modules)).toBeLessThan(210);
  });

  it('runs the demo', async () => {
    const main = join(installed, manifest.bin.bathnet2mqtt);
    // Without settings of this machine.
    const env = { PATH: process.env.PATH, HOME: folder };
    const { stdout } = await promisify(execFile)(main, ['demo', '--speed', '20'], { cwd: folder, env });
    expect(stdout).toMatch(/^bathnet\/demo\/alarm ON$/m);
  });
});

function megabytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const blocks = files.map((file) => statSync(join(file.parentPath, file.name)).blocks * 512);
  return blocks.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20;
}
