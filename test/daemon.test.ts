import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Daemons, SCENE } from './support/daemon.js';
import { type BrokerSetup, Mosquitto, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';
import { slowDisk } from './support/slow-disk.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');
const BASE = 'bathnet/test';
const FAST_SCENE = ['--source', `file:${SCENE}`, '--speed', '20'];
const SLOW_SCENE = ['--source', `file:${SCENE}`, '--loop'];

let daemons: Daemons;
let broker: Mosquitto | undefined;
beforeEach(async () => {
  daemons = await Daemons.create();
});
afterEach(async () => {
  await daemons.close();
  await broker?.close();
  broker = undefined;
});

async function startBroker(setup?: BrokerSetup): Promise<Mosquitto> {
  broker = await Mosquitto.start(setup);
  return broker;
}

describe.skipIf(skip)('the daemon on a file, with a real broker', () => {
  const logins: [string, BrokerSetup][] = [
    ['anonymous', {}],
    ['password and TLS', { login: { username: 'bathnet', password: 'correct horse' }, tls: 'server' }],
    ['client certificate', { tls: 'mutual' }],
  ];

  it.each(logins)('tells the whole story and ends by itself (%s)', async (_, setup) => {
    const mosquitto = await startBroker(setup);
    const seen = await mosquitto.subscribe('#');
    writeFileSync(join(daemons.stateDir, 'password'), `${setup.login?.password}\n`);
    const settings = [
      ...(setup.login
        ? [`mqtt.username=${setup.login.username}`, `mqtt.passwordFile=${join(daemons.stateDir, 'password')}`]
        : []),
      ...(setup.tls ? [`mqtt.caFile=${mosquitto.file('ca.pem')}`] : []),
      ...(setup.tls === 'mutual'
        ? [`mqtt.certFile=${mosquitto.file('client.pem')}`, `mqtt.keyFile=${mosquitto.file('client.key')}`]
        : []),
    ].flatMap((setting) => ['--set', setting]);
    const { code, stderr } = await daemons.start(mosquitto.url, [...FAST_SCENE, ...settings]).ended;
    expect(code, stderr).toBe(0);
    if (setup.login) expect(stderr).not.toContain(setup.login.password);

    await seen.waitFor(`${BASE}/availability`, (payload) => payload === 'offline');
    expect(seen.on(`${BASE}/availability`)).toEqual(['online', 'offline']);
    // Before that `offline`, where the connection is there before the first window.
    expect(seen.on(`${BASE}/input/availability`).slice(-2)).toEqual(['online', 'offline']);
    const discovery = JSON.parse(seen.on('homeassistant/device/test/config')[0] as string);
    expect(discovery.cmps.sound.options).toEqual(['background', 'water', 'speech', 'abnormal']);

    const classes = seen.on(`${BASE}/class`).map((payload) => JSON.parse(payload));
    expect(new Set(classes.map(({ label }) => label)).size).toBeGreaterThan(1);
    const events = seen.on(`${BASE}/event`).map((payload) => JSON.parse(payload));
    expect(events.map(({ event_type }) => event_type)).toEqual([
      'alarm_started',
      'alarm_ended',
      'alarm_started',
      'alarm_ended',
    ]);
    expect(events[0].episodeId).toBe(events[1].episodeId);
    expect(events[1]).toMatchObject({ endedBy: 'silence', replayed: false });
    // OFF at the start; ON is around its events, and only its start and end are said.
    expect(seen.on(`${BASE}/alarm`)).toEqual(['OFF', 'ON', 'OFF', 'ON', 'OFF']);
    const order = seen.messages.map(({ topic, payload }) => (topic === `${BASE}/alarm` ? payload : topic));
    expect(order.indexOf('ON')).toBeLessThan(order.indexOf(`${BASE}/event`));
  });

  it('leaves its states retained and its events not', async () => {
    const mosquitto = await startBroker();
    await daemons.start(mosquitto.url, FAST_SCENE).ended;
    const late = await mosquitto.subscribe('#');
    // What is retained comes in any order, but before this.
    mosquitto.publish('end', 'x');
    await late.waitFor('end');
    const states = late.messages.filter(({ topic }) => topic !== 'end');
    const topics = states.map(({ topic, retained }) => (retained ? topic : `not retained: ${topic}`));
    expect(new Set(topics)).toEqual(
      new Set([
        `${BASE}/availability`,
        `${BASE}/input/availability`,
        `${BASE}/alarm`,
        `${BASE}/class`,
        `${BASE}/level`,
        `${BASE}/health`,
        ...['enabled', 'threshold', 'hits', 'window', 'cooldownSeconds', 'sensitivity'].map(
          (name) => `${BASE}/${name}`,
        ),
        ...['water', 'speech', 'occupied'].map((name) => `${BASE}/${name}`),
        ...['speech', 'water'].map((name) => `${BASE}/last_heard/${name}`),
        ...['threshold', 'hits', 'holdSeconds'].map((name) => `${BASE}/smoke_alarm_${name}`),
        ...['sound/smoke_alarm', 'sound/co_alarm', 'co_alarm_holdSeconds'].map((name) => `${BASE}/${name}`),
        'homeassistant/device/test/config',
      ]),
    );
    expect(late.on(`${BASE}/alarm`)).toEqual(['OFF']);
  });

  it('says when speech and water were last heard, and says it again after a restart that the broker has not seen', async () => {
    const mosquitto = await startBroker();
    const seen = await mosquitto.subscribe(`${BASE}/last_heard/#`);
    await daemons.start(mosquitto.url, FAST_SCENE).ended;
    const topics = ['speech', 'water'].map((name) => `${BASE}/last_heard/${name}`);
    for (const topic of topics) {
      const ages = seen.on(topic).map((time) => Date.now() - Date.parse(time));
      // When it is first heard, and at the end.
      expect(ages).toEqual([...ages].sort((a, b) => b - a));
      expect(ages.length).toBe(2);
    }
    await mosquitto.close();
    const other = await startBroker();
    const again = await other.subscribe(`${BASE}/last_heard/#`);
    daemons.start(other.url, ['--source', 'command:exec sleep 60']);
    for (const topic of topics) expect(await again.waitFor(topic)).toBe(seen.on(topic)[1]);
  });

  it('is declared offline by the broker when it is killed, and ends the alarm it left open when it is back', async () => {
    const mosquitto = await startBroker();
    const seen = await mosquitto.subscribe(`${BASE}/#`);
    const first = daemons.start(mosquitto.url, [
      ...FAST_SCENE,
      '--set',
      'alarm.releaseSeconds=1000',
      '--loop',
    ]);
    const started = JSON.parse(await seen.waitFor(`${BASE}/event`));
    // Told at once, and kept as soon as the disk has it.
    await until(
      () => existsSync(join(daemons.deviceDir, 'open-alarm.json')),
      () => first.stderr,
    );
    await first.kill('SIGKILL');
    await seen.waitFor(`${BASE}/availability`, (payload) => payload === 'offline');
    expect(seen.on(`${BASE}/alarm`).at(-1)).toBe('ON');

    daemons.start(mosquitto.url, SLOW_SCENE);
    const ended = JSON.parse(
      await seen.waitFor(`${BASE}/event`, (payload) => payload.includes('alarm_ended')),
    );
    expect(ended).toMatchObject({ episodeId: started.episodeId, endedBy: 'restart', label: 'abnormal' });
    await until(() => seen.on(`${BASE}/alarm`).at(-1) === 'OFF', 'the alarm is not off');
  });

  it('says everything again when the broker comes back, also when it was not there at first', async () => {
    broker = await Mosquitto.prepare();
    const daemon = daemons.start(broker.url, SLOW_SCENE);
    await until(
      () => daemon.stderr.includes('nothing listens there'),
      () => `not said: ${daemon.stderr}`,
    );
    for (let i = 0; i < 2; i++) {
      await broker.run();
      const seen = await broker.subscribe('#');
      await seen.waitFor(`${BASE}/availability`, (payload) => payload === 'online');
      for (const topic of ['alarm', 'class', 'level', 'health', 'input/availability'])
        await seen.waitFor(`${BASE}/${topic}`);
      await seen.waitFor('homeassistant/device/test/config');
      await broker.stop();
      await until(() => daemon.stderr.includes('connection to the MQTT broker lost'), 'loss was not noticed');
    }
  });

  it('ends an open alarm when it is stopped', async () => {
    const mosquitto = await startBroker();
    const seen = await mosquitto.subscribe(`${BASE}/#`);
    const daemon = daemons.start(mosquitto.url, [
      ...FAST_SCENE,
      '--loop',
      '--set',
      'alarm.releaseSeconds=1000',
    ]);
    await seen.waitFor(`${BASE}/event`);
    const { code } = await daemon.kill('SIGTERM');
    expect(code).toBe(0);
    const ended = JSON.parse(
      await seen.waitFor(`${BASE}/event`, (payload) => payload.includes('alarm_ended')),
    );
    expect(ended.endedBy).toBe('stop');
    await seen.waitFor(`${BASE}/availability`, (payload) => payload === 'offline');
    expect(seen.on(`${BASE}/alarm`).at(-1)).toBe('OFF');
  });

  it('publishes the classes of whatever model it is given', async () => {
    const mosquitto = await startBroker();
    const seen = await mosquitto.subscribe('#');
    const { code } = await daemons.start(mosquitto.url, [
      ...[...FAST_SCENE, '--head', 'audioset'],
      ...['--set', 'alarm.labels=Speech', '--set', 'alarm.threshold=0.5', '--set', 'publish.scores=true'],
    ]).ended;
    expect(code).toBe(0);
    const started = JSON.parse(await seen.waitFor(`${BASE}/event`));
    expect(started).toMatchObject({ event_type: 'alarm_started', label: 'Speech' });
    const { cmps } = JSON.parse(seen.on('homeassistant/device/test/config')[0] as string);
    expect(cmps.sound.options).toHaveLength(521);
    expect(cmps.alarm.name).toBe('Speech sound');
    expect(seen.on(`${BASE}/scores`).length).toBeGreaterThan(10);
  });
});

describe.skipIf(skip)('a daemon that hears nothing', () => {
  it('says so although bytes arrive, turns the microphone to a problem, and takes it back when sound is there', async () => {
    const mosquitto = await startBroker();
    const seen = await mosquitto.subscribe(`${BASE}/#`);
    const daemon = daemons.start(mosquitto.url, ['--source', 'stdin']);
    const problems = () => JSON.parse(seen.on(`${BASE}/health`).at(-1) ?? '{}').problems;
    daemon.stdin?.write(Buffer.alloc(2 * 16_000 * 61));
    await until(
      () => problems()?.includes('microphone_zero'),
      () => daemon.stderr,
    );
    await until(() => seen.on(`${BASE}/input/availability`).at(-1) === 'offline', 'still online');
    expect(daemon.stderr).toMatch(/stdin gives only digital silence/);
    daemon.stdin?.write(randomBytes(2 * 16_000 * 5).map((byte, i) => (i % 2 ? byte >> 6 : byte)));
    await until(
      () => problems()?.length === 0,
      () => daemon.stderr,
    );
    expect(seen.on(`${BASE}/input/availability`).at(-1)).toBe('online');
  });
});

describe.skipIf(skip)('a daemon whose log nobody reads', () => {
  it('goes on, and ends when it is told to', async () => {
    const mosquitto = await startBroker();
    const seen = await mosquitto.subscribe(`${BASE}/#`);
    // Each line of the source's stderr is a line of the log: 20,000 a second, which the daemon has time for.
    const talk = 'while yes talks | head -n 2000 >&2; do sleep 0.1; done';
    const source = `command:${talk} & while head -c 3200 /dev/urandom; do sleep 0.1; done`;
    const daemon = daemons.start(mosquitto.url, ['--source', source, '--log-level', 'debug']);
    daemon.stall();
    await seen.waitFor(`${BASE}/level`);
    const before = seen.on(`${BASE}/level`).length;
    await until(
      () => seen.on(`${BASE}/level`).length >= before + 2,
      () => 'it stands still',
    );
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
  });
});

describe.skipIf(skip || lacksPrograms('cc'))('a daemon on a disk whose syncs take 2 s', () => {
  it('tells of an alarm at once, and keeps it all the same', async () => {
    const mosquitto = await startBroker();
    const seen = await mosquitto.subscribe(`${BASE}/#`);
    const daemon = daemons.start(
      mosquitto.url,
      [...FAST_SCENE, '--loop', '--set', 'alarm.releaseSeconds=1000'],
      slowDisk(daemons.stateDir, 2),
    );
    const started = JSON.parse(await seen.waitFor(`${BASE}/event`));
    expect(started).toMatchObject({ event_type: 'alarm_started', replayed: false });
    expect(started.latencyMs).toBeLessThan(1500);
    const kept = join(daemons.deviceDir, 'open-alarm.json');
    await until(
      () => existsSync(kept),
      () => daemon.stderr,
    );
  });
});

describe.skipIf(skip)('a daemon whose sound has another rate than declared', () => {
  it('names both rates in the log and the problem in health', async () => {
    const mosquitto = await startBroker();
    const seen = await mosquitto.subscribe(`${BASE}/#`);
    // 44.1 kHz stereo, as `parec --raw` gives it.
    const command = 'command:while head -c 17640 /dev/urandom; do sleep 0.1; done';
    const daemon = daemons.start(mosquitto.url, ['--source', command]);
    await seen.waitFor(`${BASE}/health`, (payload) => payload.includes('"wrong_sample_rate"'));
    expect(seen.on(`${BASE}/input/availability`).at(-1)).toBe('offline');
    expect(daemon.stderr).toMatch(/delivers \d+ samples a second, but input\.sampleRateHz is 16000/);
    expect(daemon.stderr).toContain('--set input.sampleRateHz=');
  });
});

describe('the daemon', () => {
  it('hears raw sound on stdin and ends when it ends', async () => {
    const daemon = daemons.start('mqtt://127.0.0.1:1', ['--source', 'stdin', '--set', 'log.level=info']);
    daemon.stdin?.end(Buffer.alloc(2 * 40_000));
    const { code, stderr } = await daemon.ended;
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('sound arrives from');
  });

  it('hears a source that takes 6 s to its first sound', async () => {
    const sound = 'sleep 6; while head -c 3200 /dev/urandom; do sleep 0.1; done';
    const daemon = daemons.start('mqtt://127.0.0.1:1', ['--source', `command:${sound}`]);
    await until(
      () => daemon.stderr.includes('sound arrives'),
      () => daemon.stderr,
    );
    expect(daemon.stderr).not.toContain('no sound from');
  });

  it('stops on a signal that comes while it starts', async () => {
    for (const afterMs of [150, 350, 600]) {
      const daemon = daemons.start('mqtt://127.0.0.1:1', SLOW_SCENE);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      // Before Node has read the program nobody can answer: then the signal ends it by itself.
      expect([0, null]).toContain((await daemon.kill('SIGTERM')).code);
    }
  });

  it('does not live on where its start fails, and says why', async () => {
    const pem = join(daemons.stateDir, 'ca.pem');
    writeFileSync(pem, 'no certificate');
    const args = [...SLOW_SCENE, '--set', `mqtt.caFile=${pem}`];
    const { code, stderr } = await daemons.start('mqtts://127.0.0.1:1', args).ended;
    expect(code).toBe(78);
    expect(stderr).toMatch(/error: TLS file .*ca\.pem cannot be used/);
  });

  it('does not end for good where a file that its configuration names is not there yet', async () => {
    const args = [...SLOW_SCENE, '--set', 'mqtt.caFile=/mnt/late/ca.pem'];
    const { code, stderr } = await daemons.start('mqtts://127.0.0.1:1', args).ended;
    expect(stderr).toMatch(/error: TLS file \/mnt\/late\/ca\.pem cannot be used: ENOENT/);
    expect(code).toBe(66); // with which its supervisor starts it again
  });

  it('stops at once on a signal, whatever the broker does', async () => {
    const daemon = daemons.start('mqtt://127.0.0.1:1', SLOW_SCENE);
    await until(
      () => daemon.stderr.includes('sound arrives'),
      () => daemon.stderr,
    );
    expect((await daemon.kill('SIGINT')).code).toBe(0);
  });

  it('says in one error what is wrong with a file, and exits with 66 or 65', async () => {
    const none = await daemons.start('mqtt://127.0.0.1:1', ['--source', 'file:/none.wav']).ended;
    expect(none.code).toBe(66);
    expect(none.stderr).toMatch(/error: \/none\.wav: .*\n {2}hint: /);
  });
});
