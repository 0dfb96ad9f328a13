import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { BIRTH_TOPIC } from '../../src/constants.js';
import { Audience, UNHEARD_MS } from '../../src/publish/audience.js';
import { MqttPublisher } from '../../src/publish/client.js';
import { DEFAULT_TIMING, type MqttOptions } from '../../src/publish/options.js';
import { topicsOf } from '../../src/publish/topics.js';
import { Outbox } from '../../src/storage/outbox.js';
import { systemClock } from '../../src/system/clock.js';
import { ManualClock } from '../support/clock.js';
import { type BrokerSetup, Mosquitto, until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { recordingLog } from './samples.js';

/** An alarm of which nobody has heard has not been told, whatever the broker acknowledges. */

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
const BOUNDS = { outboxEvents: 1000, outboxBytes: 1e7, outboxDays: 30 };
const HOUR_MS = 3_600_000;

const event = (i: number, test = false) => JSON.stringify({ i, at: new Date().toISOString(), test });
const numbers = (payloads: string[]) => payloads.map((payload) => JSON.parse(payload).i);
const warnings = (log: { lines: string[] }) => log.lines.filter((line) => line.startsWith('warn'));

const leftBehind: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of leftBehind.splice(0).reverse()) await end();
});

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('where nobody is subscribed to events', () => {
  async function start(retryMs: number, changes: Partial<MqttOptions> = {}, setup: BrokerSetup = {}) {
    const broker = await Mosquitto.start(setup);
    leftBehind.push(() => broker.close());
    const log = recordingLog();
    const options: MqttOptions = {
      ...{ url: broker.url, deviceId: 'test', topics, rejectUnauthorized: true, keepaliveSeconds: 30 },
      ...{
        ...BOUNDS,
        timing: { reconnectMinMs: 10, announceMinMs: 10, announceMaxMs: 20, refusedRetryMs: retryMs },
      },
      ...changes,
    };
    const publisher = new MqttPublisher(options, log, systemClock);
    leftBehind.push(() => publisher.stop());
    publisher.setState(topics.alarm, 'OFF');
    publisher.start();
    await until(() => publisher.connected, 'not connected');
    /** Nothing is under way any more. */
    const sent = () => until(() => publisher.stats.queuedEvents === 0, 'an event is held back');
    return { broker, publisher, log, sent };
  }

  it('says so once, lets nothing wait for it, and tells all of it, in order, to whoever comes', async () => {
    const { broker, publisher, log, sent } = await start(300);
    let changes = 0;
    publisher.onRefusal(() => changes++);
    for (const i of [0, 1, 2]) publisher.sendEvent(topics.event, event(i));
    await sent();
    expect(publisher.stats).toMatchObject({ heard: false, refused: [], reconnects: 0 });
    await sleep(1000);
    expect(warnings(log)).toEqual([expect.stringContaining('nobody is subscribed to this topic')]);
    expect([publisher.stats.heard, changes]).toEqual([false, 1]);
    const seen = await broker.subscribe(topics.event);
    await until(() => seen.on(topics.event).length === 3, 'they are lost');
    expect(numbers(seen.on(topics.event))).toEqual([0, 1, 2]);
    expect(seen.on(topics.event).every((payload) => JSON.parse(payload).replayed)).toBe(true);
    await until(() => publisher.stats.heard, 'nobody is said to listen, and somebody does');
    await sleep(600);
    expect([seen.on(topics.event).length, changes]).toEqual([3, 2]);
  });

  it.each([
    ['when Home Assistant comes', ({ broker }) => broker.publish(BIRTH_TOPIC, 'online'), [0]],
    ['before the next event', ({ publisher }) => publisher.sendEvent(topics.event, event(1)), [0, 1]],
  ] satisfies [string, (parts: Awaited<ReturnType<typeof start>>) => void, number[]][])(
    'tells it at once %s',
    async (_, come, expected) => {
      const announcement = {
        messages: [{ topic: 'homeassistant/x', payload: '{}' }],
        first: [],
        onDone() {},
      };
      const parts = await start(HOUR_MS, { announcement });
      parts.publisher.sendEvent(topics.event, event(0));
      await parts.sent();
      const seen = await parts.broker.subscribe(topics.event);
      await sleep(300);
      expect(seen.messages).toEqual([]);
      come(parts);
      await until(() => seen.messages.length === expected.length, 'it is not told');
      expect(numbers(seen.on(topics.event))).toEqual(expected);
    },
  );

  it('tells it on the next connection', async () => {
    const { broker, publisher, sent } = await start(HOUR_MS, {}, { persistent: true });
    publisher.sendEvent(topics.event, event(0));
    await sent();
    await (await broker.collect(topics.event)).close();
    await broker.stop();
    await until(() => !publisher.connected, 'the loss was not noticed');
    await broker.run();
    await until(
      () => publisher.stats.heard,
      'it is not told, or who is away for a while is taken for nobody',
    );
    const seen = await broker.collect(topics.event);
    await seen.waitFor(topics.event);
  });

  it('takes who is subscribed to the state of the alarm for somebody, and keeps the event all the same', async () => {
    const { broker, publisher, sent } = await start(300);
    await broker.subscribe(topics.alarm);
    publisher.setState(topics.alarm, 'ON');
    publisher.sendEvent(topics.event, event(0));
    await sent();
    expect(publisher.stats.heard).toBe(true);
    const seen = await broker.subscribe(topics.event);
    await seen.waitFor(topics.event);
  });

  it('tells the others where the broker refuses the oldest meanwhile', async () => {
    const login = { username: 'bath', password: 'secret' };
    const acl = (rule: string) => `user ${login.username}\ntopic readwrite #\n${rule}`;
    const { broker, publisher, sent } = await start(HOUR_MS, login, { login, acl: acl('') });
    for (const i of [0, 1]) publisher.sendEvent(topics.event, event(i));
    await sent();
    broker.setAcl(acl(`topic deny ${topics.event}`));
    await sleep(300);
    publisher.sendEvent(topics.event, event(2));
    await until(() => publisher.stats.refused.length === 3, 'the others are not tried');
    broker.setAcl(acl(''));
    const seen = await broker.subscribe(topics.event);
    publisher.sendEvent(topics.event, event(3));
    await seen.waitFor(topics.event, (payload) => JSON.parse(payload).i === 3);
  });

  it('lets a test go, and says so', async () => {
    const { broker, publisher, sent } = await start(100);
    publisher.sendEvent(topics.event, event(0, true));
    await sent();
    await until(() => !publisher.stats.heard, 'nothing is said');
    const seen = await broker.subscribe(topics.event);
    await sleep(500);
    expect(seen.messages).toEqual([]);
  });
});

it('tries it again after 1, 2, 4 … minutes, for an hour: a rule inside a broker may tell people each time', async () => {
  const clock = new ManualClock();
  const log = recordingLog();
  const outbox = new Outbox({ events: 1000, bytes: 1e7, days: 30 }, log, clock);
  const triedAtMs: number[] = [];
  const audience: Audience = new Audience(outbox, DEFAULT_TIMING.refusedRetryMs, clock, log, {
    onChange() {},
    onRetry() {
      audience.retry();
      send();
    },
  });
  const send = () => {
    const next = outbox.next((each) => audience.lacks(each));
    if (!next) return;
    triedAtMs.push(clock.now());
    audience.unheard(next);
  };
  outbox.add('event', event(0), false);
  send();
  await clock.advance(2 * UNHEARD_MS);
  expect(triedAtMs.slice(0, 5)).toEqual([0, 60_000, 120_000, 240_000, 480_000]);
  expect(triedAtMs.length).toBe(8);
  expect(audience.isGone).toBe(false); // of what nobody waits for any more nobody needs to be told
  expect([outbox.size, outbox.dropped, audience.waiting, clock.pending]).toEqual([0, 0, 0, 0]);
  expect(warnings(log)).toHaveLength(1);
});
