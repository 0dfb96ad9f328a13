import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SAMPLE_RATE_HZ } from '../../src/constants.js';
import { type Daemons, MODULES, type Program } from '../../test/support/daemon.js';
import type { World } from './world.js';

const PROBE = fileURLToPath(new URL('probe.mjs', import.meta.url));
/** As systemd/bathnet2mqtt.service has it. */
const RESTART_MS = 5000;
/** So often memory and descriptors are counted. */
const SAMPLE_MS = 60_000;

/** From a start to the next, what it needs. */
export interface Life {
  readonly samples: { readonly atMs: number; readonly rssBytes: number; readonly descriptors: number }[];
  delayP99Ms: number;
}

export interface Heard {
  /** When sound was analysed last. */
  readonly analysedMs: number;
  /** Of this machine's. */
  readonly delayP99Ms: number;
  /** Windows that were overwritten before they were analysed. */
  readonly droppedWindows: number;
  /** When the last loud sound came. */
  readonly loudMs: number;
  /** How much sound has come in this life. */
  readonly arrivedMs: number;
}

/** The daemon, started again 5 s after each end, and what it needs meanwhile. */
export class SupervisedDaemon {
  readonly lives: Life[] = [];
  /** Ends that nobody asked for. */
  readonly crashes: string[] = [];
  /** Its log, a text for each life. */
  readonly logs: string[] = [];
  readonly #probe: string;
  #program: Program | undefined;
  #asked = false;
  #closing = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly daemons: Daemons,
    private readonly url: string,
    private readonly env: Readonly<Record<string, string>>,
    private readonly world: World,
  ) {
    this.#probe = join(this.daemons.stateDir, 'probe');
    writeFileSync(this.#probe, Buffer.alloc(40));
  }

  start(): void {
    this.#running = this.#supervise();
  }

  get pid(): number {
    return this.#program?.pid ?? 0;
  }

  /** The process that talks to the sound server, where there is one. */
  get capturePid(): number | undefined {
    try {
      const [first] = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').split(' ');
      return Number(first) || undefined;
    } catch {
      return undefined;
    }
  }

  /** What probe.mjs has written. */
  get heard(): Heard {
    const bytes = readFileSync(this.#probe);
    return {
      analysedMs: this.world.timeOf(bytes.readDoubleLE(0)),
      delayP99Ms: bytes.readDoubleLE(8) / this.world.speed,
      droppedWindows: bytes.readDoubleLE(16),
      loudMs: this.world.timeOf(bytes.readDoubleLE(32)),
      arrivedMs: (bytes.readDoubleLE(24) * 1000) / SAMPLE_RATE_HZ,
    };
  }

  /** How often its log of this life says so. */
  said(text: string): number {
    return (this.#program?.stderr.split(`"msg":"${text}`).length ?? 1) - 1;
  }

  /** Ends it; it is started again. */
  end(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#asked = true;
    this.signal(signal);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#program) process.kill(this.#program.pid, signal);
  }

  /** Ends it for good. @returns its exit code */
  async close(): Promise<number | null> {
    this.#closing = true;
    this.signal('SIGCONT');
    const ended = this.#program?.kill('SIGTERM');
    await this.#running;
    return (await ended)?.code ?? null;
  }

  async #supervise(): Promise<void> {
    while (!this.#closing) {
      this.#asked = false;
      const life: Life = { samples: [], delayP99Ms: 0 };
      this.lives.push(life);
      const env = {
        ...this.env,
        ...this.world.env,
        NODE_OPTIONS: `--import ${PROBE}`,
        SOAK_PROBE: this.#probe,
        SOAK_RESOLUTION: String(20 * this.world.speed),
      };
      const program = this.daemons.start(this.url, ['--source', 'portaudio'], env, MODULES);
      this.#program = program;
      const timer = setInterval(() => this.#sample(program, life), SAMPLE_MS / this.world.speed);
      const { code, stderr } = await program.ended;
      clearInterval(timer);
      this.#program = undefined;
      this.logs.push(stderr);
      if (this.#closing) return;
      if (!this.#asked) this.crashes.push(`exit code ${code}, ${stderr.trim().split('\n').at(-1)}`);
      await this.world.pass(RESTART_MS);
    }
  }

  #sample({ pid }: Program, life: Life): void {
    try {
      const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      const descriptors = readdirSync(`/proc/${pid}/fd`).length;
      life.samples.push({ atMs: this.world.now(), rssBytes: Number(kilobytes) * 1024, descriptors });
      life.delayP99Ms = this.heard.delayP99Ms;
    } catch {
      // It has just ended.
    }
  }
}
