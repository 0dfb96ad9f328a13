import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Aedes } from 'aedes';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { BIRTH_TOPIC } from '../../src/constants.js';
import { ExitCode } from '../../src/errors.js';
import { MqttPublisher } from '../../src/publish/client.js';
import { type Announcement, DEFAULT_TIMING, type MqttOptions } from '../../src/publish/options.js';
import { topicsOf } from '../../src/publish/topics.js';
import { systemClock } from '../../src/system/clock.js';
import type { Clock } from '../../src/types.js';
import { ManualClock } from '../support/clock.js';
import { type BrokerSetup, freePort, Mosquitto, makeCertificates, until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { recordingLog } from './samples.js';

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
const discovery = { topic: 'homeassistant/device/test/config', payload: '{"dev":{}}' };
const announcement: Announcement = { messages: [discovery], first: [], onDone: () => {} };
const EVERYTHING = ['bathnet/#', 'homeassistant/#'];
const QUICK = { reconnectMinMs: 20, reconnectMaxMs: 200, announceMinMs: 10, announceMaxMs: 20 };

const publishers: MqttPublisher[] = [];
const brokers: Mosquitto[] = [];

afterEach(async () => {
  await Promise.all(publishers.splice(0).map((publisher) => publisher.stop()));
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

async function startBroker(setup?: BrokerSetup): Promise<Mosquitto> {
  const broker = await Mosquitto.start(setup);
  brokers.push(broker);
  return broker;
}

/** A broker whose process the test starts itself. */
async function prepareBroker(): Promise<Mosquitto> {
  const broker = await Mosquitto.prepare();
  brokers.push(broker);
  return broker;
}

function publisherTo(url: string, changes: Partial<MqttOptions> = {}, clock: Clock = systemClock) {
  const log = recordingLog();
  const options: MqttOptions = {
    url,
    deviceId: 'test',
    topics,
    rejectUnauthorized: true,
    keepaliveSeconds: 30,
    outboxEvents: 1000,
    outboxBytes: 1e7,
    outboxDays: 30,
    ...changes,
    timing: { ...QUICK, ...changes.timing },
  };
  const publisher = new MqttPublisher(options, log, clock);
  publishers.push(publisher);
  return { publisher, log };
}

const connected = (publisher: MqttPublisher) => until(() => publisher.connected, 'not connected');
/** An event as it is kept, and how it is told apart when it arrives. */
const event = (i: number) => JSON.stringify({ i, at: new Date().toISOString() });
function told(payload: string): string {
  const { i, replayed } = JSON.parse(payload);
  return replayed ? `${i} replayed` : `${i}`;
}

it('gives every message a deadline of its own, so that one acknowledgement that never comes holds nothing back', async () => {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => new Promise((resolve) => broker.close(() => server.close(() => resolve()))));
  const events: string[] = [];
  let swallowed = false;
  broker.authorizePublish = (_client, { topic, payload }, done) => {
    if (topic !== topics.event) return done(null);
    if (!swallowed) {
      swallowed = true; // and never acknowledged
      return;
    }
    events.push(told(String(payload)));
    done(null);
  };
  const { publisher } = publisherTo(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    timing: { ackTimeoutMs: 300 },
  });
  publisher.start();
  await connected(publisher);
  publisher.sendEvent(topics.event, event(0));
  publisher.sendEvent(topics.event, event(1));
  // Levels go on, each handed to the network at once.
  const level = setInterval(() => publisher.setState(topics.level, '{}', 0), 20);
  onTestFinished(() => clearInterval(level));
  await until(() => events.length === 2, 'later events were held back');
  expect(events).toStrictEqual(['0 replayed', '1 replayed']);
});

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub', 'openssl'))('at a real broker', () => {
  it('retains states, and says that it is online only after them', async () => {
    const broker = await startBroker();
    const live = await broker.subscribe(...EVERYTHING);
    const { publisher } = publisherTo(broker.url, { announcement });
    publisher.start();
    publisher.setState(topics.alarm, 'OFF');
    publisher.setState(topics.level, '{}', 0);
    await live.waitFor(topics.availability);
    expect(live.messages.map(({ topic, payload, qos }) => [topic, payload, qos])).toStrictEqual([
      [discovery.topic, discovery.payload, 1],
      [topics.alarm, 'OFF', 1],
      [topics.level, '{}', 0],
      [topics.availability, 'online', 1],
    ]);
    const late = await broker.subscribe(...EVERYTHING);
    await until(() => late.messages.length === 4, 'the states were not retained');
    expect(late.messages.every(({ retained }) => retained)).toBe(true);
  });

  it('knows of a birth also where the connection breaks before it is answered', async () => {
    const broker = await startBroker();
    const { publisher } = publisherTo(broker.url, {
      announcement,
      timing: { announceMinMs: 500, announceMaxMs: 500 },
    });
    let births = 0;
    publisher.onHomeAssistant(() => births++);
    publisher.start();
    const live = await broker.subscribe(topics.availability);
    await live.waitFor(topics.availability, (payload) => payload === 'online');
    broker.publish(BIRTH_TOPIC, 'online');
    await sleep(200);
    await broker.stop();
    await until(() => !publisher.connected, 'the loss was not noticed');
    await broker.run();
    await until(() => births > 0, 'the birth is forgotten');
    await sleep(600);
    expect(births).toBe(1);
  });

  it('says all of it again on another birth topic, where that is where Home Assistant says it', async () => {
    const broker = await startBroker();
    const live = await broker.subscribe(topics.microphone);
    const { publisher } = publisherTo(broker.url, { announcement, birthTopic: 'home/birth' });
    publisher.setLiveState(topics.microphone, 'fine');
    publisher.start();
    await live.waitFor(topics.microphone);
    broker.publish('homeassistant/status', 'online');
    await until(() => {
      broker.publish('home/birth', 'online');
      return live.on(topics.microphone).length > 1;
    }, 'it was not said again');
  });

  it('repeats a live state when Home Assistant starts and never leaves it at the broker', async () => {
    const broker = await startBroker();
    const live = await broker.subscribe(topics.microphone);
    const { publisher } = publisherTo(broker.url, { announcement });
    publisher.setLiveState(topics.microphone, 'fine');
    publisher.start();
    await live.waitFor(topics.microphone);
    await until(() => {
      broker.publish('homeassistant/status', 'online');
      return live.on(topics.microphone).length > 1;
    }, 'it was not said again');
    const late = await broker.subscribe(topics.microphone, topics.availability);
    await late.waitFor(topics.availability);
    expect(late.messages.filter(({ retained }) => retained).map(({ topic }) => topic)).toStrictEqual([
      topics.availability,
    ]);
  });

  it('sends events once, with QoS 1 and never retained, and loose values while connected only', async () => {
    const broker = await startBroker();
    const live = await broker.subscribe(...EVERYTHING);
    const { publisher } = publisherTo(broker.url);
    publisher.start();
    publisher.send(topics.scores, 'lost');
    await connected(publisher);
    publisher.send(topics.scores, 'heard');
    for (let i = 0; i < 50; i++) publisher.sendEvent(topics.event, event(i));
    await until(() => live.on(topics.event).length >= 50, 'events are missing');
    expect(live.on(topics.event).map(told)).toStrictEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
    expect(live.on(topics.scores)).toStrictEqual(['heard']);
    expect(live.messages.find(({ topic }) => topic === topics.event)?.qos).toBe(1);
    await until(() => publisher.stats.queuedEvents === 0, 'events stay in the outbox');
    const late = await broker.subscribe(...EVERYTHING);
    await late.waitFor(topics.availability);
    expect([...late.on(topics.event), ...late.on(topics.scores)]).toStrictEqual([]);
  });

  it('lets the broker say offline when its process is killed', async () => {
    const broker = await startBroker();
    const live = await broker.subscribe(...EVERYTHING);
    const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD, broker.url], {
      stdio: 'inherit',
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await live.waitFor(topics.availability, (payload) => payload === 'online');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await live.waitFor(topics.availability, (payload) => payload === 'offline');
    const late = await broker.subscribe(...EVERYTHING);
    await late.waitFor(topics.availability, (payload) => payload === 'offline');
    expect(late.messages.every(({ retained }) => retained)).toBe(true);
  });

  it.each(['5', '3.1.1'] as const)(
    'says that it is there after somebody else said it is gone (MQTT %s)',
    async (protocol) => {
      const broker = await startBroker();
      const { publisher } = publisherTo(broker.url, { protocol });
      publisher.start();
      await connected(publisher);
      const live = await broker.subscribe(topics.availability);
      await live.waitFor(topics.availability, (payload) => payload === 'online');
      broker.publish(topics.availability, 'offline', '--retain');
      const words = () => live.messages.map(({ payload }) => payload).join();
      await until(() => words() === 'online,offline,online', words);
      await publisher.stop();
      await until(() => words() === 'online,offline,online,offline', words);
      const late = await broker.subscribe(topics.availability);
      await late.waitFor(topics.availability, (payload) => payload === 'offline');
    },
  );

  it('brings everything back after the broker was stopped and started', async () => {
    const broker = await startBroker();
    const { publisher, log } = publisherTo(broker.url, { announcement });
    publisher.start();
    publisher.setState(topics.alarm, 'OFF');
    await connected(publisher);
    await broker.stop();
    await until(() => !publisher.connected, 'the loss was not noticed');
    publisher.setState(topics.alarm, 'ON');
    publisher.setState(topics.class, 'old');
    publisher.setState(topics.class, 'new');
    await broker.run();
    await connected(publisher);
    const late = await broker.subscribe(...EVERYTHING);
    await late.waitFor(topics.availability, (payload) => payload === 'online');
    await late.waitFor(topics.class, (payload) => payload === 'new');
    await late.waitFor(topics.alarm, (payload) => payload === 'ON');
    await late.waitFor(discovery.topic);
    expect(publisher.stats.reconnects).toBe(1);
    expect(log.lines.join('\n')).toMatch(/warn connection to the MQTT broker lost/);
  });

  it('survives a broker that is down at first, and then sends the newest events in order as replayed', async () => {
    const broker = await prepareBroker();
    const clock = new ManualClock(); // holds the reconnect back until somebody listens
    const { publisher, log } = publisherTo(broker.url, { outboxEvents: 5 }, clock);
    publisher.start();
    for (let i = 0; i < 8; i++) publisher.sendEvent(topics.event, event(i));
    expect(publisher.stats).toMatchObject({ reconnects: 0, queuedEvents: 5, droppedEvents: 3 });
    expect(log.lines.filter((line) => line.startsWith('error too many events wait'))).toHaveLength(3);
    const unconnected = /^warn no connection to the MQTT broker: nothing listens there/;
    await until(() => log.lines.some((line) => unconnected.test(line)), 'that nobody listens was not logged');

    await broker.run();
    const live = await broker.subscribe(topics.event);
    await clock.advance(QUICK.reconnectMaxMs);
    await until(() => live.on(topics.event).length >= 5, 'events are missing');
    await connected(publisher);
    publisher.sendEvent(topics.event, event(8));
    await live.waitFor(topics.event, (payload) => told(payload) === '8');
    expect(live.on(topics.event).map(told)).toStrictEqual([
      ...[3, 4, 5, 6, 7].map((i) => `${i} replayed`),
      '8',
    ]);
    await publisher.stop();
    expect(clock.pending).toBe(0);
  });

  it('says everything again when Home Assistant starts', async () => {
    const broker = await startBroker();
    const { publisher } = publisherTo(broker.url, { announcement });
    publisher.start();
    publisher.setState(topics.alarm, 'OFF');
    await connected(publisher);
    const live = await broker.subscribe('bathnet/#', 'homeassistant/device/#');
    await until(() => live.messages.length === 3, 'the states were not retained');
    await until(() => {
      // Its subscription to the birth topic may take a moment
      broker.publish('homeassistant/status', 'online');
      return live.messages.length >= 6;
    }, 'nothing was said again');
    expect(live.messages.slice(3, 6).map(({ topic, retained }) => [topic, retained])).toStrictEqual([
      [discovery.topic, false],
      [topics.alarm, false],
      [topics.availability, false],
    ]);
  });

  const hasIpv6 = networkInterfaces().lo?.some(({ family }) => family === 'IPv6') ?? false;
  const websockets = 'protocol websockets';
  it.each([
    ['mqtt', '[::1]', '', ''],
    ['ws', '[::1]', '/mqtt', websockets],
    ['ws', '127.0.0.1', '/mqtt?token=1', websockets],
  ])('connects to %s://%s:…%s', async (scheme, host, path, protocol) => {
    if (host === '[::1]' && !hasIpv6) return;
    const port = await freePort();
    const bare = host.replace(/[[\]]/g, '');
    const broker = await startBroker({
      config: `listener ${port} ${bare}\nallow_anonymous true\n${protocol}\n`,
    });
    const seen = await broker.subscribe('bathnet/#');
    const { publisher, log } = publisherTo(`${scheme}://${host}:${port}${path}`);
    publisher.start();
    publisher.setState(topics.alarm, 'OFF');
    await seen.waitFor(topics.alarm);
    expect(log.lines.join('\n')).toContain(`${scheme}://${host}:${port}`);
    expect(log.lines.join('\n')).not.toContain('token');
  });

  it('speaks TLS with a client certificate and a password', async () => {
    const login = { username: 'bath', password: 'se cret' };
    const broker = await startBroker({ tls: 'mutual', login });
    const { publisher, log } = publisherTo(broker.url, {
      ...login,
      caFile: broker.file('ca.pem'),
      certFile: broker.file('client.pem'),
      keyFile: broker.file('client.key'),
    });
    publisher.start();
    publisher.setState(topics.alarm, 'OFF');
    const live = await broker.subscribe(topics.alarm);
    await live.waitFor(topics.alarm);
    expect(log.lines.join('\n')).not.toContain(login.password);
  });

  it('takes certificates that were replaced on the disk without a restart, and the last good ones until then', async () => {
    const broker = await startBroker({ tls: 'mutual' });
    const folder = await mkdtemp(join(tmpdir(), 'bathnet-client-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const [ca, cert, key] = ['ca.pem', 'client.pem', 'client.key'] as const;
    const put = (...names: string[]) =>
      Promise.all(names.map((name) => copyFile(broker.file(name), join(folder, name))));
    await put(ca, cert, key);
    const [caFile, certFile, keyFile] = [join(folder, ca), join(folder, cert), join(folder, key)];
    const { publisher, log } = publisherTo(broker.url, { caFile, certFile, keyFile });
    publisher.start();
    await connected(publisher);
    const lose = async () => {
      await broker.stop();
      await until(() => !publisher.connected, 'the loss was not noticed');
    };
    const reread = () => log.lines.filter((line) => /TLS files cannot be read again/.test(line));

    await lose();
    await rm(caFile);
    await until(() => reread().length === 1, 'that a file is gone was not logged');
    await broker.run();
    await connected(publisher);
    expect(reread()).toStrictEqual([expect.stringMatching(/ENOENT.*ca\.pem/)]);

    await lose();
    makeCertificates(dirname(broker.file(ca)));
    await put(ca, cert); // the key comes a little later
    await broker.run();
    await until(() => reread().length > 1, 'that the key is for another certificate was not logged');
    await put(key);
    publisher.sendEvent(topics.event, event(0));
    await until(() => publisher.stats.queuedEvents === 0, log.lines.join('\n'));
  });

  it.each([
    ['b@th', 'p:ss/word', 'b%40th:p%3Ass%2Fword'],
    ['bath', '100%pass', 'bath:100%pass'],
    ['bath', 'pass%zzéx%ff', 'bath:pass%zz%C3%A9x%ff'],
  ])(
    'takes user and password from the address, decoded and unseen in the log: %s, %s',
    async (username, password, text) => {
      const broker = await startBroker({ login: { username, password } });
      const { publisher, log } = publisherTo(broker.url.replace('//', `//${text}@`));
      publisher.start();
      await connected(publisher);
      expect(log.lines.join('\n')).not.toMatch(/p:ss|p%3Ass|pass/);
    },
  );

  it.each([
    ['an unknown authority', {}, /authority is not trusted|self-signed/],
    ['another name', { servername: 'other.example', ca: true }, /certificate is for another host name/],
    ['a missing client certificate', { ca: true }, /demands a client certificate|closed the connection/],
  ])(
    'says why TLS failed: %s',
    async (_, { ca, ...changes }: { ca?: boolean; servername?: string }, reason) => {
      const broker = await startBroker({ tls: 'mutual' });
      const { publisher, log } = publisherTo(broker.url, {
        ...changes,
        ...(ca && { caFile: broker.file('ca.pem') }),
      });
      publisher.start();
      await until(() => log.lines.length > 0, 'nothing was logged');
      expect(log.lines[0]).toMatch(reason);
      expect(publisher.connected).toBe(false);
    },
  );

  it('speaks TLS under WebSockets as it does alone: the name that is wanted, and files as they are by now', async () => {
    const port = await freePort();
    const broker = await startBroker({
      config: `listener ${port} 127.0.0.1\nallow_anonymous true\n${websockets}\n`,
    });
    makeCertificates(dirname(broker.file('ca.pem')));
    const [cert, key] = ['server.pem', 'server.key'].map((name) => readFileSync(broker.file(name)));
    // As a web server before the broker does.
    const server = createTlsServer({ cert, key }, (client) => {
      const behind = connect(port, '127.0.0.1');
      client.on('error', () => behind.destroy()).pipe(behind);
      behind.on('error', () => client.destroy()).pipe(client);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const caFile = broker.file('now.pem');
    await copyFile(broker.file('ca.pem'), caFile);

    const other = publisherTo(url, { caFile, servername: 'other.example' });
    other.publisher.start();
    await until(() => other.log.lines.length > 0, 'nothing was logged');
    expect(other.log.lines[0]).toMatch(/certificate is for another host name/);

    await copyFile(broker.file('client.pem'), caFile);
    const { publisher, log } = publisherTo(url, { caFile, servername: 'localhost' });
    publisher.start();
    await until(() => log.lines.length > 0, 'nothing was logged');
    expect(log.lines[0]).toMatch(/authority is not trusted/);
    await copyFile(broker.file('ca.pem'), caFile);
    await connected(publisher);
  });

  it('is refused with a client certificate of another authority, and says so', async () => {
    const broker = await startBroker({ tls: 'mutual' });
    const stranger = await Mosquitto.prepare({ tls: 'mutual' });
    brokers.push(stranger);
    const { publisher, log } = publisherTo(broker.url, {
      caFile: broker.file('ca.pem'),
      certFile: stranger.file('client.pem'),
      keyFile: stranger.file('client.key'),
    });
    publisher.start();
    await until(() => log.lines.length > 0, 'nothing was logged');
    expect(log.lines[0]).toMatch(/does not trust the client certificate|closed the connection/);
    expect(publisher.connected).toBe(false);
  });

  it('connects to an unverified broker when told to', async () => {
    const broker = await startBroker({ tls: 'server' });
    const { publisher } = publisherTo(broker.url, { rejectUnauthorized: false });
    publisher.start();
    await connected(publisher);
  });

  it('says that the password is wrong, once, and connects as soon as the broker accepts it', async () => {
    const broker = await startBroker({ login: { username: 'bath', password: 'old' } });
    const { publisher, log } = publisherTo(broker.url, { username: 'bath', password: 'new-secret' });
    publisher.start();
    await until(() => log.lines.length > 0, 'nothing was logged');
    broker.setPassword('new-secret');
    await connected(publisher);
    expect(log.lines).toHaveLength(2);
    expect(log.lines[0]).toMatch(/^warn no connection .* user name or password is wrong/);
    expect(log.lines[1]).toMatch(/^info connected/);
    expect(log.lines.join('\n')).not.toContain('new-secret');
  });

  it('takes a broker that acknowledges nothing for gone, and loses no event by it', async () => {
    const broker = await startBroker();
    const { publisher, log } = publisherTo(broker.url, {
      timing: { ackTimeoutMs: 300, connectTimeoutMs: 500 },
    });
    publisher.start();
    await connected(publisher);
    const live = await broker.subscribe(topics.event, topics.class);
    broker.pause();
    publisher.setState(topics.class, 'newest');
    publisher.sendEvent(topics.event, event(0));
    publisher.sendEvent(topics.event, event(1));
    await until(() => !publisher.connected, 'the silence was not noticed');
    expect(log.lines.join('\n')).toMatch(/lost: the broker stopped answering/);
    broker.resume();
    await live.waitFor(topics.event, (payload) => told(payload) === '1 replayed');
    // What was on its way may come twice; everything else comes once.
    const events = live.on(topics.event).map(told);
    expect(events.filter((text) => text === '0 replayed')).toHaveLength(1);
    expect(events).not.toContain('1');
    await live.waitFor(topics.class, (payload) => payload === 'newest');
  });

  it('skips to the newest value of a state that changes faster than the broker answers', async () => {
    const broker = await startBroker();
    const { publisher } = publisherTo(broker.url);
    publisher.start();
    await connected(publisher);
    const live = await broker.subscribe(topics.class);
    broker.pause();
    for (let i = 0; i < 100; i++) publisher.setState(topics.class, `${i}`);
    broker.resume();
    await live.waitFor(topics.class, (payload) => payload === '99');
    expect(live.on(topics.class)).toStrictEqual(['0', '99']);
  });

  it('sends what waits and says offline when it stops', async () => {
    const broker = await startBroker();
    const live = await broker.subscribe(...EVERYTHING);
    const { publisher } = publisherTo(broker.url);
    publisher.start();
    await connected(publisher);
    for (let i = 0; i < 20; i++) publisher.sendEvent(topics.event, event(i));
    await Promise.all([publisher.stop(), publisher.stop()]);
    await live.waitFor(topics.availability, (payload) => payload === 'offline');
    expect(live.on(topics.event)).toHaveLength(20);
    expect(live.messages.at(-1)).toMatchObject({ topic: topics.availability, payload: 'offline' });
    expect(live.on(topics.availability)).toStrictEqual(['online', 'offline']);
    expect(publisher.connected).toBe(false);
  });

  it('sends what waits also where it is stopped while it connects', async () => {
    const broker = await startBroker();
    const live = await broker.subscribe(...EVERYTHING);
    const { publisher } = publisherTo(broker.url);
    publisher.start();
    publisher.sendEvent(topics.event, event(0));
    await publisher.stop();
    await live.waitFor(topics.availability, (payload) => payload === 'offline');
    expect(live.on(topics.event).map(told)).toStrictEqual(['0 replayed']);
  });

  it('does not fight at full speed with another client of the same id', async () => {
    const broker = await startBroker();
    const pausesMs: number[] = [];
    const recording: Clock = {
      ...systemClock,
      after(ms, callback) {
        if (ms < DEFAULT_TIMING.ackTimeoutMs) pausesMs.push(ms);
        return systemClock.after(ms, callback);
      },
    };
    // Longer than what is sent first takes: a broker may wait 40 ms for the acknowledgement of a packet (RFC 896).
    const timing = { reconnectMinMs: 100, reconnectMaxMs: DEFAULT_TIMING.reconnectMaxMs };
    publisherTo(broker.url, { timing }, recording).publisher.start();
    publisherTo(broker.url, { timing }).publisher.start();
    await until(() => pausesMs.length >= 5, 'nobody was thrown out');
    for (const [i, pauseMs] of pausesMs.slice(0, 5).entries())
      expect(pauseMs).toBeGreaterThanOrEqual(50 * 2 ** i);
  });

  it('stops promptly where the broker no longer answers, and says what is lost', async () => {
    const broker = await startBroker();
    const { publisher, log } = publisherTo(broker.url, { timing: { stopTimeoutMs: 300 } });
    publisher.start();
    await connected(publisher);
    broker.pause();
    publisher.sendEvent(topics.event, event(0));
    const startMs = performance.now();
    await publisher.stop();
    expect(performance.now() - startMs).toBeLessThan(3000);
    expect(log.lines.at(-1)).toMatch(/^warn stopped with events that could not be sent; they are lost/);
  });
});

describe('without a broker', () => {
  it('doubles its pauses up to a minute, with jitter, for ever', async () => {
    const pausesMs: number[] = [];
    const hurried: Clock = {
      ...systemClock,
      after(ms, callback) {
        if (ms > 60_000) return systemClock.after(ms, callback);
        pausesMs.push(ms);
        return systemClock.after(0, callback);
      },
    };
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    const { publisher, log } = publisherTo(
      url,
      { timing: { reconnectMinMs: 1000, reconnectMaxMs: 60_000 } },
      hurried,
    );
    publisher.start();
    await until(() => pausesMs.length >= 12, 'it gave up');
    for (const [i, pauseMs] of pausesMs.entries()) {
      const fullMs = Math.min(60_000, 1000 * 2 ** i);
      expect(pauseMs).toBeGreaterThanOrEqual(fullMs / 2);
      expect(pauseMs).toBeLessThanOrEqual(fullMs);
    }
    expect(log.lines).toHaveLength(1);
  });

  it('tries at once when there is an event, and soon again as long as it waits, but not without pause', async () => {
    const clock = new ManualClock();
    const attempts: number[] = [];
    const server = createServer((socket) => {
      attempts.push(clock.now());
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const timing = { ...DEFAULT_TIMING, urgentMaxMs: 5000 };
    const { publisher } = publisherTo(url, { timing, protocol: '5' }, clock);
    publisher.start();
    /** Lets time pass second by second, and what the network has to say be heard in each. */
    const pass = async (seconds: number) => {
      for (let i = 0; i < seconds; i++) {
        await clock.advance(1000);
        await sleep(10);
      }
    };
    await pass(300);
    const before = attempts.length;
    await pass(2);
    publisher.sendEvent(topics.event, event(0));
    await clock.advance(0);
    await until(() => attempts.length > before, 'the event waits for the pause to end');
    for (let i = 1; i < 20; i++) publisher.sendEvent(topics.event, event(i));
    await pass(30);
    const more = attempts.length - before;
    expect(more).toBeGreaterThan(5);
    expect(more).toBeLessThan(16);
  });

  it('says again and again, at a limited rate, that there is no connection and why', async () => {
    const url = `mqtt://user:hidden@127.0.0.1:${await freePort()}`;
    const { publisher, log } = publisherTo(url, { timing: { warnEveryMs: 100 } });
    publisher.start();
    await until(() => log.lines.length >= 3, 'nothing was logged');
    expect(log.lines[1]).toMatch(/^warn not connected to the MQTT broker for 0 min: nothing listens there/);
    expect(log.lines.join('\n')).not.toContain('hidden');
  });

  it('says that the name of the host cannot be resolved', async () => {
    const { publisher, log } = publisherTo('mqtt://no-such-host.invalid');
    publisher.start();
    await until(() => log.lines.length > 0, 'nothing was logged');
    expect(log.lines[0]).toMatch(/the name of the host cannot be resolved/);
  });

  it('stops at once, also before it was started', async () => {
    const { publisher } = publisherTo(`mqtt://127.0.0.1:${await freePort()}`);
    await publisher.stop();
    const { publisher: started } = publisherTo(`mqtt://127.0.0.1:${await freePort()}`);
    started.start();
    const startMs = performance.now();
    await started.stop();
    expect(performance.now() - startMs).toBeLessThan(1000);
  });
});

describe('a wrong configuration', () => {
  it.each<[string, Partial<MqttOptions>, RegExp, code?: 'noInput']>([
    ['an address of another kind', { url: 'http://broker' }, /http:\/\/broker/],
    ['an address that is none', { url: 'mqtt://user:hidden@bro ker' }, /mqtt:\/\/…@bro ker/],
    [
      'an address that is none, with a token',
      { url: 'wss://bro ker/mqtt?token=hidden' },
      /wss:\/\/bro ker\/mqtt\?…/,
    ],
    [
      'a CA file that is missing',
      { caFile: '/no/ca.pem' },
      /\/no\/ca\.pem cannot be used: ENOENT/,
      'noInput',
    ],
    ['a certificate without its key', { certFile: 'client.pem' }, /certificate is given alone/],
    ['a key without its certificate', { keyFile: 'client.key' }, /key is given alone/],
  ])('is refused before anything is connected: %s', (_, changes, message, code) => {
    const { publisher } = publisherTo('mqtts://127.0.0.1', changes);
    expect(() => publisher.start()).toThrow(message);
    expect(() => publisher.start()).toThrow(expect.objectContaining({ code: ExitCode[code ?? 'config'] }));
    expect(() => publisher.start()).not.toThrow(/hidden/);
  });

  it('is refused where a CA file holds no certificate', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bathnet-client-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const caFile = join(folder, 'ca.pem');
    await writeFile(caFile, 'no certificate');
    const { publisher } = publisherTo('mqtts://127.0.0.1', { caFile });
    expect(() => publisher.start()).toThrow(/ca\.pem cannot be used/);
    expect(() => publisher.start()).toThrow(expect.objectContaining({ code: ExitCode.config }));
  });
});

/** A process with nothing but a publisher in it. */
const CHILD = `
  import { systemClock } from '${fileURLToPath(new URL('../../dist/system/clock.js', import.meta.url))}';
  import { MqttPublisher } from '${fileURLToPath(new URL('../../dist/publish/client.js', import.meta.url))}';
  const nothing = () => {};
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const options = {
    url: process.argv[1], deviceId: 'test', topics: ${JSON.stringify(topics)},
    rejectUnauthorized: true, keepaliveSeconds: 30, outboxEvents: 10, outboxBytes: 1e6, outboxDays: 1,
  };
  new MqttPublisher(options, log, systemClock).start();
`;
