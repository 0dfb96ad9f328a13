import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program } from './support/daemon.js';
import { freePort, Mosquitto, type Subscription, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';
import { writeWav } from './support/sound.js';

const FLEET = fileURLToPath(new URL('../config/fleet/', import.meta.url));
const ALERTS = fileURLToPath(new URL('../config/grafana/alerts.yaml', import.meta.url));
const ROOMS = ['room-101', 'room-102'] as const;
const textOf = (path: string) => readFileSync(path, 'utf8');

let out: string;
beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), 'bathnet-fleet-'));
  const noise = Float32Array.from({ length: 300 * 16_000 }, () => 0.01 * (Math.random() - 0.5));
  await writeWav(join(out, 'noise.wav'), [noise]);
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** @returns what it warns of */
function provision(lines: readonly string[], folder = out, brokerName = '127.0.0.1'): string {
  const table = join(folder, 'rooms.csv');
  writeFileSync(table, `# a comment\n\n${lines.join('\r\n')}\n`);
  const args = [join(FLEET, 'provision.sh'), table, join(folder, 'out'), brokerName];
  const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stderr;
}

const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8' });

describe.skipIf(lacksPrograms('openssl'))('a table of rooms', () => {
  it.each([
    ['Room 101,room-101,x:1', /line 3: "Room 101" cannot be an id/],
    ['all,All,x:1', /"all" cannot be an id/],
    ['a,A,nowhere', /"nowhere" is no host:port/],
    ['a,A "quoted",x:1', /cannot be a name/],
    ['a,A,x:1\na,B,x:2', /line 4: a is there twice/],
    ['a,A', /expected id,name,address/],
  ])('with a mistake makes nothing: %s', (line, message) => {
    const folder = mkdtempSync(join(out, 'wrong-'));
    expect(() => provision([line], folder)).toThrow(message);
    expect(() => textOf(join(folder, 'out', 'ca.pem'))).toThrow();
  });
});

describe.skipIf(lacksPrograms('openssl'))('a table that changes', () => {
  it("leaves a room's own file, and names what it lacks", () => {
    const folder = mkdtempSync(join(out, 'own-'));
    const config = (id: string) => join(folder, 'out', 'rooms', id, 'config.yaml');
    expect(provision(['a,A,a.lan:8099', 'b,B,b.lan:8099'], folder)).toBe('');
    const own = `${textOf(config('a'))}sense:\n  longStayMinutes: 30\n`;
    writeFileSync(config('a'), own);
    expect(provision(['a,A,a.lan:8099', 'b,B,b.lan:8099'], folder)).toBe('');
    const warning = provision(['a,Another name,a.lan:8100', 'b,B,b.lan:8099', 'c,C,c.lan:8099'], folder);
    expect(warning.split('\n')).toEqual([
      expect.stringMatching(/rooms\/a\/config\.yaml stays/),
      '  name: "Another name"',
      '  port: 8100',
      '',
    ]);
    expect(textOf(config('a'))).toBe(own);
    expect(textOf(config('c'))).toContain('name: "C"');
  });

  it('gets the broker a certificate for its new name, and for the one that rooms still know', () => {
    const folder = mkdtempSync(join(out, 'moved-'));
    const rooms = ['a,A,a.lan:8099'];
    const broker = join(folder, 'out', 'broker');
    const isFor = (...check: string[]) =>
      !openssl('x509', '-in', join(broker, 'broker.pem'), '-noout', ...check).includes('NOT');
    provision(rooms, folder, '127.0.0.1');
    expect(provision(rooms, folder, 'broker.lan')).toMatch(
      /a new certificate, for broker\.lan as well as IP:127/,
    );
    expect([isFor('-checkhost', 'broker.lan'), isFor('-checkip', '127.0.0.1')]).toEqual([true, true]);
    const renewed = textOf(join(broker, 'broker.pem'));
    expect(openssl('pkey', '-in', join(broker, 'broker.key'), '-pubout')).toBe(
      openssl('x509', '-in', join(broker, 'broker.pem'), '-noout', '-pubkey'),
    );
    provision(rooms, folder, '127.0.0.1');
    expect(textOf(join(broker, 'broker.pem'))).toBe(renewed);
    expect(provision(rooms, folder, 'lan')).toContain('for lan as well as DNS:broker.lan, IP:127.0.0.1');
  });
});

describe.skipIf(lacksPrograms('openssl', 'mosquitto', 'mosquitto_sub', 'prometheus'))('a house', () => {
  let broker: Mosquitto;
  let seen: Subscription;
  const rooms: Program[] = [];
  /** The room's own, which are there for one user alone. */
  const filesOf = (id: string) => join(out, 'out', 'rooms', id);
  const certificateOf = (id: string) =>
    ['cafile=ca.pem', 'cert=client.pem', 'key=client.key'].flatMap((flag) => {
      const [name, file] = flag.split('=') as [string, string];
      return [`--${name}`, join(filesOf(id), file)];
    });
  /** As somebody who has a room's certificate. */
  const publishAs = (id: string, topic: string, payload: string, ...more: string[]) =>
    execFileSync('mosquitto_pub', [
      ...['-h', '127.0.0.1', '-p', `${broker.port}`, ...certificateOf(id)],
      ...['-q', '1', '-t', topic, '-m', payload, ...more],
    ]);

  beforeAll(async () => {
    const ports = await Promise.all(ROOMS.map(freePort));
    const lines = ROOMS.map((id, i) => `${id},Room ${id.slice(-3)},127.0.0.1:${ports[i]}`);
    const table = [...lines, 'homeassistant,Home Assistant,', 'staff,Staff,'];
    provision(table);
    const before = textOf(join(filesOf('room-101'), 'client.pem'));
    provision(table);
    expect(textOf(join(filesOf('room-101'), 'client.pem'))).toBe(before); // what is there stays

    const config = textOf(join(FLEET, 'mosquitto.conf'))
      .replace(/^listener .*/m, '')
      .replace('/etc/mosquitto/fleet/acl', join(FLEET, 'acl'))
      .replaceAll('/etc/mosquitto/fleet', join(out, 'out', 'broker'))
      .replace('/var/lib/mosquitto/', `${out}/`);
    broker = await Mosquitto.start({ whole: { config, client: certificateOf('homeassistant') } });
    seen = await broker.subscribe('bathnet/#');
    for (const id of ROOMS) {
      const path = join(filesOf(id), 'config.yaml');
      // Where this test runs instead of the room's board.
      const here = textOf(path)
        .replaceAll('/etc/bathnet2mqtt', filesOf(id))
        .replace('127.0.0.1:8883', `127.0.0.1:${broker.port}`)
        .replace('0.0.0.0', '127.0.0.1');
      writeFileSync(path, here);
      const state = ['--set', `stateDir=${join(out, 'state')}`];
      const noise = ['--source', `file:${join(out, 'noise.wav')}`, '--speed', '1'];
      rooms.push(new Program(['run', '--config', path, ...noise, ...state]));
    }
    for (const id of ROOMS)
      await seen.waitFor(`bathnet/${id}/input/availability`, (payload) => payload === 'online');
  }, 120_000);
  afterAll(async () => {
    await Promise.all(rooms.map((room) => room.kill()));
    await broker?.close();
  });

  it('hears what each room says of itself, and of no room what another one says', async () => {
    publishAs('room-101', 'bathnet/room-102/availability', 'forged');
    publishAs('room-101', 'bathnet/all/threshold/set', '0.99', '-r');
    publishAs('room-101', 'bathnet/room-101/level', 'its own');
    await seen.waitFor('bathnet/room-101/level', (payload) => payload === 'its own');
    const topics = seen.messages.map(({ topic, payload }) => `${topic} ${payload}`);
    expect(topics).not.toContain('bathnet/room-102/availability forged');
    expect(topics).not.toContain('bathnet/all/threshold/set 0.99');
  });

  it('takes a setting that is rolled out, once, and keeps what a room sets afterwards', async () => {
    publishAs('staff', 'bathnet/all/threshold/set', '0.7', '-r');
    for (const id of ROOMS) await seen.waitFor(`bathnet/${id}/threshold`, (payload) => payload === '0.7');
    publishAs('homeassistant', 'bathnet/room-101/threshold/set', '0.8');
    await seen.waitFor('bathnet/room-101/threshold', (payload) => payload === '0.8');
    await broker.stop();
    await broker.run();
    const after = await broker.subscribe('bathnet/+/threshold', 'bathnet/+/availability');
    for (const id of ROOMS) {
      await until(() => after.on(`bathnet/${id}/availability`).at(-1) === 'online', `${id} is not back`);
      await after.waitFor(`bathnet/${id}/threshold`);
    }
    expect(after.on('bathnet/room-101/threshold').at(-1)).toBe('0.8');
    expect(after.on('bathnet/room-102/threshold').at(-1)).toBe('0.7');
  });

  it('is watched by Prometheus, by the same table', async () => {
    const folder = join(out, 'prometheus');
    cpSync(join(out, 'out', 'targets.json'), join(folder, 'targets.json'));
    cpSync(join(out, 'out', 'web-password'), join(folder, 'web-password'));
    cpSync(ALERTS, join(folder, 'alerts.yaml'));
    const config = textOf(join(FLEET, 'prometheus.yml')).replaceAll(': 15s', ': 3s');
    writeFileSync(join(folder, 'prometheus.yml'), config);
    const port = await freePort();
    const prometheus = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
      ],
      { stdio: 'ignore' },
    );
    try {
      const hearing = async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=bathnet_hears`).catch(
          () => undefined,
        );
        if (!answer?.ok) return [];
        const { data } = (await answer.json()) as {
          data: { result: { metric: Record<string, string>; value: [number, string] }[] };
        };
        return data.result.map(({ metric, value }) => `${metric.instance} ${metric.room} ${value[1]}`).sort();
      };
      const wanted = ['room-101 Room 101 1', 'room-102 Room 102 1'];
      let found: string[] = [];
      const all = async () => {
        found = await hearing();
        return String(found) === String(wanted);
      };
      await until(all, () => `not all rooms hear: ${found}`, 60_000);
    } finally {
      prometheus.kill();
      await once(prometheus, 'exit');
    }
  });
});
