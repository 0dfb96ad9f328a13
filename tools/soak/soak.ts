import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ExitCode, messageOf } from '../../src/errors.js';
import { Daemons } from '../../test/support/daemon.js';
import { Mosquitto } from '../../test/support/mosquitto.js';
import { TcpProxy } from '../../test/support/proxy.js';
import { PULSE_PROGRAMS, startPulse } from '../../test/support/pulse.js';
import { seededRandom } from '../scene/sounds.mjs';
import { deliveryFaults, type Fault, hearingFaults, type Parts } from './faults.js';
import { Deafness, Ledger, type Missing } from './ledger.js';
import { keepRoom, makeSounds, type Sounds } from './life.js';
import { Observer } from './observer.js';
import { failuresOf, faultTable, page, type Result, seconds, table } from './report.js';
import { SupervisedDaemon } from './supervised.js';
import { World } from './world.js';

export interface Options {
  readonly hours: number;
  readonly speed: number;
  readonly seed: number;
}

const HOUR_MS = 3_600_000;
const HALF_HOUR_MS = HOUR_MS / 2;
const MINUTE_MS = 60_000;
const USAGE = 'npm run soak -- --hours 1 --speed 10 --seed 1 --report FILE.md --log FILE';
const OPTIONS = {
  hours: { type: 'string', default: '1' },
  speed: { type: 'string', default: '10' },
  seed: { type: 'string', default: '1' },
  report: { type: 'string' },
  /** Where the daemon's log is kept. */
  log: { type: 'string' },
} as const;
const PROGRAMS = ['cc', 'mosquitto', ...PULSE_PROGRAMS];
const BASE = 'bathnet/test';
/** After a fault that keeps it from hearing it must hear again within this; a start takes real time beside. */
const RECOVERY_MS = 60_000;
const START_MS = 15_000;
/** Release and cooldown after an alarm, and some time. */
const AFTER_ALARM_MS = 25_000;
/** So long what waits may take once there is no fault any more. */
const LAST_DELIVERY_MS = 120_000;

const between = (random: () => number, [from, to]: readonly [number, number]) =>
  from + random() * (to - from);
const oneOf = <T>(random: () => number, all: readonly T[]) => all[Math.floor(random() * all.length)] as T;

/** One run of made life and faults, from the first process to the last. */
class Soak {
  readonly #random: () => number;
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #deafness = new Deafness();
  readonly #ended = new AbortController();
  readonly #faults = new Map<string, { times: number; recoveryMs: number }>();
  readonly #unrecovered: string[] = [];
  /** What was wrong when. */
  readonly #history: { readonly name: string; readonly fromMs: number; toMs: number }[] = [];

  constructor(
    private readonly parts: Parts,
    private readonly ledger: Ledger,
    private readonly sounds: Sounds,
    private readonly options: Options,
  ) {
    this.#random = seededRandom(options.seed);
    this.#startMs = parts.world.now();
    this.#endMs = this.#startMs + options.hours * HOUR_MS;
  }

  /** Ends it early. */
  stop(): void {
    this.#ended.abort();
  }

  async run(): Promise<Result> {
    const { world, daemon, observer, pulse } = this.parts;
    const look = setInterval(
      () => this.#deafness.look(world.now(), daemon.analysedMs, observer.allIsWell),
      100,
    );
    const progress = setInterval(() => {
      const { expected, lost, unexpected, longestDelayMs } = this.ledger.figures;
      const delay = `longest delay ${seconds(longestDelayMs)}`;
      console.error(
        `${(world.now() / HOUR_MS).toFixed(1)} h: ${expected} events, ${lost} missing, ${unexpected} unexpected, ${delay}, deaf ${seconds(this.#deafness.longestMs)}, ${daemon.crashes.length} crashes`,
      );
    }, HALF_HOUR_MS / world.speed);
    daemon.start();
    const room = keepRoom(pulse, this.sounds.room, world, this.#ended.signal);
    await this.#hears('start', 0);
    await Promise.all([this.#live(), this.#disturb()]);
    await world.until(() => this.ledger.missing.length === 0, LAST_DELIVERY_MS);
    clearInterval(look);
    clearInterval(progress);
    const exitCode = await daemon.close();
    this.stop();
    await pulse.kill(); // and with it the sound of the room
    await room;
    return {
      ...this.options,
      hours: (world.now() - this.#startMs) / HOUR_MS,
      ...this.ledger.figures,
      lostAt: this.ledger.missing.map((missing) => this.#describe(missing)),
      faults: [...this.#faults].map(([name, figures]) => ({ name, ...figures })),
      unrecovered: this.#unrecovered,
      longestDeafnessMs: this.#deafness.longestMs,
      lives: daemon.lives,
      crashes: daemon.crashes,
      logs: daemon.logs,
      exitCode,
    };
  }

  #describe({ fromMs: atMs, events }: Missing): string {
    const faults = this.#history.filter(
      ({ fromMs, toMs }) => fromMs < atMs + MINUTE_MS && toMs > atMs - MINUTE_MS,
    );
    const spans = faults.map(
      ({ name, fromMs, toMs }) => `${name} ${seconds(fromMs - atMs)} to ${seconds(toMs - atMs)}`,
    );
    const what = events > 1 ? 'raised no alarm' : 'raised an alarm that never ended';
    return `a sound after ${seconds(atMs)} ${what}; around it: ${spans.join(', ') || 'nothing'}`;
  }

  get #goesOn(): boolean {
    return this.parts.world.now() < this.#endMs && !this.#ended.signal.aborted;
  }

  /** Faults of hearing, life and alarms, one after the other: so an alarm only sounds where it can be heard. */
  async #live(): Promise<void> {
    const { world, pulse } = this.parts;
    const random = seededRandom(this.options.seed + 1);
    const faults = hearingFaults(this.parts);
    while (this.#goesOn) {
      const isYoung = world.now() < this.#startMs + this.options.hours * HALF_HOUR_MS;
      const possible = faults.filter(({ isFatal }) => !(isFatal && isYoung));
      if (random() < 0.5) await this.#suffer(oneOf(random, possible), random);
      for (let sounds = Math.floor(3 * random()); sounds > 0; sounds--) {
        await pulse.play(oneOf(random, this.sounds.life).path);
        await world.pass(between(random, [1000, 20_000]));
      }
      const alarm = oneOf(random, this.sounds.alarms);
      this.ledger.sounded(world.now(), alarm.seconds);
      await pulse.play(alarm.path);
      await world.pass(AFTER_ALARM_MS + 20_000 * random());
    }
  }

  async #suffer(fault: Fault, random: () => number): Promise<void> {
    await this.#inject(fault, random);
    await this.#hears(fault.name, this.parts.world.now());
  }

  /** Faults of everything behind the ear, whatever sounds meanwhile. */
  async #disturb(): Promise<void> {
    const { world } = this.parts;
    const random = this.#random;
    const faults = deliveryFaults(this.parts, random);
    while (this.#goesOn) {
      await world.pass(between(random, [5000, 120_000]));
      await this.#inject(oneOf(random, faults), random);
    }
  }

  async #inject({ name, seconds, begin, end }: Fault, random: () => number): Promise<void> {
    const { world } = this.parts;
    const figures = this.#faults.get(name) ?? { times: 0, recoveryMs: 0 };
    this.#faults.set(name, { ...figures, times: figures.times + 1 });
    const lasting = { name, fromMs: world.now(), toMs: Number.POSITIVE_INFINITY };
    this.#history.push(lasting);
    await begin();
    await world.pass(between(random, seconds) * 1000);
    await end?.();
    lasting.toMs = world.now();
  }

  /** Waits until it hears again what sounds after the fault. */
  async #hears(name: string, sinceMs: number): Promise<void> {
    const { world, daemon } = this.parts;
    const limitMs = RECOVERY_MS + START_MS * world.speed;
    if (!(await world.until(() => daemon.analysedMs > sinceMs + 2000, limitMs))) this.#unrecovered.push(name);
    const figures = this.#faults.get(name);
    if (figures) figures.recoveryMs = Math.max(figures.recoveryMs, world.now() - sinceMs);
    await world.pass(5000);
  }
}

/** Runs it and cleans up. */
async function soak(options: Options): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'bathnet-soak-'));
  const world = World.begin(folder, options.speed);
  const leftBehind: (() => unknown)[] = [() => rmSync(folder, { recursive: true }), () => world.end()];
  try {
    const sounds = await makeSounds(folder, seededRandom(options.seed));
    const ledger = new Ledger((wallMs) => world.timesOf(wallMs));
    const broker = await Mosquitto.start({ persistent: true });
    leftBehind.push(() => broker.close());
    const proxy = await TcpProxy.before(broker.port);
    leftBehind.push(() => proxy.close());
    const observer = new Observer(broker.url, BASE, (topic, payload) => {
      if (topic === `${BASE}/event`) ledger.event(payload, world.now());
    });
    leftBehind.push(() => observer.close());
    await observer.ready();
    const pulse = await startPulse();
    leftBehind.push(() => pulse.close());
    const daemons = await Daemons.create();
    leftBehind.push(() => daemons.close());
    const daemon = new SupervisedDaemon(daemons, proxy.url, pulse.env, world);
    const run = new Soak({ world, broker, proxy, observer, pulse, daemon }, ledger, sounds, options);
    process.once('SIGINT', () => run.stop());
    return await run.run();
  } finally {
    for (const remove of leftBehind.reverse()) await remove();
  }
}

/** `npm run soak`: what docs/soak.md says. @returns the exit code */
export async function main(args: string[]): Promise<number> {
  let values: ReturnType<typeof optionsOf>;
  try {
    values = optionsOf(args);
  } catch (error) {
    return refuse(messageOf(error), USAGE);
  }
  const [hours, speed, seed] = [+values.hours, +values.speed, +values.seed];
  const missing = PROGRAMS.filter((program) => spawnSync('which', [program]).status !== 0);
  if (missing.length > 0)
    return refuse(`missing: ${missing.join(', ')}`, 'apt-get install what .ci/run installs');
  if (!(hours > 0 && speed >= 1 && Number.isFinite(hours * speed) && Number.isInteger(seed)))
    return refuse('--hours must be more than 0, --speed at least 1, --seed a whole number', USAGE);
  const result = await soak({ hours, speed, seed });
  console.log(table(result));
  console.log(faultTable(result));
  const failures = failuresOf(result);
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  if (values.report) writeFileSync(values.report, page(result));
  if (values.log) writeFileSync(values.log, result.logs.join('\n'));
  return failures.length > 0 ? 1 : 0;
}

function optionsOf(args: string[]) {
  return parseArgs({ args, options: OPTIONS }).values;
}

function refuse(problem: string, hint: string): number {
  console.error(`error: ${problem}\n  hint: ${hint}`);
  return ExitCode.usage;
}
