import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SCENE } from '../../test/support/daemon.js';
import { cacheFolder, lacking } from '../debian.js';
import { type Architecture, extractTrixie, makeNodeImage, makeTrixie } from './bases.js';
import { Container } from './container.js';
import { buildImage } from './image.js';
import { readSteps } from './read-steps.js';
import { Report, Stopped } from './report.js';
import { tryHealth } from './try-health.js';
import { tryProgram } from './try-program.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist/main.js');
const PARTS = ['readme', 'readme-extracted', 'dockerfile-amd64', 'dockerfile-arm64'] as const;
const HELP = `usage: npm run arm64 [-- PART…]

Shows, as root on an amd64 Debian with debootstrap and qemu-user-static, that the program works on arm64:
  readme             README's steps for arm64, in Debian 13 for arm64
  readme-extracted   the same but for those of apt, which take long in emulation: the packages' files are there,
                     Node 22 is from the registry, and the clone is packed on this machine
  dockerfile-amd64   the Dockerfile's steps
  dockerfile-arm64   the same, for arm64
Without a part readme and dockerfile-amd64.`;

type Part = (typeof PARTS)[number];
const say = (line: string) => console.log(line);

/** @returns the exit code: 0 where every step worked */
export async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => !(PARTS as readonly string[]).includes(arg));
  if (unknown !== undefined) {
    say(unknown === '--help' ? HELP : `there is no part "${unknown}"\n${HELP}`);
    return unknown === '--help' ? 0 : 64;
  }
  const lacks = lacking('setpriv', 'qemu-aarch64-static', 'mosquitto', 'git', 'npm');
  if (lacks !== undefined) {
    say(`arm64 cannot be emulated here: ${lacks}`);
    return 69;
  }
  setPriority(19); // whatever else this machine does comes first
  const parts = (args.length > 0 ? args : ['readme', 'dockerfile-amd64']) as readonly Part[];
  const run = new Run();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => run.stop());
  return await run.all(parts);
}

/** One run, in folders of its own that it takes away with it. */
class Run {
  readonly #cache = cacheFolder('arm64');
  readonly #folder = join(this.#cache, `run-${process.pid}`);
  readonly #log = join(this.#cache, 'last.log');
  readonly #scene = join(this.#folder, 'scene.wav');
  readonly #containers: Container[] = [];
  readonly #report = new Report(this.#log, say);

  async all(parts: readonly Part[]): Promise<number> {
    mkdirSync(this.#folder, { recursive: true });
    rmSync(this.#log, { force: true });
    await this.#removeOthers();
    try {
      const git = (...args: string[]) =>
        execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).trim();
      const changed = git('status', '--porcelain') === '' ? '' : ', without what is not committed yet';
      say(
        `A clean clone of ${git('rev-parse', '--short', 'HEAD')}${changed}. All that is printed: ${this.#log}`,
      );
      execFileSync(process.execPath, [MAIN, 'convert', SCENE, this.#scene]);
      for (const part of parts)
        if (part.startsWith('readme')) await this.#readme(part === 'readme-extracted');
        else await this.#dockerfile(part.slice('dockerfile-'.length) as Architecture);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      say('Stopped.');
      return 130;
    } finally {
      for (const container of this.#containers) await container.remove();
      rmSync(this.#folder, { recursive: true });
    }
    const { failed } = this.#report;
    say(`\n${failed === 0 ? 'Every step worked.' : `${failed} steps failed.`}`);
    return failed === 0 ? 0 : 1;
  }

  stop(): void {
    this.#report.stop();
    for (const container of this.#containers) container.kill();
  }

  /** README's steps, as a person does who has unpacked a board with Debian 13. */
  async #readme(extracted: boolean): Promise<void> {
    const report = this.#report;
    report.part("README's steps, on arm64 (emulated)");
    const steps = readSteps(readFileSync(join(ROOT, 'README.md'), 'utf8'));
    const container = this.#container('readme');
    const inClone = '/root/bathnet2mqtt';
    await report.step('Debian 13 for arm64', async () => {
      const packages = steps.naudiodon.flatMap(
        (line) => /apt-get install (.+)/.exec(line)?.[1]?.split(' ') ?? [],
      );
      const trixie = extracted
        ? await extractTrixie(this.#cache, packages, say)
        : await makeTrixie(this.#cache, say);
      execFileSync('cp', ['--archive', '--reflink=auto', trixie, container.root]);
      copyFileSync(this.#scene, container.path('root/scene.wav'));
      clone(container.path(inClone));
      return undefined;
    });
    const lines = async (all: readonly string[], workdir: string) => {
      const run = all.filter((line) => !extracted || !line.includes('apt-get'));
      for (const line of all.filter((text) => !run.includes(text)))
        report.leftOut(line, 'the files are there');
      if (run.length > 0) await this.#lines(container, run, workdir);
    };
    await lines([steps.node], '/root');
    if (extracted) await this.#packHere(container.path(inClone), steps.pack.join('\n'));
    else await lines([...steps.demo, ...steps.pack], inClone);
    const packed = packedName();
    await report.step(`${packed} is copied to ~`, async () => {
      copyFileSync(container.path(`${inClone}/${packed}`), container.path(`root/${packed}`));
      return undefined;
    });
    await lines(steps.install, '/root');
    await lines(steps.naudiodon, '/root');
    const program = (words: readonly string[]) => container.run(`bathnet2mqtt ${words.join(' ')}`);
    await tryProgram(MAIN, program, { here: this.#scene, there: '/root/scene.wav' }, report);
  }

  /** Any computer with the clone packs the program; `npm pack` fetches what it takes to build it. */
  async #packHere(folder: string, command: string): Promise<void> {
    await this.#report.step(`${command}, on this machine`, async () => {
      execFileSync('sh', ['-ec', command], { cwd: folder, stdio: 'ignore' });
      return undefined;
    });
  }

  /** Lines that are pasted into one shell: each a step. */
  async #lines(container: Container, lines: readonly string[], workdir: string): Promise<void> {
    const MARK = '\u0001';
    // Not by `set -e`, which does not mind where the first part of `mkdir … && cd …` fails.
    const script = lines.map((line) => `{ ${line}\n} || exit $?\nprintf '${MARK}\\n'`).join('\n');
    let at = 0;
    let started = Date.now();
    const title = () => lines[at] ?? '';
    await this.#report.step(`${lines.length > 1 ? 'these' : 'this'} in ${workdir}`, async () => {
      const { code } = await container.run(`{ ${script}\n}`, { workdir }, (text) => {
        if (text !== MARK) return;
        this.#report.done(title(), Date.now() - started);
        at++;
        started = Date.now();
      });
      if (code !== 0) throw new Error(`${title()} ended with ${code}`);
      return undefined;
    });
  }

  async #dockerfile(architecture: Architecture): Promise<void> {
    const report = this.#report;
    report.part(`The Dockerfile's steps, on ${architecture}${architecture === 'amd64' ? '' : ' (emulated)'}`);
    let base = '';
    await report.step('What stands in for node:22-bookworm-slim', async () => {
      base = await makeNodeImage(this.#cache, architecture, say);
      return undefined;
    });
    if (base === '') return;
    const context = join(this.#folder, `context-${architecture}`);
    clone(context);
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    const make = (name: string) => this.#container(`${architecture}-${name}`);
    const image = await buildImage(dockerfile, base, context, make, report);
    if (!image) return;
    const { container, place, entrypoint } = image;
    const scene = '/opt/scene.wav';
    copyFileSync(this.#scene, container.path(scene));
    const program = (words: readonly string[]) => container.run([...entrypoint, ...words].join(' '), place);
    await tryProgram(MAIN, program, { here: this.#scene, there: scene }, report);
    await tryHealth(image, scene, report);
  }

  #container(name: string): Container {
    const container = new Container(join(this.#folder, name), this.#log);
    this.#containers.push(container);
    return container;
  }

  /** Of runs that were killed. */
  async #removeOthers(): Promise<void> {
    for (const name of readdirSync(this.#cache).filter((entry) => /^run-\d+$/.test(entry))) {
      try {
        process.kill(Number(name.slice(4)), 0);
      } catch {
        for (const inner of readdirSync(join(this.#cache, name)))
          await new Container(join(this.#cache, name, inner), this.#log).remove();
        rmSync(join(this.#cache, name), { recursive: true });
      }
    }
  }
}

/** `bathnet2mqtt-0.1.0.tgz` */
function packedName(): string {
  const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return `${name}-${version}.tgz`;
}

function clone(folder: string): void {
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', ROOT, folder]);
}
