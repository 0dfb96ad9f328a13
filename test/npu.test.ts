import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Daemons, run } from './support/daemon.js';
import { Mosquitto, type Subscription, until } from './support/mosquitto.js';
import { FakeNpu, NCC } from './support/npu.js';
import { lacksPrograms } from './support/require.js';

const skip = lacksPrograms('gcc', 'mosquitto', 'mosquitto_sub');
const BASE = 'bathnet/test';
const LIVE = 'command:while head -c 3200 /dev/urandom; do sleep 0.1; done';

let npu: FakeNpu;
let bundle: string;
let daemons: Daemons;
let broker: Mosquitto;
beforeAll(async () => {
  if (skip) return;
  npu = new FakeNpu();
  bundle = npu.copyBundle();
  expect((await run(['models', 'compile', bundle, '--ncc', NCC])).stderr).toBe('');
});
beforeEach(async () => {
  if (skip) return;
  npu.order('');
  [daemons, broker] = await Promise.all([Daemons.create(), Mosquitto.start()]);
});
afterEach(async () => {
  if (skip) return;
  await daemons.close();
  await broker.close();
});
afterAll(() => {
  if (!skip) npu.remove();
});

const start = () =>
  daemons.start(
    broker.url,
    [
      '--source',
      LIVE,
      '--model',
      bundle,
      '--set',
      'publish.scores=true',
      '--set',
      `model.neuronLibrary=${npu.library}`,
    ],
    npu.environment,
  );
/** Its start takes long where the machine is busy: two processes, and three windows on each engine. */
const hears = (seen: Subscription) =>
  until(() => seen.on(`${BASE}/scores`).length > 0, 'it does not hear', 45_000);
const healthOf = (payload: string) =>
  JSON.parse(payload) as { problems: string[]; model: { engine: string } };

describe.skipIf(skip)('a daemon with an NPU', () => {
  it.each(['hang', 'crash'])(
    'whose library comes to %s goes on hearing, on the CPU, and says so',
    async (how) => {
      const seen = await broker.subscribe('#');
      const daemon = start();
      await hears(seen);
      const before = healthOf(seen.on(`${BASE}/health`).at(-1) as string);
      expect(before.model.engine, daemon.stderr).toBe('neuron');
      expect(before.problems).not.toContain('npu_failed');
      const announced = seen.on('homeassistant/device/test/config').at(-1) as string;
      expect(JSON.parse(announced).cmps.npu).toMatchObject({ p: 'binary_sensor', device_class: 'problem' });

      npu.order(`inference ${how}`);
      const payload = await seen.waitFor(`${BASE}/health`, (text) =>
        healthOf(text).problems.includes('npu_failed'),
      );
      expect(healthOf(payload).model.engine).not.toBe('neuron');
      const windows = seen.on(`${BASE}/scores`).length;
      await seen.waitFor(`${BASE}/scores`, () => seen.on(`${BASE}/scores`).length > windows + 2);
      expect(seen.on(`${BASE}/input/availability`).at(-1)).toBe('online');
      expect(healthOf(seen.on(`${BASE}/health`).at(-1) as string).problems).not.toContain('engine_failed');
      expect(daemon.stderr).toMatch(/the NPU does not work: .*; the CPU takes over/);
      expect((await daemon.kill('SIGTERM')).code).toBe(0);
      expect(processesOf(npu.library)).toEqual([]);
    },
  );

  it('that does not work at the start hears on the CPU', async () => {
    npu.order('create fail');
    const seen = await broker.subscribe(`${BASE}/#`);
    start();
    await hears(seen);
    const { problems, model } = healthOf(seen.on(`${BASE}/health`).at(-1) as string);
    expect(problems).toContain('npu_failed');
    expect(model.engine).not.toBe('neuron');
    expect(seen.on(`${BASE}/input/availability`).at(-1)).toBe('online');
  });

  it('that is killed leaves no process behind, even where the NPU hangs', async () => {
    const seen = await broker.subscribe(`${BASE}/#`);
    const daemon = start();
    await hears(seen);
    expect(processesOf(npu.library)).toHaveLength(1);
    npu.calls();
    npu.order('inference hang');
    await expect.poll(() => npu.calls().names, { timeout: 20_000 }).toContain('inference');
    await daemon.kill('SIGKILL');
    await expect.poll(() => processesOf(npu.library), { timeout: 20_000 }).toEqual([]);
  });
});

/** Processes whose command line names it as the daemon's child does. */
function processesOf(library: string): string[] {
  const commandLine = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return ''; // it has ended meanwhile
    }
  };
  return readdirSync('/proc').filter((pid) => commandLine(pid).includes(`child.js\0${library}`));
}
