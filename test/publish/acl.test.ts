import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { Daemons, SCENE } from '../support/daemon.js';
import { Mosquitto, until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';

const acl = readFileSync(
  fileURLToPath(new URL('../../config/mosquitto/acl.example', import.meta.url)),
  'utf8',
);
const LAST = 'bathnet/bathroom/availability';

const OWN = [
  'bathnet/bathroom/alarm',
  'bathnet/bathroom/input/availability',
  'bathnet/bathroom/occupied',
  'homeassistant/device/bathroom/config',
  'homeassistant/binary_sensor/bathroom/alarm/config',
];
const COMMANDS = [
  'bathnet/bathroom/threshold/set',
  'bathnet/bathroom/acknowledge/set',
  'bathnet/bathroom/occupied/set',
  'homeassistant/status',
];
const FOREIGN = [
  'bathnet/kitchen/alarm',
  'bathnet/kitchen/threshold/set',
  'bathnet/bathroom2/alarm',
  'homeassistant/device/kitchen/config',
  'homeassistant/binary_sensor/kitchen/alarm/config',
  'homeassistant/switch/heating/set',
  '$SYS/broker/uptime',
];

const leftBehind: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of leftBehind.splice(0).reverse()) await end();
});

async function startBroker(username: string) {
  const login = { username, password: 'secret' };
  const broker = await Mosquitto.start({ login, acl });
  leftBehind.push(() => broker.close());
  const client = await connectAsync(broker.url, login);
  leftBehind.push(() => client.endAsync());
  return { broker, client, login };
}

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('the ACL example', () => {
  it('lets the daemon write its own topics and no others', async () => {
    const { broker, client } = await startBroker('bathnet');
    const seen = await broker.subscribe('#', '$SYS/broker/uptime');
    for (const topic of [...FOREIGN, 'homeassistant/status', ...OWN, LAST])
      await client.publishAsync(topic, 'from the daemon', { qos: 1 });
    await seen.waitFor(LAST);
    const written = seen.messages.filter(({ payload }) => payload === 'from the daemon');
    expect(written.map(({ topic }) => topic)).toStrictEqual([...OWN, LAST]);
  });

  it('lets the daemon read its commands and the birth message and nothing else', async () => {
    const { broker, client } = await startBroker('bathnet');
    const read: string[] = [];
    client.on('message', (topic) => read.push(topic));
    await client.subscribeAsync(['#', '$SYS/#']);
    for (const topic of [...FOREIGN, ...OWN, ...COMMANDS]) broker.publish(topic, 'from outside');
    await until(
      () => read.length >= COMMANDS.length,
      () => `only ${read.join()} arrived`,
    );
    expect(read).toStrictEqual(COMMANDS);
  });

  it('lets a presence sensor say who is there, and nothing else', async () => {
    const { broker, client } = await startBroker('presence');
    const seen = await broker.subscribe('#');
    const all = [...FOREIGN, ...OWN, ...COMMANDS].filter((topic) => !topic.endsWith('occupied/set'));
    for (const topic of [...all, 'bathnet/bathroom/occupied/set'])
      await client.publishAsync(topic, 'from the sensor', { qos: 1 });
    await seen.waitFor('bathnet/bathroom/occupied/set');
    const written = seen.messages.filter(({ payload }) => payload === 'from the sensor');
    expect(written.map(({ topic }) => topic)).toStrictEqual(['bathnet/bathroom/occupied/set']);
  });

  it('lets Home Assistant read everything and give commands', async () => {
    const { broker, client } = await startBroker('homeassistant');
    const read: string[] = [];
    client.on('message', (topic) => read.push(topic));
    await client.subscribeAsync(['bathnet/#', 'homeassistant/#']);
    for (const topic of OWN) broker.publish(topic, 'from the daemon');
    for (const topic of COMMANDS) await client.publishAsync(topic, 'command', { qos: 1 });
    await until(
      () => read.length >= OWN.length + COMMANDS.length,
      () => `only ${read.join()} arrived`,
    );
    expect(new Set(read)).toStrictEqual(new Set([...OWN, ...COMMANDS]));
  });

  it('takes nothing from the daemon: it says the same as without', async () => {
    const { broker, login } = await startBroker('bathnet');
    const free = await Mosquitto.start();
    leftBehind.push(() => free.close());
    const daemons = await Daemons.create();
    leftBehind.push(() => daemons.close());
    const topicsAt = async (where: Mosquitto, ...settings: string[]) => {
      const seen = await where.subscribe('bathnet/#', 'homeassistant/#');
      const all = ['device.id=bathroom', ...settings].flatMap((setting) => ['--set', setting]);
      const { code, stderr } = await daemons.start(where.url, [
        ...['--source', `file:${SCENE}`, '--speed', '20', ...all],
      ]).ended;
      expect(code, stderr).toBe(0);
      await seen.waitFor(LAST, (payload) => payload === 'offline');
      return new Set(seen.messages.map(({ topic }) => topic));
    };
    const restricted = await topicsAt(
      broker,
      `mqtt.username=${login.username}`,
      `mqtt.password=${login.password}`,
    );
    expect(restricted).toStrictEqual(await topicsAt(free));
    expect(restricted).toContain('bathnet/bathroom/event');
    expect(restricted).toContain('homeassistant/device/bathroom/config');
  });
});
