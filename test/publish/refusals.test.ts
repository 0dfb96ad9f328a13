import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes } from 'aedes';
import { afterEach, describe, expect, it } from 'vitest';
import { announcementFor } from '../../src/publish/announcement.js';
import { MqttPublisher } from '../../src/publish/client.js';
import type { DiscoveryOptions } from '../../src/publish/discovery.js';
import type { MqttOptions } from '../../src/publish/options.js';
import { refusalProblems } from '../../src/publish/refusals.js';
import { topicsOf } from '../../src/publish/topics.js';
import { systemClock } from '../../src/system/clock.js';
import { type BrokerSetup, Mosquitto, until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { ALL_FEATURES, model, recordingLog } from './samples.js';

/** What a broker does not take must cost nothing but itself. */

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
const DISCOVERY: DiscoveryOptions = {
  ...{ mode: 'device', deviceId: 'test', deviceName: 'Bathroom', topics, model, version: '0.1.0' },
  features: ALL_FEATURES,
  discoveryPrefix: 'homeassistant',
};
const LONG = 'homeassistant/device/test/config';
const SHORT = 'homeassistant/binary_sensor/test/alarm/config';

const leftBehind: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of leftBehind.splice(0).reverse()) await end();
});

/** A broker that closes the connection on what it does not like, as EMQX does with `deny_action = disconnect`. */
async function startStrictBroker(dislikes: (packet: { topic: string; payload: string | Buffer }) => boolean) {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  leftBehind.push(() => new Promise<void>((resolve) => broker.close(() => server.close(() => resolve()))));
  const seen: string[] = [];
  broker.authorizePublish = (client, packet, done) => {
    if (!client) return done(null);
    if (dislikes(packet)) return client.close();
    if (String(packet.payload) !== 'offline') seen.push(packet.topic); // not the last will
    done(null);
  };
  return { broker, seen, url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function startMosquitto(setup: BrokerSetup): Promise<Mosquitto> {
  const broker = await Mosquitto.start(setup);
  leftBehind.push(() => broker.close());
  return broker;
}

function start(url: string, changes: Partial<MqttOptions> = {}) {
  const log = recordingLog();
  const files = new Map<string, string>();
  const store = {
    read: (name: string) => files.get(name),
    write: (name: string, text: string) => void files.set(name, text),
  };
  const options: MqttOptions = {
    ...{ url, deviceId: 'test', topics, rejectUnauthorized: true, keepaliveSeconds: 30 },
    ...{ outboxEvents: 1000, outboxBytes: 1e7, outboxDays: 30 },
    announcement: announcementFor(store, DISCOVERY, true, log),
    timing: { reconnectMinMs: 10, reconnectMaxMs: 100 },
    ...changes,
  };
  const publisher = new MqttPublisher(options, log, systemClock);
  leftBehind.push(() => publisher.stop());
  publisher.setState(topics.alarm, 'OFF');
  publisher.setState(topics.level, '{}', 0);
  publisher.start();
  return { publisher, log, files };
}

const event = (i: number) => JSON.stringify({ i, at: new Date().toISOString() });
const warnings = (log: { lines: string[] }) => log.lines.filter((line) => line.startsWith('warn')).join('\n');

describe('a broker that hangs up on what it does not like', () => {
  it('gets an event that waits before anything else, on every connection', async () => {
    const { url, seen } = await startStrictBroker(({ topic }) => topic === topics.alarm);
    const { publisher } = start(url);
    publisher.sendEvent(topics.event, event(0));
    await until(() => publisher.stats.queuedEvents === 0, 'the event was held back');
    expect(seen[0]).toBe(topics.event);
    publisher.sendEvent(topics.event, event(1));
    await until(() => publisher.stats.queuedEvents === 0, 'the event was held back');
  });

  it.each([
    ['a state', topics.alarm],
    ['a value that nobody acknowledges', topics.level],
  ])('on %s: it is set aside after two times, named, and the rest goes on', async (_, refused) => {
    const { url, seen } = await startStrictBroker(({ topic }) => topic === refused);
    const { publisher, log } = start(url);
    await until(
      () => seen.includes(topics.availability),
      () => log.lines.join('\n'),
    );
    expect(seen).toContain(LONG);
    expect(publisher.stats.refused).toStrictEqual([refused]);
    expect(warnings(log)).toContain(
      `${refused} is set aside and all else goes on: the broker closes the connection`,
    );
    expect(warnings(log)).not.toContain('another client');
    const { reconnects } = publisher.stats;
    publisher.setState(refused, '{}');
    publisher.setState(topics.class, '{}');
    await until(() => seen.includes(topics.class), 'what is not refused is not sent');
    expect(publisher.stats.reconnects).toBe(reconnects);
  });

  it('on one event: it is set aside and tried again later, the others come through in order', async () => {
    let limit = 1000;
    const numbers: number[] = [];
    const { url } = await startStrictBroker(({ topic, payload }) => {
      if (payload.length > limit) return true;
      if (topic === topics.event) numbers.push(JSON.parse(String(payload)).i);
      return false;
    });
    const { publisher, log } = start(url, {
      announcement: undefined,
      timing: { refusedRetryMs: 500, reconnectMinMs: 10 },
    });
    publisher.sendEvent(
      topics.event,
      JSON.stringify({ i: 0, at: new Date().toISOString(), text: 'x'.repeat(2000) }),
    );
    for (const i of [1, 2]) publisher.sendEvent(topics.event, event(i));
    await until(
      () => numbers.length === 2,
      () => log.lines.join('\n'),
    );
    await until(() => publisher.stats.queuedEvents === 1, 'the broker has them, and is not believed');
    expect(publisher.stats.refused).toStrictEqual([expect.stringMatching(/^bathnet\/test\/event \d{12}-/)]);
    limit = 1e6;
    await until(() => numbers.length === 3, 'it was not tried again');
    await until(() => publisher.stats.refused.length === 0, 'it still counts as refused');
    expect(numbers).toStrictEqual([1, 2, 0]);
  });

  it('on the short message of an entity that has its own: the long one of the device stays', async () => {
    const { url, seen } = await startStrictBroker(({ topic }) => topic.includes('/time/'));
    const store = { read: () => undefined, write() {} };
    const discovery = { ...DISCOVERY, features: { ...DISCOVERY.features, quietHours: true } };
    const { publisher, log } = start(url, {
      announcement: announcementFor(store, discovery, true, recordingLog()),
    });
    const times = ['quiet_from', 'quiet_to'].map((key) => `homeassistant/time/test/${key}/config`);
    await until(
      () => seen.includes(topics.availability),
      () => log.lines.join('\n'),
    );
    expect(publisher.stats.refused).toEqual(times);
    expect(seen).toContain(LONG);
    expect(seen).not.toContain(SHORT);
  });

  it('on everything that is discovery: a few connections are enough to find out', async () => {
    const { url, seen } = await startStrictBroker(({ topic }) => topic.startsWith('homeassistant/'));
    const { publisher } = start(url);
    await until(() => seen.includes(topics.availability), 'the states do not come');
    expect(publisher.stats.reconnects).toBeLessThan(8);
    expect(publisher.stats.refused).toContain(SHORT);
  });
});

it('what a broker never acknowledges costs two connections, an event four, and nothing else waits for it any longer', async () => {
  const { broker, seen, url } = await startStrictBroker(() => false);
  const { authorizePublish } = broker;
  const silentOn = [topics.event, topics.alarm];
  let tries = 0;
  broker.authorizePublish = (client, packet, done) => {
    if (String(packet.payload).includes('"i":0')) tries++;
    if (client && silentOn.includes(packet.topic) && !String(packet.payload).includes('"i":1')) return;
    authorizePublish(client, packet, done);
  };
  const { publisher, log } = start(url, { timing: { ackTimeoutMs: 200, reconnectMinMs: 10 } });
  for (const i of [0, 1]) publisher.sendEvent(topics.event, event(i));
  await until(
    () => publisher.stats.refused.length === 2,
    () => log.lines.join('\n'),
  );
  await until(() => seen.includes(topics.availability), 'the states do not come');
  expect(seen.filter((topic) => topic === topics.event)).toHaveLength(1);
  expect(publisher.stats.queuedEvents).toBe(1);
  expect(warnings(log)).toMatch(/event \S+ is set aside .*: the broker does not acknowledge it/);
  await sleep(1500);
  expect(tries).toBe(4);
});

it('a broker that never acknowledges the long message of the device gets short ones', async () => {
  const { broker, seen, url } = await startStrictBroker(() => false);
  const { authorizePublish } = broker;
  broker.authorizePublish = (client, packet, done) => {
    if (packet.payload.length < 5000) authorizePublish(client, packet, done);
  };
  // Nor does it let the daemon read it: that it does not come back says nothing.
  broker.authorizeSubscribe = (_, subscription, done) =>
    done(null, subscription.topic === LONG ? null : subscription);
  const { publisher, log } = start(url, { timing: { ackTimeoutMs: 200, reconnectMinMs: 10 } });
  await until(
    () => seen.includes(SHORT),
    () => log.lines.join('\n'),
  );
  expect(publisher.stats).toMatchObject({ refused: [`echo of ${LONG}`], reconnects: 2 });
});

it.each([
  ['a while', 2],
  ['two connections', 1],
])(
  'a broker that answered nothing for %s gets what waits with its first answer, not an hour later',
  async (_, aside) => {
    const { broker, seen, url } = await startStrictBroker(() => false);
    const { authorizePublish, authorizeSubscribe } = broker;
    let mute = true;
    broker.authorizePublish = (client, packet, done) => {
      if (!(mute && client)) authorizePublish(client, packet, done);
    };
    broker.authorizeSubscribe = (client, subscription, done) => {
      if (!mute) authorizeSubscribe(client, subscription, done);
    };
    const timing = { ackTimeoutMs: 100, reconnectMinMs: 10, refusedRetryMs: 3_600_000 };
    const { publisher, log } = start(url, { timing });
    publisher.onMessage(topics.commands.acknowledge, () => {});
    publisher.sendEvent(topics.event, event(0));
    await until(
      () => publisher.stats.refused.length === aside,
      () => log.lines.join('\n'),
    );
    expect(publisher.stats.refused[0]).toMatch(/^bathnet\/test\/event /);
    mute = false;
    await until(
      () => publisher.stats.queuedEvents === 0,
      () => `the event waits though the broker answers again: ${publisher.stats.refused}`,
    );
    await until(() => publisher.stats.refused.length === 0, 'something is still set aside');
    expect(seen).toContain(topics.availability);
  },
);

describe('the version of MQTT', () => {
  const spoken = (log: { lines: string[] }) =>
    log.lines
      .filter((line) => line.includes('info connected'))
      .map((line) => /"protocol":"([^"]+)"/.exec(line)?.[1]);

  it('is 3.1.1 where the broker knows no other, without a pause or a warning', async () => {
    const { url } = await startStrictBroker(() => false);
    const { publisher, log } = start(url, { timing: { reconnectMinMs: 600_000 } });
    await until(() => publisher.connected, 'not connected');
    expect(spoken(log)).toStrictEqual(['3.1.1']);
    expect(warnings(log)).toBe('');
  });

  it('is found also where a broker hangs up on another one', async () => {
    const { broker } = await startStrictBroker(() => false);
    const server = createServer((socket) => {
      socket.once('data', (connect) => {
        if (connect[8] === 5) socket.destroy();
        else {
          socket.unshift(connect);
          broker.handle(socket);
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    leftBehind.push(() => server.close());
    const { publisher, log } = start(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await until(() => publisher.connected, 'not connected');
    expect(spoken(log)).toStrictEqual(['3.1.1']);
  });

  it.each(['says so', 'hangs up'])(
    'is found anew where a broker that knows no other takes the place of one that did, and %s',
    async (how) => {
      const first = await startMosquitto({});
      const { publisher, log } = start(first.url);
      await until(() => publisher.connected, 'not connected');
      await first.stop();
      const { broker } = await startStrictBroker(() => false);
      const server = createServer((socket) => {
        if (how === 'says so') return broker.handle(socket);
        socket.on('error', () => {});
        socket.once('data', (connect) => {
          if (connect[8] === 5) return socket.destroy();
          socket.unshift(connect);
          broker.handle(socket);
        });
      }).listen(first.port, '127.0.0.1');
      await once(server, 'listening');
      leftBehind.push(() => server.close());
      await until(() => spoken(log).length === 2, warnings(log), 10_000);
      expect(spoken(log)).toStrictEqual(['5', '3.1.1']);
    },
  );

  it('is the one that is wanted: a broker without it is not connected to', async () => {
    const { url } = await startStrictBroker(() => false);
    const { publisher, log } = start(url, { protocol: '5' });
    await until(() => warnings(log) !== '', 'nothing was said');
    expect(warnings(log)).toMatch(/does not speak this version of MQTT: set mqtt.protocol/);
    expect(publisher.connected).toBe(false);
  });
});

it('says that commands are not heard where a subscription is refused, and publishes all the same', async () => {
  const { broker, seen, url } = await startStrictBroker(() => false);
  let allowed = false;
  broker.authorizeSubscribe = (_, subscription, done) =>
    done(null, allowed || !subscription.topic.endsWith('/set') ? subscription : null);
  const { publisher, log } = start(url, { timing: { refusedRetryMs: 300 } });
  const heard: string[] = [];
  publisher.onMessage(topics.commands.test, ({ payload }) => heard.push(payload.toString()));
  await until(() => seen.includes(topics.availability), 'the states do not come');
  await until(() => warnings(log) !== '', 'nothing was said');
  expect(warnings(log)).toContain(`commands are not heard on ${topics.commands.test}: the broker refuses it`);
  expect(publisher.stats.refused).toStrictEqual([`subscription to ${topics.commands.test}`]);
  allowed = true;
  await until(() => publisher.stats.refused.length === 0, 'it was not tried again');
  broker.publish(
    { cmd: 'publish', topic: topics.commands.test, payload: 'PRESS', qos: 0, retain: false, dup: false },
    () => {},
  );
  await until(() => heard.length === 1, 'the command is not heard');
});

it('does not say so of its own topic, by which no command comes', async () => {
  const { broker, url } = await startStrictBroker(() => false);
  broker.authorizeSubscribe = (_, subscription, done) =>
    done(null, subscription.topic === topics.availability ? null : subscription);
  const { publisher, log } = start(url);
  await until(() => publisher.stats.refused.length > 0, 'nothing was said');
  expect(publisher.stats.refused).toStrictEqual([`echo of ${topics.availability}`]);
  expect(refusalProblems(publisher.stats.refused)).toStrictEqual([]);
  expect(warnings(log)).toContain(
    `what others say on ${topics.availability} is not heard: the broker refuses it`,
  );
});

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('an access list', () => {
  const login = { username: 'bath', password: 'secret' };
  const acl = (denied: string) => `user ${login.username}\ntopic readwrite #\ntopic deny ${denied}`;

  it('that denies events: they are kept, said, and delivered as soon as it allows them (MQTT 5)', async () => {
    const broker = await startMosquitto({ login, acl: acl(topics.event) });
    const seen = await broker.subscribe('#');
    const { publisher, log } = start(broker.url, { ...login, timing: { refusedRetryMs: 300 } });
    publisher.sendEvent(topics.event, event(0));
    await seen.waitFor(topics.availability, (payload) => payload === 'online');
    expect(publisher.stats).toMatchObject({ queuedEvents: 1, reconnects: 0 });
    expect(warnings(log)).toMatch(/event \S+ is set aside .*: the broker's access list does not allow it/);
    broker.setAcl(acl('other'));
    await seen.waitFor(topics.event);
    await until(() => publisher.stats.refused.length === 0, 'it still counts as refused');
  });

  it('that denied events gets them in order once it allows them: with the next one, and on the next connection', async () => {
    const broker = await startMosquitto({ login, acl: acl(topics.event) });
    const seen = await broker.subscribe('#');
    const { publisher } = start(broker.url, login);
    const refused = (count: number) =>
      until(
        () => publisher.stats.refused.length === count,
        () => `refused: ${publisher.stats.refused}`,
      );
    const arrived = () => seen.on(topics.event).map((payload) => JSON.parse(payload).i);
    publisher.sendEvent(topics.event, event(0));
    await refused(1);
    publisher.sendEvent(topics.event, event(1));
    await refused(2);
    broker.setAcl(acl('other'));
    await sleep(500);
    publisher.sendEvent(topics.event, event(2));
    await until(
      () => arrived().length === 3,
      () => `arrived: ${arrived()}`,
    );
    expect(arrived()).toStrictEqual([0, 1, 2]);

    broker.setAcl(acl(topics.event));
    await sleep(500);
    publisher.sendEvent(topics.event, event(3));
    await refused(1);
    await broker.stop();
    broker.setAcl(acl('other'));
    await broker.run();
    await refused(0);
  });

  it.each([
    ['drops what the daemon says: that shows, because it does not come back (MQTT 3.1.1)', 'bathnet/#', true],
    ['allows all: nothing is missed', 'other/#', false],
  ])('%s', async (_, denied, missed) => {
    const broker = await startMosquitto({ login, acl: acl(denied) });
    const { publisher, log } = start(broker.url, {
      ...login,
      protocol: '3.1.1',
      timing: { echoTimeoutMs: 500 },
    });
    let changes = 0;
    publisher.onRefusal(() => changes++);
    await until(() => publisher.connected, 'not connected');
    if (missed) await until(() => changes > 0, 'nothing was said');
    else await sleep(1500);
    expect(publisher.stats.passedOn).toBe(!missed);
    expect(/acknowledges what is published and does not hand it back/.test(warnings(log))).toBe(missed);
  });
});

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('a broker with a limit of length', () => {
  it.each([
    ['says it', '5', 'max_packet_size 4096', 0],
    ['shows it', '3.1.1', 'max_packet_size 4096', 2],
    ['refuses what is longer', '5', 'message_size_limit 10000', 0],
    ['drops what is longer without a word', '3.1.1', 'message_size_limit 10000', 0],
  ] as const)(
    'that %s gets the device in short messages, also after a restart (MQTT %s)',
    async (_, protocol, config, reconnects) => {
      const broker = await startMosquitto({ config });
      const seen = await broker.subscribe('#');
      const { publisher, log, files } = start(broker.url, { protocol });
      publisher.sendEvent(topics.event, event(0));
      await seen.waitFor(topics.availability, (payload) => payload === 'online');
      await seen.waitFor(SHORT);
      // An earlier run may have left the long one there.
      await seen.waitFor(LONG, (payload) => payload === '');
      expect(seen.on(LONG)).toStrictEqual(['{"migrate_discovery":true}', '']);
      expect(publisher.stats).toMatchObject({ refused: [], reconnects });
      expect(warnings(log)).toMatch(/does not (take|hand back) the long message .* short ones/);
      expect(seen.messages[0]?.topic).toBe(topics.event);
      const store = { read: (name: string) => files.get(name), write: () => {} };
      await until(() => files.get('announced.json')?.includes('"small":true') ?? false, 'not remembered');
      const next = announcementFor(store, DISCOVERY, true, log);
      expect(next.messages.map(({ topic }) => topic)).toContain(SHORT);
      expect(next.first).toStrictEqual([]);
      for (const { topic, payload } of next.messages)
        expect(topic.length + payload.length).toBeLessThan(4000);
    },
  );
});
