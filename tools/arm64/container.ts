import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { environment, inside } from '../debian.js';

/** What no step takes, however slow the emulation. */
const LIMIT_MS = 90 * 60_000;

/** Not by `exec`: a process that becomes another user's is not killed with its parent any more. */
const AS_USER = 'setpriv --reuid="$0" --regid="$0" --init-groups bash -c "$1"; exit $?';

/** How a command is run. */
export interface Place {
  /** Inside of the container. */
  readonly workdir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Name of a user; root where there is none. */
  readonly user?: string | undefined;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
}

/**
 * A folder with a Debian that commands run in. Each has mounts and processes of its own, which the kernel takes away
 * with it, also where this process is killed: nothing stays mounted or running.
 */
export class Container {
  readonly #running = new Set<() => void>();

  /** @param log file that all that is printed goes to */
  constructor(
    readonly root: string,
    private readonly log: string,
  ) {}

  path(inside: string): string {
    return join(this.root, inside);
  }

  /**
   * @param command for its shell
   * @param line told each line of its standard output at once
   */
  async run(command: string, place: Place = {}, line: (text: string) => void = () => {}): Promise<Ended> {
    const { workdir = '/root', env = {}, user } = place;
    const script = `cd '${workdir}' && ${command}`;
    const [program = '', ...args] = [
      ...['setpriv', '--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child', '--'],
      ...inside(this.root, user ? ['bash', '-c', AS_USER, user, script] : ['bash', '-c', script]),
    ];
    const child = spawn(program, args, {
      env: { ...environment(), ...(user ? { HOME: `/home/${user}` } : {}), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = () => child.kill('SIGKILL');
    this.#running.add(kill);
    const timer = setTimeout(kill, LIMIT_MS);
    const log = createWriteStream(this.log, { flags: 'a' });
    log.write(`\n$ ${command}\n`);
    let stdout = '';
    let unfinished = '';
    child.stdout.on('data', (data) => {
      stdout += data;
      const lines = (unfinished + data).split('\n');
      unfinished = lines.pop() ?? '';
      for (const text of lines) line(text);
      log.write(data);
    });
    child.stderr.on('data', (data) => log.write(data));
    const [code] = await once(child, 'close');
    clearTimeout(timer);
    this.#running.delete(kill);
    await new Promise((resolve) => log.end(resolve));
    return { code, stdout };
  }

  /** Ends what runs in it. */
  kill(): void {
    for (const kill of this.#running) kill();
  }

  /** @throws Error where something is mounted in it, and then removes nothing */
  async remove(): Promise<void> {
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${this.root}/`);
    if (mounted)
      throw new Error(`something is mounted in ${this.root}, so it stays: umount it, then remove it`);
    await rm(this.root, { recursive: true, force: true });
  }
}
