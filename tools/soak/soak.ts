import { seededRandom } from '../scene/sounds.mjs';
import { deliveryFaults, type Fault, hearingFaults, type Parts } from './faults.js';
import { Deafness, Flow, type Ledger, type Missing, SLACK_MS } from './ledger.js';
import { keepRoom, type Sounds } from './life.js';
import { type Result, seconds } from './report.js';

export interface Options {
  readonly hours: number;
  readonly speed: number;
  readonly seed: number;
}

const HOUR_MS = 3_600_000;
/** In this part of the run nothing ends the process of the daemon, so that its memory can be measured. */
const YOUTH = 0.75;
const HALF_HOUR_MS = HOUR_MS / 2;
const MINUTE_MS = 60_000;
/** After a fault that keeps it from hearing it must hear again within this; a start takes real time beside. */
const RECOVERY_MS = 60_000;
const START_MS = 15_000;
/** So long a knock may take to be heard before the next. */
const KNOCK_MS = 5000;
/** Of a sound that must raise an alarm so much may be lost on its way. */
const MOST_LOST_MS = 300;
/** Release and cooldown after an alarm, and some time. */
const AFTER_ALARM_MS = 25_000;
/** So long what waits may take once there is no fault any more. */
const LAST_DELIVERY_MS = 120_000;

const between = (random: () => number, [from, to]: readonly [number, number]) =>
  from + random() * (to - from);
const oneOf = <T>(random: () => number, all: readonly T[]) => all[Math.floor(random() * all.length)] as T;

/** One run of made life and faults, from the first process to the last. */
export class Soak {
  readonly #random: () => number;
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #deafness = new Deafness();
  readonly #ended = new AbortController();
  readonly #faults = new Map<string, { times: number; recoveryMs: number }>();
  readonly #flow = new Flow();
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
    const { world, daemon, pulse } = this.parts;
    const look = setInterval(() => this.#look(), 100);
    const progress = setInterval(() => {
      const { expected, lost, unheard, unexpected } = this.ledger.figures;
      const soFar = `${expected} events, ${lost} missing, ${unheard} sounds unheard, ${unexpected} unexpected`;
      console.error(`${(world.now() / HOUR_MS).toFixed(1)} h: ${soFar}, ${daemon.crashes.length} crashes`);
      for (const missing of this.ledger.missing) console.error(this.#describe(missing));
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

  #look(): void {
    const { world, daemon, observer } = this.parts;
    const [nowMs, { analysedMs, arrivedMs }] = [world.now(), daemon.heard];
    this.#deafness.look(nowMs, analysedMs, observer.allIsWell);
    this.#flow.look(nowMs, arrivedMs);
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
    const { world, pulse, daemon } = this.parts;
    const random = seededRandom(this.options.seed + 1);
    const faults = hearingFaults(this.parts);
    while (this.#goesOn) {
      const isYoung = world.now() < this.#startMs + this.options.hours * YOUTH * HOUR_MS;
      const possible = faults.filter(({ isFatal }) => !(isFatal && isYoung));
      if (random() < 0.5) await this.#suffer(oneOf(random, possible), random);
      for (let sounds = Math.floor(3 * random()); sounds > 0; sounds--) {
        await pulse.play(oneOf(random, this.sounds.life).path);
        await world.pass(between(random, [1000, 20_000]));
      }
      const alarm = oneOf(random, this.sounds.alarms);
      const [{ droppedWindows }, alarms] = [daemon.heard, daemon.said('alarm_started')];
      const sound = this.ledger.sounded(world.now(), alarm.seconds);
      await pulse.play(alarm.path, alarm.seconds);
      await world.until(() => daemon.said('alarm_started') > alarms, SLACK_MS);
      const lostMs = this.#flow.lostMs(sound.fromMs, world.now());
      sound.unheard = lostMs > MOST_LOST_MS || daemon.heard.droppedWindows !== droppedWindows;
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
    const { world, daemon, pulse } = this.parts;
    const limitMs = world.now() + RECOVERY_MS + START_MS * world.speed;
    const knockedMs = world.now();
    const isHeard = () => daemon.heard.loudMs > knockedMs;
    // What it analyses may be older than the fault: what has waited on the way. A knock is not.
    do await pulse.play(this.sounds.life[0]!.path);
    while (!(await world.until(isHeard, KNOCK_MS)) && world.now() < limitMs);
    if (!isHeard()) this.#unrecovered.push(name);
    const figures = this.#faults.get(name);
    if (figures) figures.recoveryMs = Math.max(figures.recoveryMs, world.now() - sinceMs);
    await world.pass(5000);
  }
}
