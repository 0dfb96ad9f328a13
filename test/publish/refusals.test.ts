import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, describe, expect, it } from 'vitest';
import { announcementFor } from '../../src/publish/announcement.js';
import { MqttPublisher } from '../../src/publish/client.js';
import type { DiscoveryOptions } from '../../src/publish/discovery.js';
import type { MqttOptions } from '../../src/publish/options.js';
import { topicsOf } from '../../src/publish/topics.js';
import { systemClock } from '../../src/system/clock.js';
import { type BrokerSetup, Mosquitto, until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { model, recordingLog } from './samples.js';

/** What a broker does not take must cost nothing but itself. */

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
const DISCOVERY: DiscoveryOptions = {
  ...{ mode: 'device', deviceId: 'test', deviceName: 'Bathroom', topics, model, version: '0.1.0' },
  ...{ features: { water: true, speech: true, feedback: true }, discoveryPrefix: 'homeassistant' },
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
    expect(publisher.stats.queuedEvents).toBe(1);
    expect(publisher.stats.refused).toStrictEqual([expect.stringMatching(/^bathnet\/test\/event \d{12}-/)]);
    limit = 1e6;
    await until(() => numbers.length === 3, 'it was not tried again');
    await until(() => publisher.stats.refused.length === 0, 'it still counts as refused');
    expect(numbers).toStrictEqual([1, 2, 0]);
  });

  it('on everything that is discovery: a few connections are enough to find out', async () => {
    const { url, seen } = await startStrictBroker(({ topic }) => topic.startsWith('homeassistant/'));
    const { publisher } = start(url);
    await until(() => seen.includes(topics.availability), 'the states do not come');
    expect(publisher.stats.reconnects).toBeLessThan(8);
    expect(publisher.stats.refused).toContain(SHORT);
  });
});

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('a broker with a limit of length', () => {
  it('gets the device in messages below 4 KB, and keeps them after a restart', async () => {
    const broker = await startMosquitto({ config: 'max_packet_size 4096' });
    const seen = await broker.subscribe('#');
    const { publisher, log, files } = start(broker.url);
    publisher.sendEvent(topics.event, event(0));
    await seen.waitFor(topics.availability, (payload) => payload === 'online');
    expect(seen.on(SHORT)).not.toHaveLength(0);
    // An earlier run may have left the long one there.
    expect(seen.on(LONG)).toStrictEqual(['{"migrate_discovery":true}', '']);
    expect(publisher.stats.refused).toStrictEqual([]);
    expect(warnings(log)).toMatch(/does not take the long message .* short ones/);
    expect(seen.messages[0]?.topic).toBe(topics.event);
    const store = { read: (name: string) => files.get(name), write: () => {} };
    const next = announcementFor(store, DISCOVERY, true, log);
    expect(next.messages.map(({ topic }) => topic)).toContain(SHORT);
    expect(next.first).toStrictEqual([]);
    for (const { topic, payload } of next.messages) expect(topic.length + payload.length).toBeLessThan(4000);
  });
});
