import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { bareEnvironment } from './environment.js';

/** An interactive shell on a pseudo-terminal, in which keys can be pressed. */
export class Shell {
  private seen = '';
  private readonly child: ChildProcess;

  private constructor(command: string, cwd: string) {
    this.child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd,
      env: { ...bareEnvironment(), TERM: 'dumb' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.child.stdout?.on('data', (data) => {
      this.seen += data;
    });
  }

  /** @param setup a command, after which `program` is a stand-in that prints what it is called with */
  static async start(command: string, cwd: string, setup: string, program: string): Promise<Shell> {
    const shell = new Shell(command, cwd);
    shell.press(`${setup}; ${program}() { printf '<%s>' "$@"; echo; }; printf 'read%s\\n' y\n`);
    await shell.waitFor(/ready\r?\n/);
    return shell;
  }

  /** What the program is called with after these keys. */
  async complete(keys: string): Promise<string[]> {
    this.seen = '';
    this.press(`${keys}\n`);
    await this.waitFor(/^(<.*>)\r?$/m);
    return [...(/^(<.*>)\r?$/m.exec(this.seen)?.[1] ?? '').matchAll(/<([^>]*)>/g)].map(
      ([, word = '']) => word,
    );
  }

  async close(): Promise<void> {
    this.child.kill();
    await once(this.child, 'close');
  }

  private press(keys: string): void {
    this.child.stdin?.write(keys);
  }

  private async waitFor(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!pattern.test(this.seen)) {
      if (Date.now() > deadline) throw new Error(`no ${pattern} in ${JSON.stringify(this.seen)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
