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
import { Ledger } from './ledger.js';
import { makeSounds } from './life.js';
import { Observer } from './observer.js';
import { failuresOf, faultTable, page, type Result, table } from './report.js';
import { type Options, Soak } from './soak.js';
import { SupervisedDaemon } from './supervised.js';
import { World } from './world.js';

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
