import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { SENSITIVITIES } from '../src/constants.js';
import { bareEnvironment } from './support/environment.js';
import { Mosquitto, type Subscription, until } from './support/mosquitto.js';
import { PULSE_PROGRAMS, type Pulse, startPulse } from './support/pulse.js';
import { lacksPrograms } from './support/require.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const APP = join(root, 'bathnet2mqtt');
const text = (path: string) => readFileSync(join(APP, path), 'utf8');
const config = parse(text('config.yaml'));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * What the Supervisor demands of the keys that are used, and of no others: supervisor/apps/validate.py and options.py
 * of home-assistant/supervisor, 2026.
 */
const OPTION = /^(?:bool|email|url|port|str|int(?:\(-?\d*,-?\d*\))?|list\(.+\))\??$/;
const rules = z.strictObject({
  name: z.string(),
  version: z.string(),
  slug: z.string().regex(/^[-_.A-Za-z0-9]+$/),
  description: z.string(),
  url: z.url(),
  arch: z.array(z.enum(['aarch64', 'amd64'])),
  image: z.string().regex(/^([a-zA-Z\-.:\d{}]+\/)*?([-\w{}]+)\/([-\w{}]+)$/),
  stage: z.enum(['stable', 'experimental', 'deprecated']),
  audio: z.boolean(),
  services: z.array(z.string().regex(/^(mqtt|mysql):(provide|want|need)$/)),
  ingress: z.boolean(),
  panel_icon: z.string().startsWith('mdi:'),
  panel_title: z.string(),
  timeout: z.int().min(10).max(300),
  options: z.record(z.string(), z.union([z.string(), z.int(), z.array(z.string())])),
  schema: z.record(z.string(), z.union([z.string().regex(OPTION), z.array(z.string().regex(OPTION))])),
});

describe('the app for Home Assistant', () => {
  it('is configured as the Supervisor demands, in the version of the program', () => {
    expect(rules.parse(config)).toMatchObject({ version, slug: 'bathnet2mqtt', ingress: true, audio: true });
    expect(parse(readFileSync(join(root, 'repository.yaml'), 'utf8'))).toEqual({
      name: expect.any(String),
      url: config.url,
      maintainer: expect.any(String),
    });
    expect(text('apparmor.txt')).toContain(`profile ${config.slug} `);
    expect(text('CHANGELOG.md')).toContain(`## ${version}`);
  });

  it('has a default for every option that is demanded, and none for the others', () => {
    const demanded = Object.entries<string | string[]>(config.schema).filter(
      ([, type]) => !String(type).endsWith('?'),
    );
    expect(Object.keys(config.options)).toEqual(demanded.map(([name]) => name));
    expect(config.schema.sensitivity).toBe(`list(${SENSITIVITIES.join('|')})`);
  });

  it.each(readdirSync(join(APP, 'translations')))('names and explains every option in %s', (file) => {
    const { configuration } = parse(text(`translations/${file}`));
    expect(Object.keys(configuration)).toEqual(Object.keys(config.schema));
    for (const each of Object.values(configuration))
      expect(each).toEqual({ name: expect.any(String), description: expect.any(String) });
  });

  it.each([
    ['icon.png', 128, 128],
    ['logo.png', 250, 100],
  ])('has %s in the size that is asked for', (file, width, height) => {
    const png = readFileSync(join(APP, file));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([width, height]);
  });
});

const skip = lacksPrograms('mosquitto', 'mosquitto_sub', ...PULSE_PROGRAMS);
const LOGIN = { username: 'addons', password: 'given by the Supervisor' };

describe.skipIf(skip)('the app, started', () => {
  let folder: string;
  let broker: Mosquitto;
  let pulse: Pulse;
  let supervisor: Server;
  let answer: { status: number; body: object };
  let asked: string[];
  let app: ChildProcess | undefined;
  let said = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bathnet-app-'));
    [broker, pulse] = await Promise.all([Mosquitto.start({ login: LOGIN }), startPulse()]);
    const data = { host: '127.0.0.1', port: broker.port, ssl: false, protocol: '3.1.1', ...LOGIN };
    answer = { status: 200, body: { result: 'ok', data: { addon: 'core_mosquitto', ...data } } };
    asked = [];
    supervisor = createServer(({ url, headers }, response) => {
      asked.push(`${url} ${headers.authorization}`);
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer.body));
    }).listen(0, '127.0.0.1');
    await once(supervisor, 'listening');
  });
  afterEach(async () => {
    if (app && app.exitCode === null) {
      app.kill('SIGTERM'); // the daemon with it
      await once(app, 'exit');
    }
    supervisor.close();
    await Promise.all([broker.close(), pulse.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  async function start(options: object, env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
    await writeFile(join(folder, 'options.json'), JSON.stringify({ ...config.options, ...options }));
    const api = `http://127.0.0.1:${(supervisor.address() as AddressInfo).port}`;
    said = '';
    app = spawn(process.execPath, [join(APP, 'start.mjs'), folder], {
      env: { ...bareEnvironment(), ...pulse.env, SUPERVISOR_API: api, SUPERVISOR_TOKEN: 'a token', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [app.stdout, app.stderr])
      stream?.on('data', (chunk) => {
        said += chunk;
      });
    return app;
  }

  it("hears the sound server's microphone, and has broker and password from the Supervisor", async () => {
    const seen = await broker.subscribe('#');
    const own = ['device.id=app', 'web.port=0', 'alarm.cooldownSeconds=33'];
    const running = await start({ name: 'Guest toilet', sensitivity: 'high', settings: own });
    await seen.waitFor('bathnet/app/input/availability', (payload) => payload === 'online');
    await seen.waitFor('bathnet/app/sensitivity', (payload) => payload === 'high');
    await seen.waitFor('bathnet/app/cooldownSeconds', (payload) => payload === '33');
    const device = JSON.parse(await seen.waitFor('homeassistant/device/app/config'));
    expect(device.dev.name).toBe('Guest toilet');
    expect(asked).toEqual(['/services/mqtt Bearer a token']);
    await until(
      () => /"url":"http:/.test(said),
      () => `no page: ${said}`,
    );
    expect(readFileSync(`/proc/${running.pid}/cmdline`, 'utf8')).not.toContain(LOGIN.password);
    running.kill('SIGTERM');
    const [code] = await once(running, 'exit');
    expect(code, said).toBe(0);
    await seen.waitFor('bathnet/app/availability', (payload) => payload === 'offline');
    expect(readdirSync(join(folder, 'state', 'devices'))).toEqual(['app']);
  });

  const own = ['device.id=app', 'web.port=0'];
  const online = (at: Mosquitto) => at.subscribe('bathnet/app/availability');
  const isOnline = (seen: Subscription) =>
    seen.waitFor('bathnet/app/availability', (payload) => payload === 'online');

  it('says what to do where there is no broker, listens all the same, and goes to any that comes', async () => {
    const known = answer;
    answer = { status: 400, body: { result: 'error', message: 'Service not enabled' } };
    await start({ settings: own });
    await until(
      () => said.includes('sound arrives from'),
      () => `it does not listen: ${said}`,
    );
    expect(said).toMatch(/^error: no MQTT broker: Service not enabled\n {2}hint: Install and start the app/);
    const seen = await online(broker);
    answer = known;
    await isOnline(seen);

    const password = 'that of a broker that was installed anew';
    const anew = await Mosquitto.start({ login: { ...LOGIN, password } });
    try {
      const after = await online(anew);
      const data = { host: '127.0.0.1', port: anew.port, ssl: false, ...LOGIN, password };
      answer = { status: 200, body: { result: 'ok', data } };
      await isOnline(after);
    } finally {
      await anew.close();
    }
    expect(said.match(/no MQTT broker/g)).toHaveLength(1);
  });

  it('is started again when it ends, which the Supervisor does not do by itself', async () => {
    const running = await start({ settings: own });
    const listens = (times: number) =>
      until(
        () => (said.match(/sound arrives from/g) ?? []).length === times,
        () => `it does not listen: ${said}`,
      );
    await listens(1);
    const { pid } = running;
    const daemon = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    expect(readFileSync(`/proc/${daemon}/cmdline`, 'utf8')).toContain('main.js');
    process.kill(Number(daemon), 'SIGKILL');
    await listens(2);
    await isOnline(await online(broker));
    running.kill('SIGTERM');
    expect((await once(running, 'exit'))[0]).toBe(0);
  });

  it('starts the daemon as soon as the system lets it, where it does not at first', async () => {
    const preload = join(folder, 'preload.mjs');
    await writeFile(
      preload,
      `import child from 'node:child_process';
      import { syncBuiltinESMExports } from 'node:module';
      const { spawn } = child;
      const refuse = () => { throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' }); };
      const none = (_, args, options) => spawn('/none', args, options);
      const first = [refuse, none];
      child.spawn = (...args) => (process.argv[1].endsWith('start.mjs') && first.shift() || spawn)(...args);
      syncBuiltinESMExports();`,
    );
    const running = await start({ settings: own }, { NODE_OPTIONS: `--import ${preload}` });
    await until(
      () => said.includes('sound arrives from'),
      () => `it does not listen: ${said}`,
    );
    expect(said).toContain('The daemon cannot be started now (spawn ENOMEM); it is tried again.');
    expect(said).toContain('The daemon cannot be started now (spawn /none ENOENT); it is tried again.');
    running.kill('SIGTERM');
    expect((await once(running, 'exit'))[0]).toBe(0);
  });

  it('asks nobody where a broker is named', async () => {
    const seen = await broker.subscribe('#');
    await writeFile(join(folder, 'password'), LOGIN.password);
    await start({
      settings: [
        ...['device.id=app', 'web.port=0', `mqtt.url=${broker.url}`],
        ...[`mqtt.username=${LOGIN.username}`, `mqtt.passwordFile=${join(folder, 'password')}`],
      ],
    });
    await until(
      () => seen.on('bathnet/app/availability').includes('online'),
      () => `not online: ${said}`,
      60_000,
    );
    expect(asked).toEqual([]);
  });

  it.each<[string, object]>([
    ['settings: "water" is no setting', { settings: ['water'] }],
    ['microphone: "a; reboot" is no name of a source', { microphone: 'a; reboot' }],
    ['sense.waterMinutes', { settings: ['sense.waterMinutes=long'] }],
  ])('refuses what is wrong: %s', async (reason, options) => {
    const [code] = await once(await start(options), 'exit');
    expect({ code, said }).toEqual({ code: 78, said: expect.stringContaining(reason) });
  });
});
