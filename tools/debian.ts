import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
/** How Debian's qemu-user-static tells the kernel to run programs for arm64. */
const ARM64_FORMAT = '/usr/lib/binfmt.d/qemu-aarch64.conf';
const ARCHIVES = 'var/cache/apt/archives';
const FORMATS = '/proc/sys/fs/binfmt_misc';
const ARM64_LOADER = 'lib/ld-linux-aarch64.so.1';
/** Through which a registry is reached, if not directly; it is handed on and written nowhere. */
const REGISTRY =
  /^(https?_proxy|no_proxy|PIP_(EXTRA_)?INDEX_URL|npm_config_(registry|https?_proxy|noproxy))$/i;

/** A small Debian in a folder. */
export interface Debian {
  /** `trixie` */
  readonly suite: string;
  /** Of this machine, unless it is `arm64`: then qemu runs its programs. */
  readonly architecture?: 'amd64' | 'arm64';
  /** Packages beyond the smallest set; what they depend on comes with them. */
  readonly include: readonly string[];
  /** No package is installed, only their files are there: none of their programs has to run for that. */
  readonly extractOnly?: boolean;
}

/** Below the user's cache; what lies there can be removed at any time, and is then made again. */
export function cacheFolder(name: string): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'bathnet2mqtt', name);
}

/** Why no Debian can be made here, or undefined. */
export function lacking(...more: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can make a Debian beside this one';
  const programs = ['debootstrap', 'unshare', 'chroot', ...more].filter(
    (program) => spawnSync('which', [program]).status !== 0,
  );
  if (programs.length > 0) return `it needs ${programs.join(', ')}`;
  const mounted = spawnSync('unshare', ['--mount', '--propagation', 'private', '--', 'true']).status === 0;
  return mounted ? undefined : 'nothing can be mounted here, as in a container that is not privileged';
}

/** Puts a Debian into a folder, whole or not at all. Does nothing where it is. */
export async function makeDebian(root: string, debian: Debian, say: (line: string) => void): Promise<void> {
  if (existsSync(root)) return;
  const { suite, architecture, include, extractOnly = false } = debian;
  const foreign = architecture === 'arm64' && process.arch !== 'arm64';
  const unfinished = `${root}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  say(`Debian ${suite} is put into ${root}`);
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  await run(
    [
      ...['debootstrap', '--variant=minbase', `--include=${include.join(',')}`],
      ...(architecture ? [`--arch=${architecture}`] : []),
      ...(foreign || extractOnly ? ['--foreign'] : []),
      ...(existsSync(keyring) ? [`--keyring=${keyring}`] : []),
      // An older debootstrap does not know the suite; all of today are made as sid is.
      ...[suite, unfinished, 'http://deb.debian.org/debian', '/usr/share/debootstrap/scripts/sid'],
    ],
    say,
  );
  if (extractOnly) await extract(unfinished, say);
  else if (foreign) {
    say('… and installed by its own programs, which are emulated');
    await run(inside(unfinished, ['/debootstrap/debootstrap', '--second-stage']), say);
  }
  rmSync(join(unfinished, ARCHIVES), { recursive: true, force: true });
  renameSync(unfinished, root);
}

/** What debootstrap has fetched, and of what the packages' scripts make of it the little that any program needs. */
async function extract(root: string, say: (line: string) => void): Promise<void> {
  say('… and extracted');
  const script = [
    'cd "$1"',
    `for package in ${ARCHIVES}/*.deb; do dpkg-deb --extract "$package" .; done`,
    'for name in passwd group; do cp usr/share/base-passwd/$name.master etc/$name; done',
    ...['gcc cc', 'g++ c++', 'mawk awk'].map((link) => `cd usr/bin && ln -s ${link} && cd ../..`),
    'echo 127.0.0.1 localhost > etc/hosts',
    'mkdir -p etc/ssl/certs media mnt opt srv',
  ];
  await run(['sh', '-ec', script.join('\n'), 'sh', root], say);
}

/** Whoever reaches a registry through an authority of their own reaches it from in there, too. */
export function connect(root: string): void {
  if (existsSync(CA_BUNDLE)) copyFileSync(CA_BUNDLE, join(root, CA_BUNDLE));
  copyFileSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
}

/**
 * A command inside of a root, with the mounts it needs; they, and a folder at /mnt, are there for it alone. Programs
 * for arm64 are run by qemu, as long as it takes (an older kernel goes on doing so).
 */
export function inside(root: string, command: readonly string[], folder = join(root, 'tmp')): string[] {
  const script = [
    'set -e',
    'root=$1; folder=$2; shift 2',
    `if [ -e "$root/${ARM64_LOADER}" ] && [ -e ${ARM64_FORMAT} ] && [ ! -e ${FORMATS}/qemu-aarch64 ]; then`,
    `  mount -t binfmt_misc binfmt_misc ${FORMATS}`,
    // Another command may do so at the same moment.
    `  [ -e ${FORMATS}/qemu-aarch64 ] || cat ${ARM64_FORMAT} > ${FORMATS}/register || [ -e ${FORMATS}/qemu-aarch64 ]`,
    'fi',
    'mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/mnt"', // one that is half made has not all of them
    'mount --rbind /dev "$root/dev"',
    'mount -t proc proc "$root/proc"',
    // It tells of this machine's processors: ONNX Runtime, emulated, takes them for its own and waits for ever.
    `[ -e "$root/${ARM64_LOADER}" ] || mount -t sysfs -o ro sysfs "$root/sys"`,
    'mount --bind "$folder" "$root/mnt"',
    'exec chroot "$root" "$@"',
  ].join('\n');
  const namespace = ['unshare', '--mount', '--propagation', 'private', '--'];
  return [...namespace, 'sh', '-c', script, 'sh', root, folder, ...command];
}

/** Of a command inside of a root: nothing of this user's settings but how registries are reached. */
export function environment(): NodeJS.ProcessEnv {
  const through = Object.entries(process.env).filter(([name]) => REGISTRY.test(name));
  const trusted = { SSL_CERT_FILE: CA_BUNDLE, PIP_CERT: CA_BUNDLE, NODE_EXTRA_CA_CERTS: CA_BUNDLE };
  const own = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };
  return {
    ...Object.fromEntries(through),
    ...own,
    ...(existsSync(CA_BUNDLE) ? trusted : {}),
    LANG: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
  };
}

/** @throws Error with the last lines that it said, where it fails */
export async function run(command: readonly string[], say: (line: string) => void): Promise<void> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
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
