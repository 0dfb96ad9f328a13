import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkTopics } from '../../src/commands/doctor/topics.js';
import { visitBroker } from '../../src/commands/support/broker.js';
import { configFrom } from '../../src/commands/support/flags.js';
import { readBundle, writeBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { Daemons, run, SCENE } from '../support/daemon.js';
import { Mosquitto } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { lacksTerminal, runOnTerminal } from '../support/terminal.js';

const ALL_BUT_EVENTS = 'readwrite #\ntopic deny bathnet/test/event';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'bathnet-doctor-'));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const doctor = (url: string, ...args: string[]) =>
  run(['doctor', '--mqtt-url', url, '--set', `stateDir=${stateDir}`, '--set', 'device.id=test', ...args]);

describe('doctor', () => {
  it('names every part that fails, says what to do, and exits with the code of the first', async () => {
    const { code, stdout } = await doctor('mqtt://127.0.0.1:1', '--source', 'command:exit 3');
    expect(stdout).toMatch(/^ok {4}node: 20|^ok {4}node: 2\d/m);
    expect(stdout).toMatch(/^ok {4}model: bathnet-mini .* ms per window$/m);
    expect(stdout).toMatch(/^FAIL {2}microphone: .*\n {6}→ /m);
    expect(stdout).toMatch(/^FAIL {2}broker: no connection to .*nothing listens there.*\n {6}→ /m);
    expect(code).toBe(69);
  });

  it('stops at a configuration that is wrong', async () => {
    const { code, stdout } = await doctor('nonsense');
    expect(stdout).toMatch(/^FAIL {2}configuration: .*\n {2}mqtt\.url: expected an address/m);
    expect(code).toBe(78);
  });

  it('gives all checks as one JSON object, with the same exit code', async () => {
    const silence = ['--source', 'command:cat /dev/zero'];
    const { code, stdout } = await doctor('mqtt://127.0.0.1:1', ...silence, '--json');
    const { ok, checks } = JSON.parse(stdout);
    expect(ok).toBe(false);
    expect(checks).toEqual([
      { name: 'node', status: 'ok', detail: expect.any(String) },
      { name: 'configuration', status: 'ok', detail: 'valid' },
      { name: 'model', status: 'ok', detail: expect.stringMatching(/^bathnet-mini /) },
      {
        name: 'detection',
        status: 'ok',
        detail: expect.stringMatching(/^on, for abnormal, impact, .*: 3 of 4 windows/),
      },
      { name: 'microphone', status: 'warn', detail: expect.any(String), hint: expect.any(String) },
      {
        name: 'sounds',
        status: 'ok',
        detail:
          'smoke_alarm by "Smoke detector, smoke alarm" or "Fire alarm" from 0.04, 3 times in 10 s, or by its rhythm, T3; co_alarm by its rhythm, T4',
      },
      { name: 'broker', status: 'fail', detail: expect.any(String), hint: expect.any(String) },
    ]);
    expect(code).toBe(69);
  });

  it('is in colour where it is forced, and plain in a pipe', async () => {
    const forced = await run(['doctor', '--mqtt-url', 'nonsense'], { FORCE_COLOR: '1' });
    expect(forced.stdout).toContain('\x1b[31m\x1b[1mFAIL\x1b[22m\x1b[39m  \x1b[1mconfiguration');
    expect((await run(['doctor', '--mqtt-url', 'nonsense'])).stdout).not.toContain('\x1b');
  });

  it.skipIf(lacksTerminal())('minds the terminal and NO_COLOR', async () => {
    const args = ['doctor', '--mqtt-url', 'nonsense'];
    expect((await runOnTerminal(args)).screen).toContain('\x1b[31m');
    expect((await runOnTerminal(args, { NO_COLOR: '1' })).screen).not.toContain('\x1b');
    expect((await runOnTerminal(args, { TERM: 'dumb' })).screen).not.toContain('\x1b');
    expect((await runOnTerminal(args)).code).toBe(78);
  });

  it.each([
    ['Europe/Berlin', /^ok {4}quiet hours: from 22:00 to 07:00, .* \(Europe\/Berlin, UTC\+0[12]:00\)$/m],
    [
      '"Europe/Berlin"',
      /^note {2}quiet hours: .* \(UTC\): TZ is .* no time zone\n {6}→ .*TZ=Europe\/Berlin$/m,
    ],
  ])('says by which time quiet hours are: TZ=%s', async (TZ, line) => {
    const quietHours = ['from=22:00', 'to=7:00', 'threshold=0.9'].flatMap((each) => [
      '--set',
      `quietHours.${each}`,
    ]);
    const args = ['--mqtt-url', 'mqtt://127.0.0.1:1', '--source', 'command:exit 3', ...quietHours];
    expect((await run(['doctor', '--set', `stateDir=${stateDir}`, ...args], { TZ })).stdout).toMatch(line);
  });

  it('notes that detection was switched off, or that hardly anything could alarm', async () => {
    const sound = ['--source', 'command:cat /dev/zero'];
    writeFileSync(join(stateDir, 'settings.json'), '{"enabled":false}');
    const off = await doctor('mqtt://127.0.0.1:1', ...sound);
    expect(off.stdout).toMatch(/^note {2}detection: detection is switched off.*\n {6}→ .*--reset-settings/m);
    const deviceDir = join(stateDir, 'devices', 'test');
    mkdirSync(deviceDir, { recursive: true });
    writeFileSync(join(deviceDir, 'settings.json'), '{"hits":100,"window":100}');
    const blunt = await doctor('mqtt://127.0.0.1:1', ...sound, '--set', 'alarm.kinds=[]');
    expect(blunt.stdout).toMatch(/^note {2}detection: hardly anything can raise the alarm: 100 windows/m);
  });

  it.each([
    [
      'mine',
      { classes: ['Smoke'] },
      /^FAIL {2}sounds: .*no class "Smoke"\n {6}→ .*"Smoke detector, smoke alarm"/m,
    ],
    ['dog', { threshold: 1 }, /^note {2}sounds: dog hardly comes: .*\. Watched: .*dog by "Dog"/m],
    ['dog', { threshold: 0 }, /^note {2}sounds: dog is always on: .*\n {6}→ Raise .*sounds\.dog\.threshold/m],
    [
      'dog',
      { hits: 20 },
      /^note {2}sounds: dog never comes: 20 windows take 9\.1 s, .* within 5 s\. .*\n {6}→ .* to 10/m,
    ],
    ['co_alarm', { threshold: 1 }, /^ok {4}sounds: /m],
  ])('says of a sound whether it can come: %s, %j', async (id, sound, line) => {
    const config = join(stateDir, 'config.yaml');
    writeFileSync(config, JSON.stringify({ sounds: { [id]: sound } }));
    const { code, stdout } = await doctor(
      'mqtt://127.0.0.1:1',
      '--source',
      'command:cat /dev/zero',
      '--config',
      config,
    );
    expect(stdout).toMatch(line);
    expect(code).toBe(id === 'mine' ? 78 : 69);
  });

  it('says what watches a sound of a model that has no AudioSet classes', async () => {
    const { manifest, tensors } = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
    const { trained } = manifest.heads;
    const plain = join(stateDir, 'plain');
    const own = new Map([...tensors].filter(([name]) => !name.startsWith('heads.audioset')));
    await writeBundle(plain, { ...manifest, heads: { trained: trained! }, defaultHead: 'trained' }, own);
    const silence = ['--source', 'command:cat /dev/zero', '--model', plain];
    const usual = await doctor('mqtt://127.0.0.1:1', ...silence);
    expect(usual.stdout).toMatch(
      /^ok {4}sounds: smoke_alarm by its rhythm, T3; co_alarm by its rhythm, T4$/m,
    );
    const dog = await doctor('mqtt://127.0.0.1:1', ...silence, '--set', 'sounds.dog=true');
    expect(dog.stdout).toMatch(/^FAIL {2}sounds: sounds\.dog: this model has no AudioSet classes.*\n {6}→ /m);
  });

  it('notes a sound that would be on all the time in what it hears, by the threshold that was set over MQTT', async () => {
    const config = join(stateDir, 'config.yaml');
    writeFileSync(config, JSON.stringify({ sounds: { mine: { classes: ['Bird'], threshold: 0.9 } } }));
    const scene = ['--source', `file:${SCENE}`, '--config', config];
    const usual = await doctor('mqtt://127.0.0.1:1', ...scene);
    expect(usual.stdout).toMatch(/^ok {4}sounds: .*mine by /m);
    const deviceDir = join(stateDir, 'devices', 'test');
    mkdirSync(deviceDir, { recursive: true });
    writeFileSync(join(deviceDir, 'sounds.json'), '{"mine":{"threshold":0.000001}}');
    const low = await doctor('mqtt://127.0.0.1:1', ...scene);
    expect(low.stdout).toMatch(
      /^note {2}sounds: mine would be on all the time in what was just heard\. Watched: .* from 0\.000001.*\n {6}→ .*raise sounds\.mine\.threshold above 0\.000001/m,
    );
  });

  it('says that a microphone gives nothing but zeros', async () => {
    const { stdout } = await doctor('mqtt://127.0.0.1:1', '--source', 'command:cat /dev/zero');
    expect(stdout).toMatch(/^note {2}microphone: .* gives only digital silence\n {6}→ Unmute it/m);
  });

  it('holds the rate of a microphone against the clock, and names both figures and the flags', async () => {
    const command = 'command:while head -c 17640 /dev/urandom; do sleep 0.05; done';
    const declared = ['--set', 'input.sampleRateHz=44100', '--set', 'input.channels=2'];
    const slow = await doctor('mqtt://127.0.0.1:1', '--source', command, ...declared);
    const wrong = await doctor('mqtt://127.0.0.1:1', '--source', command);
    expect([slow.code, wrong.code], slow.stderr + wrong.stderr).toEqual([69, 69]);
    expect(wrong.stdout).toMatch(
      /^note {2}microphone: .* delivers \d{5,6} samples a second, but input\.sampleRateHz is 16000\n {6}→ /m,
    );
    expect(slow.stdout).not.toMatch(/input\.sampleRateHz is 16000/);
  });

  it.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))(
    'leaves to a daemon that starts meanwhile what that says',
    async () => {
      const broker = await Mosquitto.start();
      broker.publish('bathnet/test/availability', 'offline', '-r');
      const config = configFrom({ mqttUrl: broker.url });
      const visit = await visitBroker(config, 'test-doctor');
      const daemon = await connectAsync(broker.url); // a program that has to start first may come too late
      try {
        const checking = checkTopics(config, visit, 'test');
        await new Promise((resolve) => setTimeout(resolve, 300)); // it has listened, and waits for what comes
        await daemon.publishAsync('bathnet/test/alarm', 'ON', { retain: true });
        await daemon.publishAsync('bathnet/test/availability', 'online', { retain: true });
        await checking;
        const seen = await broker.subscribe('bathnet/test/#');
        expect(await seen.waitFor('bathnet/test/alarm')).toBe('ON');
        expect(await seen.waitFor('bathnet/test/availability')).toBe('online');
      } finally {
        await daemon.endAsync(true);
        await visit.client.endAsync(true);
        await broker.close();
      }
    },
  );

  it.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))(
    'finds all well beside a running daemon, and does not disturb it',
    async () => {
      const broker = await Mosquitto.start();
      const daemons = await Daemons.create();
      try {
        const seen = await broker.subscribe('#');
        const before = await doctor(broker.url, '--source', `file:${SCENE}`);
        expect(before.stdout).toMatch(/^note {2}discovery: device test is not announced/m);
        expect(before.stdout).toMatch(/^ok {4}topics: 15 topics published and read back$/m);
        // Nothing of it stays.
        expect((await broker.subscribe('#')).messages).toEqual([]);
        daemons.start(broker.url, ['--source', `file:${SCENE}`, '--loop']);
        await seen.waitFor('bathnet/test/availability', (payload) => payload === 'online');
        const { code, stdout } = await doctor(broker.url, '--source', `file:${SCENE}`);
        expect(stdout).toMatch(/^ok {4}microphone: file .*level -\d+\.\d dBFS RMS/m);
        expect(stdout).toMatch(/^ok {4}discovery: device test is announced/m);
        expect(code).toBe(0);
        expect(stdout).toMatch(/^ok {4}topics: 2 topics published and read back$/m);
        const longStay = ['--source', `file:${SCENE}`, '--set', 'sense.longStayMinutes=30'];
        const missed = await doctor(broker.url, ...longStay);
        expect(missed.stdout).toMatch(
          /^note {2}topics: .*no stay is long until bathnet\/test\/occupied\/set says so\n {6}→ .*presence\.yaml/m,
        );
        broker.publish('bathnet/test/occupied/set', 'ON');
        await seen.waitFor('bathnet/test/occupied', (payload) => payload === 'ON');
        const told = await doctor(broker.url, ...longStay);
        expect(told.stdout).toMatch(/^ok {4}topics: 2 topics published and read back$/m);
        broker.publish('bathnet/test/enabled/set', 'OFF');
        await seen.waitFor('bathnet/test/enabled', (payload) => payload === 'OFF');
        // Of another state folder, as whoever calls doctor beside a service has.
        const off = await doctor(broker.url, '--source', `file:${SCENE}`);
        expect(off.stdout).toMatch(/^ok {4}detection: on/m);
        expect(off.stdout).toMatch(/^note {2}topics: .* says that detection is off: .*\n {6}→ Switch it on/m);
        const said = seen.on('bathnet/test/availability').filter((payload) => payload !== '');
        expect(said).toEqual(['online']);
      } finally {
        await daemons.close();
        await broker.close();
      }
    },
  );

  it.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))(
    'finds no fault with the access list that is proposed, beside a running daemon',
    async () => {
      const example = readFileSync(new URL('../../config/mosquitto/acl.example', import.meta.url), 'utf8');
      const acl = example.replaceAll('/bathroom/', '/test/');
      const broker = await Mosquitto.start({ login: { username: 'bathnet', password: 'secret' }, acl });
      const daemons = await Daemons.create();
      const login = ['--set', 'mqtt.username=bathnet', '--set', 'mqtt.password=secret'];
      try {
        const seen = await broker.subscribe('bathnet/#');
        daemons.start(broker.url, ['--source', `file:${SCENE}`, '--loop', ...login]);
        await seen.waitFor('bathnet/test/availability', (payload) => payload === 'online');
        const { code, stdout } = await doctor(broker.url, '--source', `file:${SCENE}`, ...login);
        expect(stdout).toMatch(/^note {2}discovery: .*\n.*this user may not read that topic/m);
        expect(stdout).toMatch(/^ok {4}topics: 2 topics published; this user may not read 2 of them back$/m);
        expect(code).toBe(0);
      } finally {
        await daemons.close();
        await broker.close();
      }
    },
  );

  it.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub')).each([
    ['5', 69, 'message', 'read #', /^FAIL {2}topics: .*not take .* bathnet\/test\/event \(.*not allow it\)/m],
    [
      '3.1.1',
      0,
      'message',
      'read #',
      /^note {2}topics: .*not hand back .*bathnet\/test\/event\n {6}→ It drops/m,
    ],
    ['5', 69, 'event', ALL_BUT_EVENTS, /^FAIL {2}topics: .*published on bathnet\/test\/event \(/m],
    [
      '3.1.1',
      0,
      'event',
      ALL_BUT_EVENTS,
      /^note {2}topics: .*hand back bathnet\/test\/event\n {6}→ It drops/m,
    ],
  ])(
    'finds out that an access list, MQTT %s (%d), lets no %s pass',
    async (protocol, exit, _, topic, said) => {
      const login = { username: 'bath', password: 'secret' };
      const broker = await Mosquitto.start({ login, acl: `user ${login.username}\ntopic ${topic}` });
      try {
        const settings = [`mqtt.protocol=${protocol}`, `mqtt.username=bath`, `mqtt.password=secret`];
        const flags = settings.flatMap((setting) => ['--set', setting]);
        const { code, stdout } = await doctor(broker.url, '--source', `file:${SCENE}`, ...flags);
        expect(stdout).toMatch(said);
        expect(code).toBe(exit);
      } finally {
        await broker.close();
      }
    },
  );
});
