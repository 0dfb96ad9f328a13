import { type ChildProcess, fork } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bareEnvironment } from './environment.js';

const PROCESS = fileURLToPath(new URL('./commands-process.mjs', import.meta.url));

/** How a process, or a command in one, has ended, and what it has said. */
export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What only this program reads, and only when a command begins; all else may be for Node, C or a package as well. */
const OURS = 'BATHNET_';
const partOf = (env: NodeJS.ProcessEnv, ours: boolean) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith(OURS) === ours));

/**
 * A process in which commands of the built program run one after the other, which saves each but the first the time in
 * which the program is loaded. It ends with the process that has started it.
 */
export class CommandsProcess {
  private readonly env: string;
  private readonly child: ChildProcess;
  private readonly said = { stdout: '', stderr: '' };
  private commands = 0;
  private code: number | null | undefined;
  private busy = false;
  private ending = false;
  private heard = () => {};

  constructor(main: string, env: NodeJS.ProcessEnv) {
    this.env = JSON.stringify(partOf(env, false));
    this.child = fork(PROCESS, [main], {
      cwd: tmpdir(),
      env: { ...bareEnvironment(), ...partOf(env, false) },
      execArgv: [],
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    for (const name of ['stdout', 'stderr'] as const)
      this.child[name]?.setEncoding('utf8').on('data', (text) => {
        this.said[name] += text;
        this.heard();
      });
    this.child.on('message', ({ code }: { code: number }) => {
      this.code = code;
      this.heard();
    });
    // A command may end the process that it runs in.
    this.child.on('close', (code) => {
      this.code = code;
      this.heard();
    });
  }

  /** Whether it waits for a command with this environment. */
  takes(env: NodeJS.ProcessEnv): boolean {
    return !this.busy && this.child.connected && JSON.stringify(partOf(env, false)) === this.env;
  }

  /** Runs one command to its end; ask for no other meanwhile. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Result> {
    this.commands += 1;
    this.busy = true;
    this.code = undefined;
    const mark = `\0${this.commands}\0`;
    const streams = ['stdout', 'stderr'] as const;
    for (const stream of streams) this.said[stream] = '';
    this.child.send({ args, env: partOf(env, true), cwd });
    await new Promise<void>((resolve) => {
      this.heard = () => {
        if (this.code === undefined) return;
        if (!this.child.connected || streams.every((stream) => this.said[stream].endsWith(mark))) resolve();
      };
    });
    this.busy = false;
    if (this.ending) this.end();
    const [stdout = '', stderr = ''] = streams.map((stream) => this.said[stream].replace(mark, ''));
    return { code: this.code ?? null, stdout, stderr };
  }

  /** Ends it when its command, if it has one, has ended. */
  end(): void {
    this.ending = true;
    if (!this.busy && this.child.connected) this.child.disconnect();
  }
}
