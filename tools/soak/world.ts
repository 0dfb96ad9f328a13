import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('world.c', import.meta.url));
/** Where the fields lie in what world.c maps. */
const AT = { speed: 0, monotonicStart: 8, wallStart: 16, wallJump: 24, syncDelay: 32 };
const NS_PER_MS = 1e6;

/**
 * The time and the disk of the processes of a soak: their clocks run faster than this machine's, all alike, so that
 * nothing in them has to know. All times here are theirs, in milliseconds since the world began.
 */
export class World {
  readonly #file: number;
  readonly #startNs = process.hrtime.bigint();
  readonly #wallStartMs = Date.now();
  /** Every difference between the wall clock and the truth that there has been. */
  readonly #jumpsMs = new Set([0]);

  private constructor(
    readonly speed: number,
    readonly env: Readonly<Record<string, string>>,
  ) {
    this.#file = openSync(this.env.SOAK_WORLD ?? '', 'w');
    writeSync(this.#file, Buffer.alloc(40));
    const speedField = Buffer.alloc(8);
    speedField.writeDoubleLE(speed);
    writeSync(this.#file, speedField, 0, 8, AT.speed);
    this.#write(AT.monotonicStart, this.#startNs);
    this.#write(AT.wallStart, BigInt(this.#wallStartMs) * BigInt(NS_PER_MS));
  }

  /** Needs a C compiler. From here on, all processes that inherit this environment live in it; this one does not. */
  static begin(folder: string, speed: number): World {
    const library = join(folder, 'world.so');
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl']);
    const env = { LD_PRELOAD: library, SOAK_WORLD: join(folder, 'world') };
    Object.assign(process.env, env);
    return new World(speed, env);
  }

  now(): number {
    return (Number(process.hrtime.bigint() - this.#startNs) / NS_PER_MS) * this.speed;
  }

  /** A reading of `process.hrtime` in one of its processes. */
  timeOf(monotonicMs: number): number {
    return monotonicMs - Number(this.#startNs) / NS_PER_MS;
  }

  /** All that a reading of the wall clock in one of its processes may mean: nobody knows which way it was wrong then. */
  timesOf(wallMs: number): number[] {
    return [...this.#jumpsMs].map((jumpMs) => wallMs - jumpMs - this.#wallStartMs);
  }

  async pass(ms: number): Promise<void> {
    await sleep(ms / this.speed);
  }

  /** @returns whether it was so in time */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    const endMs = this.now() + ms;
    while (!condition()) {
      if (this.now() > endMs) return false;
      await sleep(20);
    }
    return true;
  }

  /** Sets the wall clock so much from the truth. */
  setClock(offMs: number): void {
    this.#jumpsMs.add(offMs);
    this.#write(AT.wallJump, BigInt(Math.round(offMs)) * BigInt(NS_PER_MS));
  }

  /** Every sync takes so much longer. */
  setSyncDelay(ms: number): void {
    this.#write(AT.syncDelay, BigInt(Math.round(ms)) * BigInt(NS_PER_MS));
  }

  /** How much the wall clock would be off at that time. */
  offTo(wallMs: number): number {
    return wallMs - (this.#wallStartMs + this.now());
  }

  end(): void {
    for (const name of Object.keys(this.env)) delete process.env[name];
    closeSync(this.#file);
  }

  #write(at: number, value: bigint): void {
    const field = Buffer.alloc(8);
    field.writeBigInt64LE(value);
    writeSync(this.#file, field, 0, 8, at);
  }
}
