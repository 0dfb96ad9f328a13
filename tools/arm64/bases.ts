import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, inside, makeDebian, run } from '../debian.js';

const TRIXIE = { suite: 'trixie', architecture: 'arm64' } as const;

export type Architecture = 'amd64' | 'arm64';
type Say = (line: string) => void;

/** Debian 13 for arm64, whose own Node is new enough, and `sudo`, because README's steps say it. */
export async function makeTrixie(folder: string, say: Say): Promise<string> {
  const root = join(folder, 'trixie');
  await makeDebian(root, { ...TRIXIE, include: ['ca-certificates', 'sudo'] }, say);
  connect(root);
  // As a person does whom apt asks whether to go on. Nobody minds what a power cut would do to this Debian.
  writeFileSync(join(root, 'etc/apt/apt.conf.d/90yes'), 'APT::Get::Assume-Yes "true";\n');
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/unsafe'), 'force-unsafe-io\n');
  // `sudo` hands on how registries are reached.
  writeFileSync(join(root, 'etc/sudoers.d/environment'), 'Defaults !env_reset\n', { mode: 0o440 });
  await run(inside(root, ['apt-get', 'update']), say);
  return root;
}

/**
 * The same for a machine that is busy with other things: these packages are there, but apt is not used, and Node 22
 * comes from the registry. There is nobody but root, so `sudo` has nothing to do.
 */
export async function extractTrixie(folder: string, include: readonly string[], say: Say): Promise<string> {
  const root = join(folder, 'trixie-extracted');
  if (!existsSync(root)) {
    const debian = `${root}-debian`;
    await makeDebian(debian, { ...TRIXIE, include: ['ca-certificates', ...include], extractOnly: true }, say);
    connect(debian);
    await putNode(debian, 'arm64', say);
    writeFileSync(join(debian, 'usr/local/bin/sudo'), '#!/bin/sh\nexec env "$@"\n', { mode: 0o755 });
    await run(inside(debian, ['ldconfig']), say);
    renameSync(debian, root);
  }
  connect(root);
  return root;
}

/**
 * What stands in for the image `node:22-bookworm-slim`: Debian 12's smallest set, and Node 22 with its headers and the
 * newest npm 10 from the registry, in the same places, and the user `node`. It lacks yarn and corepack, and keeps the
 * documentation of Debian's packages.
 */
export async function makeNodeImage(folder: string, architecture: Architecture, say: Say): Promise<string> {
  const root = join(folder, `node-22-bookworm-${architecture}`);
  if (!existsSync(root)) {
    const debian = join(folder, `bookworm-${architecture}`);
    await makeDebian(debian, { suite: 'bookworm', architecture, include: ['ca-certificates'] }, say);
    await putNode(debian, architecture, say);
    const user = ['useradd', '--uid', '1000', '--create-home', '--shell', '/bin/bash', 'node'];
    await run(inside(debian, user), say);
    renameSync(debian, root);
  }
  connect(root);
  return root;
}

/** Node 22 and its npm where the archives of nodejs.org are unpacked to. */
async function putNode(root: string, architecture: Architecture, say: Say): Promise<void> {
  say(`Node 22 is put into ${root}`);
  const local = join(root, 'usr/local');
  unpack(`node-linux-${architecture === 'amd64' ? 'x64' : 'arm64'}@22`, local);
  unpack('npm@10', join(local, 'lib/node_modules/npm'));
  for (const name of ['npm', 'npx']) {
    const link = join(local, 'bin', name);
    rmSync(link, { force: true }); // of a run that failed after it
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, link);
  }
  // Native packages are built with the headers that came with Node: nodejs.org, which has them, too, need not be reached.
  mkdirSync(join(local, 'etc'), { recursive: true });
  writeFileSync(join(local, 'etc/npmrc'), 'nodedir=/usr/local\n');
}

/** A package of the registry, as it is, without its scripts. */
function unpack(name: string, folder: string): void {
  const packed = mkdtempSync(join(tmpdir(), 'bathnet-arm64-'));
  try {
    execFileSync('npm', ['pack', '--silent', '--pack-destination', packed, name], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [file = ''] = readdirSync(packed);
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', [
      '-xzf',
      join(packed, file),
      '-C',
      folder,
      '--strip-components=1',
      '--no-same-owner',
    ]);
  } finally {
    rmSync(packed, { recursive: true, force: true });
  }
}
