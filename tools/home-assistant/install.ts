import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, connect, inside, lacking, makeDebian, run } from '../debian.js';

const DEBIAN = {
  // Home Assistant 2026.3 and newer need Python 3.14.2; this release of Debian has it.
  suite: 'forky',
  // The compiler is for two packages of its voice assistant, which come as source.
  include: ['ca-certificates', 'g++', 'python3-dev', 'python3-venv'],
};
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
  const folder = cacheFolder('home-assistant');
  const root = join(folder, DEBIAN.suite);
  const done = join(folder, 'installed.json');
  const lacks = lacking();
  if (lacks !== undefined) return lacks;
  if (existsSync(done)) return { root, version: JSON.parse(readFileSync(done, 'utf8')).version };
  try {
    mkdirSync(folder, { recursive: true });
    await makeDebian(root, DEBIAN, say);
    await installPackages(root, say);
    const version = versionIn(root);
    writeFileSync(done, `${JSON.stringify({ version })}\n`);
    return { root, version };
  } catch (error) {
    return `it could not be installed: ${error instanceof Error ? error.message : error}`;
  }
}

/** The command of Home Assistant itself, its configuration in /mnt. Packages are there, or a test is to fail. */
export const HASS = [`${VENV}/bin/hass`, '--config', '/mnt', '--skip-pip', '--log-no-color'];

async function installPackages(root: string, say: (line: string) => void): Promise<void> {
  connect(root);
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
