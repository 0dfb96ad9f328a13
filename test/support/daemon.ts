import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandsProcess, type Result } from './commands-process.js';
import { bareEnvironment } from './environment.js';

export const SCENE = fileURLToPath(new URL('../../config/demo/bathroom.flac', import.meta.url));
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** The same as modules, for who looks into some of them: in the bundle there is none that could be changed. */
export const MODULES = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** The built program as a person starts it, in an environment without settings of this machine. */
export class Program {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Result>;
  private readonly child: ChildProcess;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = tmpdir(), main = MAIN) {
    this.child = spawn(process.execPath, [main, ...args], {
      cwd,
      env: { ...bareEnvironment(), ...env },
      stdio: 'pipe',
    });
    this.child.stdin?.on('error', () => {}); // the program may end before it has read everything
    this.child.stdout?.on('data', (data) => {
      this.stdout += data;
    });
    this.child.stderr?.on('data', (data) => {
      this.stderr += data;
    });
    this.ended = once(this.child, 'close').then(([code]) => ({
      code,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get stdin() {
    return this.child.stdin;
  }

  /** Nobody reads its stderr any more, and nobody closes it. */
  stall(): void {
    this.child.stderr?.removeAllListeners('data');
    this.child.stderr?.pause();
    this.child.once('exit', () => this.child.stderr?.destroy());
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<Result> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** They start the daemon, which no other command shall share a process with. */
const DAEMONS: readonly (string | undefined)[] = ['run', 'demo', 'simulate'];
let commands: CommandsProcess | undefined;

/**
 * Runs a command to its end. Commands with the same environment run in one process, one after the other, unless they
 * start a daemon, or the environment speaks to Node itself; what else needs a process of its own – signals, input –
 * is for `Program`.
 */
export function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd: string = tmpdir(),
): Promise<Result> {
  if (DAEMONS.includes(args[0]) || Object.keys(env).some((name) => name.startsWith('NODE_')))
    return new Program(args, env, cwd).ended;
  if (!commands?.takes(env)) {
    commands?.end();
    commands = new CommandsProcess(MAIN, env);
  }
  return commands.run(args, env, cwd);
}

/** Daemons of one test and their state folder; `close` ends those that still run. */
export class Daemons {
  private readonly running: Program[] = [];

  private constructor(readonly stateDir: string) {}

  static async create(): Promise<Daemons> {
    return new Daemons(await mkdtemp(join(tmpdir(), 'bathnet-daemon-')));
  }

  /** What the device `test` keeps. */
  get deviceDir(): string {
    return join(this.stateDir, 'devices', 'test');
  }

  /** `run` with an id of its own (`test`) and this state folder. */
  start(mqttUrl: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, main = MAIN): Program {
    const settings = ['device.id=test', `stateDir=${this.stateDir}`].flatMap((setting) => ['--set', setting]);
    const program = new Program(['run', '--mqtt-url', mqttUrl, ...settings, ...args], env, undefined, main);
    this.running.push(program);
    return program;
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((program) => program.kill('SIGKILL')));
    await rm(this.stateDir, { recursive: true, force: true });
  }
}
