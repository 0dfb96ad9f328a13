import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MqttPublisher } from '../../src/publish/client.js';
import type { MqttOptions } from '../../src/publish/options.js';
import { eventPayload } from '../../src/publish/payloads.js';
import { topicsOf } from '../../src/publish/topics.js';
import { systemClock } from '../../src/system/clock.js';
import { Daemons, SCENE } from '../support/daemon.js';
import { EventSource } from '../support/event-source.js';
import { type BrokerSetup, Mosquitto, type Subscription, until } from '../support/mosquitto.js';
import { TcpProxy } from '../support/proxy.js';
import { lacksPrograms } from '../support/require.js';
import { lacksMount, mountSmallDisk } from '../support/small-disk.js';
import { model, recordingLog } from './samples.js';

/** What must not lose, reorder or forge an event: a broken broker, network, login, disk, process. */

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
const QUICK = { reconnectMinMs: 20, reconnectMaxMs: 200, ackTimeoutMs: 300, connectTimeoutMs: 500 };

let folder: string;
const leftBehind: (() => unknown)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bathnet-durability-'));
});
afterEach(async () => {
  for (const end of leftBehind.splice(0).reverse()) await end();
  await rm(folder, { recursive: true, force: true });
});

async function startBroker(setup?: BrokerSetup): Promise<Mosquitto> {
  const broker = await Mosquitto.start(setup);
  leftBehind.push(() => broker.close());
  return broker;
}

async function startProxy(broker: Mosquitto): Promise<TcpProxy> {
  const proxy = await TcpProxy.before(broker.port);
  leftBehind.push(() => proxy.close());
  return proxy;
}

function startPublisher(url: string, changes: Partial<MqttOptions> = {}) {
  const log = recordingLog();
  const options: MqttOptions = {
    ...{ url, deviceId: 'test', topics, rejectUnauthorized: true, keepaliveSeconds: 30 },
    ...{ outboxFolder: join(folder, 'outbox'), outboxEvents: 1000, outboxBytes: 1e7, outboxDays: 30 },
    timing: { ...QUICK, stopTimeoutMs: 200 },
    ...changes,
  };
  const publisher = new MqttPublisher(options, log, systemClock);
  leftBehind.push(() => publisher.stop());
  publisher.start();
  const send = (...numbers: number[]) => {
    for (const i of numbers) publisher.sendEvent(topics.event, numbered(i));
  };
  return { publisher, log, send };
}

/** `durationSeconds` carries the number. */
function numbered(i: number): string {
  const event = { type: 'water_running_long' as const, atMs: Date.now(), durationSeconds: i };
  return eventPayload(event, { id: `id of ${i}`, test: true, model });
}

interface Arrived {
  readonly id: string;
  readonly at: string;
  readonly event_type: string;
  readonly durationSeconds: number;
  readonly replayed: boolean;
}

const arrived = (seen: Subscription): Arrived[] => seen.on(topics.event).map((text) => JSON.parse(text));
const numbers = (seen: Subscription) => arrived(seen).map(({ durationSeconds }) => durationSeconds);
const firsts = (seen: Subscription) => [...new Set(numbers(seen))];
const upTo = (end: number) => Array.from({ length: end }, (_, i) => i);
const connected = (publisher: MqttPublisher) => until(() => publisher.connected, 'not connected');
const empty = (publisher: MqttPublisher) =>
  until(() => publisher.stats.queuedEvents === 0, 'events stay in the outbox');

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('at a real broker, events survive', () => {
  it('1,000 events through 20 kills of broker and daemon: all arrive, in order, repeats with the same id', async () => {
    // Killed, Mosquitto loses what it has acknowledged and not yet passed on; that loss is its own. So it is
    // interrupted and keeps its sessions. The daemon is killed outright.
    const broker = await startBroker({ persistent: true });
    const seen = await broker.collect(topics.event);
    const source = new EventSource(broker.url, join(folder, 'outbox'));
    leftBehind.push(() => source.kill());
    source.start();
    const random = randomFrom(2026);
    let sent = 0;
    for (let kill = 0; kill < 20; kill++) {
      for (let i = 0; i < 45; i++) source.send(sent++);
      if (random() < 0.7) await source.sentAll(sent - 1 - Math.floor(random() * 45));
      if (kill % 2 === 0) {
        await source.kill();
        source.start();
      } else {
        await broker.stop();
        for (let i = 0; i < 5; i++) source.send(sent++);
        await broker.run();
      }
    }
    while (source.sent.size < 1000) {
      for (let i = source.sent.size; i < 1000; i++) source.send(sent++);
      await source.sentAll(sent - 1);
    }
    await until(
      () => new Set(numbers(seen)).has(sent - 1),
      () => `the last event is missing; seen: ${numbers(seen).length}`,
      40_000,
    );

    const seenNumbers = new Set(numbers(seen));
    expect([...source.sent].filter((number) => !seenNumbers.has(number))).toStrictEqual([]);
    expect(firsts(seen)).toStrictEqual([...seenNumbers].sort((a, b) => a - b));
    const idsAndTimes = new Set(
      arrived(seen).map((event) => `${event.durationSeconds} ${event.id} ${event.at}`),
    );
    expect(idsAndTimes.size).toBe(seenNumbers.size);
    expect(arrived(seen).filter(({ replayed }) => replayed).length).toBeGreaterThan(0);
    await until(() => readdirSync(join(folder, 'outbox')).length === 0, 'delivered events stay on the disk');
  }, 120_000);

  it('lost acknowledgements: the event comes again, with the same id, and the order stays', async () => {
    const broker = await startBroker();
    const proxy = await startProxy(broker);
    const seen = await broker.subscribe(topics.event);
    const { publisher, send } = startPublisher(proxy.url);
    await connected(publisher);
    proxy.set({ toClient: 'drop' });
    send(0, 1, 2);
    await until(() => !publisher.connected, 'the missing acknowledgement was not noticed');
    proxy.set({});
    await empty(publisher);
    // What the broker has acknowledged it may still have to pass on.
    await until(() => firsts(seen).length === 3, 'the events do not arrive');
    expect(firsts(seen)).toStrictEqual([0, 1, 2]);
    const repeats = arrived(seen).filter(({ durationSeconds }) => durationSeconds === 0);
    expect(repeats.length).toBeGreaterThan(1);
    expect(new Set(repeats.map(({ id, at }) => id + at)).size).toBe(1);
    expect(repeats.map(({ replayed }) => replayed)).toStrictEqual([
      false,
      ...repeats.slice(1).map(() => true),
    ]);
  });

  it('a network that swallows, stalls and cuts', async () => {
    const broker = await startBroker();
    const proxy = await startProxy(broker);
    const seen = await broker.subscribe(topics.event);
    const { publisher, send } = startPublisher(proxy.url);
    await connected(publisher);
    const faults = [
      () => proxy.set({ toBroker: 'drop' }),
      () => proxy.cut(),
      () => proxy.set({ toBroker: 'hold', toClient: 'hold' }),
      () => proxy.set({ toClient: 'drop' }),
      () => proxy.cut(),
    ];
    for (const [i, fault] of faults.entries()) {
      send(3 * i);
      fault();
      send(3 * i + 1);
      await sleep(400); // longer than a missing acknowledgement is waited for
      proxy.set({});
      send(3 * i + 2);
    }
    await empty(publisher);
    await until(() => firsts(seen).length === 15, 'events are missing');
    expect(firsts(seen)).toStrictEqual(upTo(15));
  });

  it('a broker that is paused while the daemon is stopped: the next start delivers', async () => {
    const broker = await startBroker();
    const first = startPublisher(broker.url);
    await connected(first.publisher);
    broker.pause();
    first.send(0, 1, 2);
    await first.publisher.stop();
    expect(first.log.lines.at(-1)).toMatch(/could not be sent; the next start sends them/);
    broker.resume();
    const seen = await broker.subscribe(topics.event);
    const { publisher } = startPublisher(broker.url);
    expect(publisher.stats.queuedEvents).toBe(3);
    await empty(publisher);
    await until(() => arrived(seen).filter(({ replayed }) => replayed).length === 3, 'events are missing');
    // The paused broker may have taken the first one after all.
    expect(numbers(seen).slice(-3)).toStrictEqual([0, 1, 2]);
  });

  it('a kept record with a wrong inside', async () => {
    const outbox = join(folder, 'outbox');
    mkdirSync(outbox);
    const record = { version: 1, topic: topics.event, payload: 'junk', keptAtMs: Date.now() };
    const json = JSON.stringify(record);
    const hash = createHash('sha256').update(json).digest('hex');
    writeFileSync(join(outbox, '000000000001-00000000.json'), `${hash}\n${json}`);
    const broker = await startBroker();
    const seen = await broker.subscribe(topics.event);
    const { publisher, send } = startPublisher(broker.url);
    send(0);
    await empty(publisher);
    await until(() => numbers(seen).length === 1, 'the event is missing');
    expect(publisher.stats.droppedEvents).toBe(1);
  });

  it('a changed prefix, over a restart: they go where they are listened for now', async () => {
    const broker = await startBroker();
    const before = startPublisher('mqtt://127.0.0.1:1');
    before.send(0, 1);
    await before.publisher.stop();
    const seen = await broker.subscribe('#');
    const moved = topicsOf({ prefix: 'home/bathnet', deviceId: 'bath' });
    const { publisher } = startPublisher(broker.url, { topics: moved, deviceId: 'bath' });
    publisher.sendEvent(moved.event, numbered(2));
    await empty(publisher);
    await until(() => seen.on(moved.event).length === 3, 'events are missing');
    expect(seen.on(moved.event).map((text) => JSON.parse(text).durationSeconds)).toStrictEqual([0, 1, 2]);
    expect(seen.on(topics.event)).toStrictEqual([]);
  });

  it('a refused login and a changed password, over a restart', async () => {
    const broker = await startBroker({ login: { username: 'bath', password: 'old' }, persistent: true });
    const seen = await broker.collect(topics.event);
    const login = { username: 'bath', password: 'old' };
    const { publisher, log, send } = startPublisher(broker.url, login);
    await connected(publisher);
    send(0);
    await empty(publisher);
    broker.setPassword('new');
    await broker.stop();
    await broker.run();
    await until(() => log.lines.some((line) => /user name or password is wrong/.test(line)), 'not refused');
    send(1, 2);
    await publisher.stop();
    const next = startPublisher(broker.url, { ...login, password: 'new' });
    next.send(3);
    await empty(next.publisher);
    await until(() => numbers(seen).length === 4, 'events are missing');
    expect(numbers(seen)).toStrictEqual([0, 1, 2, 3]);
    expect(arrived(seen).map(({ replayed }) => replayed)).toStrictEqual([false, true, true, true]);
  });

  it.skipIf(lacksMount())(
    'a full disk: they are delivered all the same, and that they are not kept is known',
    async () => {
      const disk = mountSmallDisk(folder);
      leftBehind.push(() => disk.unmount());
      const broker = await startBroker();
      const seen = await broker.subscribe(topics.event);
      const { publisher, log, send } = startPublisher(broker.url, {
        outboxFolder: join(disk.path, 'outbox'),
      });
      await publisher.written();
      expect(publisher.stats.durable).toBe(true);
      await connected(publisher);
      disk.fill();
      broker.pause(); // what is delivered at once is never written
      send(0, 1);
      await publisher.written();
      expect(publisher.stats.durable).toBe(false);
      broker.resume();
      await empty(publisher);
      disk.empty();
      send(2);
      await publisher.written();
      expect(publisher.stats.durable).toBe(true);
      await empty(publisher);
      await until(() => numbers(seen).length === 3, 'events are missing');
      expect(numbers(seen)).toStrictEqual([0, 1, 2]);
      expect(log.lines.filter((line) => /outbox/.test(line))).toHaveLength(2);
    },
  );
});

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('the daemon', () => {
  const SCENE_ONCE = ['--source', `file:${SCENE}`, '--speed', '20', '--loop'];
  let daemons: Daemons;
  beforeEach(async () => {
    daemons = await Daemons.create();
    leftBehind.push(() => daemons.close());
  });

  it('delivers after SIGKILL and a cut in mid-write what happened while the broker was away', async () => {
    const broker = await Mosquitto.prepare();
    leftBehind.push(() => broker.close());
    const outbox = join(daemons.deviceDir, 'outbox');
    const first = daemons.start(broker.url, [...SCENE_ONCE, '--set', 'alarm.releaseSeconds=1000']);
    const kept = () => readdirSync(outbox).filter((name) => name.endsWith('.json'));
    await until(
      () => existsSync(outbox) && kept().length > 0,
      () => `no event was kept: ${first.stderr}`,
    );
    // Written one after the other; a crash in between would leave the alarm without an end.
    await until(
      () => existsSync(join(daemons.deviceDir, 'open-alarm.json')),
      'the alarm was not kept as open',
    );
    await first.kill('SIGKILL');
    const [name = ''] = kept();
    const record = JSON.parse((await readFile(join(outbox, name), 'utf8')).split('\n')[1] ?? '');
    const original = JSON.parse(record.payload);
    // What a power cut would leave of a next event: a name without its content, and a file beside its place.
    const next = name.replace(/^\d+/, (digits) => String(Number(digits) + 1).padStart(digits.length, '0'));
    copyFileSync(join(outbox, name), join(outbox, next));
    truncateSync(join(outbox, next), 200);
    writeFileSync(join(outbox, `${next}.tmp`), 'half an event');

    await broker.run();
    const seen = await broker.subscribe('bathnet/test/#');
    daemons.start(broker.url, ['--source', 'command:sleep 60']);
    await until(() => arrived(seen).length >= 2, 'events are missing');
    expect(arrived(seen)).toMatchObject([
      { ...original, replayed: true },
      { event_type: 'alarm_ended', endedBy: 'restart', episodeId: original.episodeId },
    ]);
    const health = await seen.waitFor(topics.health, (text) => JSON.parse(text).droppedEvents === 1);
    expect(JSON.parse(health).problems).toContain('events_dropped');
    await until(() => readdirSync(outbox).length === 0, 'delivered events stay on the disk');
  });

  it('goes on where its state cannot be written, and says so in its health and its log', async () => {
    const broker = await startBroker();
    const seen = await broker.subscribe('bathnet/test/#');
    const file = join(daemons.stateDir, 'no-folder');
    writeFileSync(file, '');
    const daemon = daemons.start(broker.url, [...SCENE_ONCE, '--set', `stateDir=${file}`]);
    await seen.waitFor(topics.event);
    const health = JSON.parse(await seen.waitFor(topics.health));
    expect(health.problems).toContain('outbox_not_durable');
    expect(daemon.stderr).toContain('the outbox cannot be written');
  });

  it('does not fight with another one of the same id, and says what is wrong', async () => {
    const broker = await startBroker();
    const other = await Daemons.create();
    leftBehind.push(() => other.close());
    const source = ['--source', 'command:sleep 60'];
    const both = [daemons.start(broker.url, source), other.start(broker.url, source)];
    const said = /another client with the id bathnet2mqtt-test keeps taking its place/;
    await until(
      () => both.every(({ stderr }) => said.test(stderr)),
      () => both.map(({ stderr }) => stderr).join('\n---\n'),
    );
    await sleep(5000);
    // Pauses of 1, 2, 4 and 8 s, each shortened by a half at most, take 7.5 s: it cannot be the sixth time yet.
    for (const { stderr } of both)
      expect(stderr.split('"connected to the MQTT broker"').length).toBeLessThan(7);
  });
});

/** mulberry32: the same kills in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
