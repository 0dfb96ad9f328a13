import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program, SCENE } from './support/daemon.js';
import { Mosquitto, type Subscription, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';
import { lacksLibsystemd, openReceiver } from './support/service-manager.js';
import { writeWav } from './support/sound.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');
const noise = 'while head -c 3200 /dev/urandom; do sleep 0.1; done';

/** Where a microphone of the process is answered over HTTP. */
async function urlOf(daemon: Program, id: string): Promise<string> {
  const url = () => new RegExp(`"device":"${id}","url":"([^"]+)"`).exec(daemon.stderr)?.[1];
  await until(
    () => url() !== undefined,
    () => `no page of ${id}: ${daemon.stderr}`,
  );
  return url()!;
}

/** What monitoring is told of a process whose first microphone is this one. */
async function healthOf(daemon: Program, id: string): Promise<[status: number, text: string]> {
  const answer = await fetch(`${await urlOf(daemon, id)}healthz`);
  return [answer.status, await answer.text()];
}

describe.skipIf(skip)('one process with several microphones', () => {
  let dir: string;
  let broker: Mosquitto;
  let seen: Subscription;
  let daemon: Program;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bathnet-inputs-'));
    broker = await Mosquitto.start();
    seen = await broker.subscribe('#');
    const config = join(dir, 'config.yaml');
    writeFileSync(
      config,
      `mqtt: { url: "${broker.url}" }
stateDir: ${join(dir, 'state')}
web: { enabled: true, port: 0 }
inputs:
  - device: { id: bath }
    input: { source: file, file: ${SCENE}, loop: true, speed: 4 }
  - device: { id: hall }
    input: { source: command, command: "echo $$ > ${join(dir, 'pid')}; ${noise}" }
  - device: { id: attic }
    input: { source: command, command: "sleep 1; exit 3" }
`,
    );
    daemon = new Program(['run', '--config', config]);
  });
  afterAll(async () => {
    await daemon?.kill();
    await broker?.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const last = (topic: string) => seen.on(topic).at(-1);

  it('is a device for each, with one network, and an alarm of one is no alarm of another', async () => {
    for (const id of ['bath', 'hall'])
      await seen.waitFor(`bathnet/${id}/input/availability`, (payload) => payload === 'online');
    const event = JSON.parse(await seen.waitFor('bathnet/bath/event'));
    expect(event).toMatchObject({ event_type: 'alarm_started', kind: 'breaking' });
    for (const id of ['bath', 'hall', 'attic'])
      expect(seen.on(`homeassistant/device/${id}/config`), id).toHaveLength(1);
    for (const id of ['hall', 'attic']) expect(seen.on(`bathnet/${id}/event`), id).toEqual([]);
    expect(daemon.stderr.match(/"device":"(bath|hall|attic)"[^\n]*"model loaded"/g)).toHaveLength(3);
  });

  it('loses one without a word to the others', async () => {
    await seen.waitFor('bathnet/attic/health', (payload) => JSON.parse(payload).problems.length > 0);
    expect(last('bathnet/attic/input/availability')).not.toBe('online');
    expect(last('bathnet/hall/input/availability')).toBe('online');
    expect(last('bathnet/hall/availability')).toBe('online');
    const before = seen.on('bathnet/bath/class').length;
    await until(() => seen.on('bathnet/bath/class').length > before + 2, 'the first hears no more');
  });

  it('says of the one that is deaf wherever anybody asks whether all is well; bathnet_hears is of each', async () => {
    await until(
      async () => (await healthOf(daemon, 'bath'))[1] === 'attic: no_sound\n',
      'the deaf one is not named',
    );
    expect(await healthOf(daemon, 'hall')).toEqual([503, 'attic: no_sound\n']);
    for (const [id, hears] of [
      ['bath', 1],
      ['attic', 0],
    ] as const)
      expect(await (await fetch(`${await urlOf(daemon, id)}metrics`)).text()).toContain(
        `\nbathnet_hears ${hears}\n`,
      );
  });

  it('takes settings of each for itself, keeps them apart, and stops as one', async () => {
    const ofTheBundle = last('bathnet/bath/threshold');
    broker.publish('bathnet/hall/threshold/set', '0.65');
    await seen.waitFor('bathnet/hall/threshold', (payload) => payload === '0.65');
    expect(last('bathnet/bath/threshold')).toBe(ofTheBundle);
    expect((await daemon.kill()).code).toBe(0);
    for (const id of ['bath', 'hall', 'attic'])
      await seen.waitFor(`bathnet/${id}/availability`, (payload) => payload === 'offline');
  });
});

describe.skipIf(skip)('of several microphones one that another process has', () => {
  let dir: string;
  let broker: Mosquitto;
  let seen: Subscription;
  const running: Program[] = [];
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bathnet-taken-'));
    broker = await Mosquitto.start();
    seen = await broker.subscribe('#');
  });
  afterAll(async () => {
    await Promise.all(running.map((program) => program.kill('SIGKILL')));
    await broker?.close();
    rmSync(dir, { recursive: true, force: true });
  });
  function start(...ids: string[]): Program {
    const config = join(dir, `${ids.join('-')}.yaml`);
    const inputs = ids.map((id) => ({ device: { id }, input: { source: 'command', command: noise } }));
    const web = { enabled: true, port: 0 };
    const stateDir = join(dir, 'state');
    writeFileSync(config, JSON.stringify({ mqtt: { url: broker.url }, stateDir, web, inputs }));
    const program = new Program(['run', '--config', config]);
    running.push(program);
    return program;
  }
  const problemsOf = (id: string): string[] =>
    JSON.parse(seen.on(`bathnet/${id}/health`).at(-1) ?? '{}').problems;

  it('is named and waited for, while the others hear; it starts when it is free', async () => {
    const owner = start('hall');
    await until(() => owner.stderr.includes('sound arrives'), 'the owner does not hear');
    const daemon = start('hall', 'bath');
    await seen.waitFor('bathnet/bath/input/availability', (payload) => payload === 'online');
    await until(() => problemsOf('bath').includes('input_taken'), 'it is not named');
    const taken = 'hall: another process has it\n';
    await until(async () => (await healthOf(daemon, 'bath'))[1] === taken, 'monitoring is not told');
    expect(daemon.stderr).toMatch(/"device":"hall","problem":"the device hall is in the hands of another/);
    await owner.kill();
    await until(() => /"device":"hall"[^\n]*sound arrives/.test(daemon.stderr), 'it does not start');
    await until(() => problemsOf('bath').length === 0, 'it is named for ever');
    await until(async () => (await healthOf(daemon, 'bath'))[0] === 200, 'monitoring hears of it for ever');
    expect((await daemon.kill()).code).toBe(0);
    await seen.waitFor('bathnet/hall/availability', (payload) => payload === 'offline');
  });

  it('keeps nobody who stops the others waiting; where all are taken, there is nothing to run', async () => {
    const owner = start('attic');
    await until(() => owner.stderr.includes('sound arrives'), 'the owner does not hear');
    const daemon = start('attic', 'toilet');
    await seen.waitFor('bathnet/toilet/input/availability', (payload) => payload === 'online');
    const second = await start('toilet', 'attic').ended;
    expect(second.code).toBe(69);
    expect(second.stderr).toContain('the device toilet is in the hands of another process');
    expect((await daemon.kill()).code).toBe(0);
  });
});

describe.skipIf(skip || lacksLibsystemd())('systemd (needs libsystemd.so.0)', () => {
  it('is told that the process lives also after one of its files has come to its end', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'bathnet-watchdog-'));
    const manager = openReceiver(join(dir, 'notify'));
    const broker = await Mosquitto.start();
    const ended = await broker.subscribe('bathnet/short/#');
    const file = join(dir, 'short.wav');
    await writeWav(file, [new Float32Array(32_000)]);
    const inputs = [
      { device: { id: 'short' }, input: { source: 'file', file } },
      { device: { id: 'hall' }, input: { source: 'command', command: noise } },
    ];
    const config = join(dir, 'config.yaml');
    writeFileSync(
      config,
      JSON.stringify({ mqtt: { url: broker.url }, stateDir: join(dir, 'state'), inputs }),
    );
    const daemon = new Program(['run', '--config', config], {
      NOTIFY_SOCKET: manager.path,
      WATCHDOG_USEC: '1000000',
    });
    const told: string[] = [];
    const count = (state: string) => {
      told.push(...manager.received());
      return told.filter((each) => each === state).length;
    };
    try {
      await ended.waitFor('bathnet/short/availability', (payload) => payload === 'offline');
      const before = count('WATCHDOG=1');
      await until(() => count('WATCHDOG=1') > before + 2, 'nobody tells the watchdog');
      expect([count('READY=1'), count('STOPPING=1')]).toEqual([1, 0]);
      expect(told).toContainEqual(expect.stringMatching(/^STATUS=.*short: ended/));
      expect((await daemon.kill()).code).toBe(0);
      expect(count('STOPPING=1')).toBe(1);
    } finally {
      await daemon.kill('SIGKILL');
      await broker.close();
      manager.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('is told that the process lives while a microphone may give nothing for long', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'bathnet-pause-'));
    const manager = openReceiver(join(dir, 'notify'));
    const broker = await Mosquitto.start();
    const command = `for i in $(seq 40); do head -c 3200 /dev/urandom; sleep 0.1; done; touch ${join(dir, 'paused')}; sleep 60`;
    const config = join(dir, 'config.yaml');
    const input = { source: 'command', command, noDataTimeoutSeconds: 60 };
    writeFileSync(
      config,
      JSON.stringify({
        mqtt: { url: broker.url },
        stateDir: join(dir, 'state'),
        device: { id: 'hall' },
        input,
      }),
    );
    const daemon = new Program(['run', '--config', config], {
      NOTIFY_SOCKET: manager.path,
      WATCHDOG_USEC: '1000000',
    });
    try {
      await until(() => existsSync(join(dir, 'paused')), 'it does not listen');
      await sleep(1500);
      manager.received();
      await sleep(1500);
      expect(manager.received()).toContain('WATCHDOG=1');
    } finally {
      await daemon.kill('SIGKILL');
      await broker.close();
      manager.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('goes on while the only microphone that is left waits for its device', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'bathnet-waits-'));
    const manager = openReceiver(join(dir, 'notify'));
    const broker = await Mosquitto.start();
    const seen = await broker.subscribe('bathnet/#');
    const file = join(dir, 'short.wav');
    await writeWav(file, [new Float32Array(32_000)]);
    const hall = { device: { id: 'hall' }, input: { source: 'command', command: noise } };
    const short = { device: { id: 'short' }, input: { source: 'file', file } };
    const start = (name: string, config: object, env = {}) => {
      const path = join(dir, name);
      const all = { mqtt: { url: broker.url }, stateDir: join(dir, 'state'), ...config };
      writeFileSync(path, JSON.stringify(all));
      return new Program(['run', '--config', path], env);
    };
    const holder = start('holder.yaml', hall);
    let daemon: Program | undefined;
    const told: string[] = [];
    const count = (state: string) => {
      told.push(...manager.received());
      return told.filter((each) => each === state).length;
    };
    const online = () =>
      seen.on('bathnet/hall/input/availability').filter((each) => each === 'online').length;
    try {
      await until(() => online() === 1, 'nobody has the device');
      const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '12000000' };
      daemon = start('both.yaml', { inputs: [hall, short] }, env);
      for (const state of ['online', 'offline'])
        await seen.waitFor('bathnet/short/availability', (payload) => payload === state);
      const before = count('WATCHDOG=1');
      await until(() => count('WATCHDOG=1') > before, 'nobody tells the watchdog');
      expect(count('STOPPING=1')).toBe(0);
      await holder.kill();
      await until(() => online() === 2, 'it does not start');
      expect((await daemon.kill()).code).toBe(0);
      expect([count('READY=1'), count('STOPPING=1')]).toEqual([1, 1]);
    } finally {
      await daemon?.kill('SIGKILL');
      await holder.kill('SIGKILL');
      await broker.close();
      manager.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
