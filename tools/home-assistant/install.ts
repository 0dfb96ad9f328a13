import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Home Assistant 2026.3 and newer need Python 3.14.2; this release of Debian has it. */
const SUITE = 'forky';
const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
const VENV = '/opt/home-assistant';

/**
 * What is set up beside Home Assistant's defaults: what the tests use, and what a page of it looks for. Their
 * packages are installed beforehand, because a running Home Assistant would fetch them while it is looked at.
 */
const INTEGRATIONS = ['mqtt', 'mobile_app', 'history', 'logbook', 'recorder', 'isal', 'zeroconf', 'group'];

export interface Installed {
  /** Folder of a small Debian that has Home Assistant in it. */
  readonly root: string;
  /** `2026.11.0` */
  readonly version: string;
}

/**
 * Home Assistant from PyPI, its current release, in a Debian of its own below the user's cache: made by the first
 * call, in some minutes, and used as it is by all others. Whoever wants a newer one removes the folder.
 *
 * @param say told how far it is
 * @returns why not, where it cannot be installed here
 */
export async function install(say: (line: string) => void): Promise<Installed | string> {
  const folder = join(
    process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
    'bathnet2mqtt',
    'home-assistant',
  );
  const root = join(folder, SUITE);
  const done = join(folder, 'installed.json');
  const lacks = lacking();
  if (lacks !== undefined) return lacks;
  if (existsSync(done)) return { root, version: JSON.parse(readFileSync(done, 'utf8')).version };
  try {
    mkdirSync(folder, { recursive: true });
    await makeDebian(root, say);
    await installPackages(root, say);
    const version = versionIn(root);
    writeFileSync(done, `${JSON.stringify({ version })}\n`);
    return { root, version };
  } catch (error) {
    return `it could not be installed: ${error instanceof Error ? error.message : error}`;
  }
}

/** A command inside of a root, with the mounts it needs; they, and a folder at /mnt, are there for it alone. */
export function inside(root: string, command: readonly string[], folder = join(root, 'tmp')): string[] {
  const script = [
    'set -e',
    'root=$1; folder=$2; shift 2',
    'mount --rbind /dev "$root/dev"',
    'mount -t proc proc "$root/proc"',
    'mount --bind "$folder" "$root/mnt"',
    'exec chroot "$root" "$@"',
  ].join('\n');
  const namespace = ['unshare', '--mount', '--propagation', 'private', '--'];
  return [...namespace, 'sh', '-c', script, 'sh', root, folder, ...command];
}

/** The command of Home Assistant itself, its configuration in /mnt. Packages are there, or a test is to fail. */
export const HASS = [`${VENV}/bin/hass`, '--config', '/mnt', '--skip-pip', '--log-no-color'];

function lacking(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can make a Debian beside this one';
  const programs = ['debootstrap', 'unshare', 'chroot'].filter(
    (program) => spawnSync('which', [program]).status !== 0,
  );
  if (programs.length > 0) return `it needs ${programs.join(', ')}`;
  const mounted = spawnSync('unshare', ['--mount', '--propagation', 'private', '--', 'true']).status === 0;
  return mounted ? undefined : 'nothing can be mounted here, as in a container that is not privileged';
}

async function makeDebian(root: string, say: (line: string) => void): Promise<void> {
  if (existsSync(root)) return;
  const unfinished = `${root}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  say(`Debian ${SUITE} is put into ${root}, for its Python`);
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  await run(
    [
      // The compiler is for two packages of its voice assistant, which come as source.
      ...['debootstrap', '--variant=minbase', '--include=ca-certificates,g++,python3-dev,python3-venv'],
      ...(existsSync(keyring) ? [`--keyring=${keyring}`] : []),
      // An older debootstrap does not know the suite; all of today are made as sid is.
      ...[SUITE, unfinished, 'http://deb.debian.org/debian', '/usr/share/debootstrap/scripts/sid'],
    ],
    say,
  );
  rmSync(join(unfinished, 'var/cache/apt/archives'), { recursive: true, force: true });
  renameSync(unfinished, root);
}

async function installPackages(root: string, say: (line: string) => void): Promise<void> {
  // Whoever reaches PyPI through an authority of their own reaches it from in there, too.
  if (existsSync(CA_BUNDLE)) copyFileSync(CA_BUNDLE, join(root, CA_BUNDLE));
  copyFileSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
  const pip = (...args: string[]) =>
    run(inside(root, [`${VENV}/bin/pip`, 'install', '--no-cache-dir', '--progress-bar=off', ...args]), say);
  say('Home Assistant is installed from PyPI');
  await run(inside(root, ['python3', '-m', 'venv', VENV]), say);
  await pip('homeassistant');
  const constraints = `${packageFolder(root, false)}/package_constraints.txt`;
  await pip('--constraint', constraints, ...requirements(root));
}

/** Of all integrations that are set up, and of those that these need, as their manifests say. */
function requirements(root: string): string[] {
  const components = join(packageFolder(root), 'components');
  const manifest = (name: string) =>
    JSON.parse(readFileSync(join(components, name, 'manifest.json'), 'utf8')) as {
      integration_type?: string;
      dependencies?: string[];
      after_dependencies?: string[];
      requirements?: string[];
    };
  const names = readdirSync(components).filter((name) => existsSync(join(components, name, 'manifest.json')));
  const defaults = /^DEFAULT_INTEGRATIONS = \{([^}]*)\}/m.exec(
    readFileSync(join(packageFolder(root), 'bootstrap.py'), 'utf8'),
  );
  const wanted = new Set([
    ...INTEGRATIONS,
    ...[...(defaults?.[1] ?? '').matchAll(/^ +"(\w+)"/gm)].map(([, name]) => name as string),
    ...names.filter((name) => manifest(name).integration_type === 'entity'),
  ]);
  // A set that grows while it is walked through is walked through to its end. What an integration only comes after it
  // may import all the same.
  for (const name of wanted) {
    const { dependencies = [], after_dependencies = [] } = manifest(name);
    for (const needed of [...dependencies, ...after_dependencies]) wanted.add(needed);
  }
  return [...new Set([...wanted].flatMap((name) => manifest(name).requirements ?? []))];
}

/** Where pip has put Home Assistant, as seen from outside of the root or from inside. */
function packageFolder(root: string, outside = true): string {
  const [python] = readdirSync(join(root, VENV, 'lib'));
  return join(outside ? root : '/', VENV, 'lib', python ?? '', 'site-packages/homeassistant');
}

function versionIn(root: string): string {
  const packages = readdirSync(join(packageFolder(root), '..'));
  const [, version] =
    packages.map((name) => /^homeassistant-(.+)\.dist-info$/.exec(name)).find(Boolean) ?? [];
  if (version === undefined) throw new Error('pip has installed something else');
  return version;
}

/** @throws Error with the last lines that it said, where it fails */
async function run(command: readonly string[], say: (line: string) => void): Promise<void> {
  const [program = '', ...args] = command;
  const through = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|PIP_(EXTRA_)?INDEX_URL)$/i.test(name),
  );
  const trusted = { SSL_CERT_FILE: CA_BUNDLE, PIP_CERT: CA_BUNDLE };
  const own = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8', ...trusted };
  const child = spawn(program, args, {
    env: { ...Object.fromEntries(through), ...own, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => {
      last.push(line);
      if (last.length > 5) last.shift();
    });
  const still = setInterval(() => say(`… ${last.at(-1) ?? ''}`), 30_000);
  const [code] = await once(child, 'close').finally(() => clearInterval(still));
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${last.join(' / ')}`);
}
