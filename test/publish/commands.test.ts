import { beforeEach, describe, expect, it } from 'vitest';
import { Commands, type CommandTarget } from '../../src/publish/commands.js';
import type { IncomingMessage } from '../../src/publish/connection.js';
import { topicsOf } from '../../src/publish/topics.js';
import type { SettingValues } from '../../src/types.js';
import { ManualClock } from '../support/clock.js';
import { recordingLog } from './samples.js';

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
const { settings: states, commands: set } = topics;

let values: SettingValues;
let done: string[];
let said: string[];
let handlers: Map<string, (message: IncomingMessage) => void>;
let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;
let commands: Commands;

function start(changes: Partial<CommandTarget> = {}): void {
  const publisher = {
    setState: (topic: string, payload: string) => said.push(`${topic} ${payload}`),
    onMessage: (topic: string, handler: (message: IncomingMessage) => void) => handlers.set(topic, handler),
  };
  const target: CommandTarget = {
    get settings() {
      return values;
    },
    set(name, value) {
      if (name === 'hits' && Number(value) > values.window)
        return { code: 'contradiction', problem: 'hits must be at most window' };
      values = { ...values, [name]: value };
      return undefined;
    },
    acknowledge: ({ by, episodeId }) =>
      void done.push(
        ['acknowledge', by && `by ${by}`, episodeId && `of ${episodeId}`].filter(Boolean).join(' '),
      ),
    rollouts: false,
    occupied: (occupied, retained) => done.push(`occupied ${occupied}${retained ? ', retained' : ''}`),
    test: () => void done.push('test'),
    feedback: (verdict, of) => void done.push(of === undefined ? verdict : `${verdict} of ${of}`),
    ...changes,
  };
  commands = new Commands(publisher as never, topics, target, log, clock);
  commands.start();
  said = [];
}

/** The broker delivers a message. */
function deliver(topic: string, payload: string | Buffer, retained = false): void {
  handlers.get(topic)?.({ topic, payload: Buffer.from(payload), retained });
}

const warnings = () => log.lines.filter((line) => line.startsWith('warn'));

beforeEach(() => {
  values = { enabled: true, threshold: 0.6, hits: 2, window: 3, cooldownSeconds: 10 };
  done = [];
  said = [];
  handlers = new Map();
  clock = new ManualClock();
  log = recordingLog();
});

describe('a flood of commands', () => {
  it('is obeyed, and its last value said, though not each of them', async () => {
    start();
    for (let i = 0; i < 10_000; i++) {
      deliver(set.threshold, `0.${1000 + (i % 1000)}`);
      deliver(set.threshold, 'garbage');
      if (i % 1000 === 999) await clock.advance(1000);
    }
    deliver(set.threshold, '0.77');
    deliver(set.threshold, 'garbage');
    expect(values.threshold).toBe(0.77);
    await clock.advance(60_000);
    expect(said.length).toBeLessThanOrEqual(20 + 11);
    expect(said.at(-1)).toBe(`${states.threshold} 0.77`);
    expect(clock.pending).toBe(0);
  });

  it('of a sensor leaves its last word', async () => {
    start();
    for (let i = 0; i < 1000; i++) deliver(set.occupied, i % 2 ? 'OFF' : 'ON');
    deliver(set.occupied, 'None', true);
    await clock.advance(1000);
    expect(done).toHaveLength(20 + 1);
    expect(done.at(-1)).toBe('occupied undefined, retained');
  });

  it('is obeyed to its last word when it stops', () => {
    start();
    for (let i = 0; i < 1000; i++) deliver(set.enabled, i % 2 ? 'OFF' : 'ON');
    commands.stop();
    expect(values.enabled).toBe(false);
    expect(said.at(-1)).toBe(`${states.enabled} OFF`);
    expect(clock.pending).toBe(0);
  });
});

describe('a setting', () => {
  it('of quiet hours is a time of day, as Home Assistant says it, too; without them nobody is listened to', () => {
    start();
    expect(handlers.has(set.quietFrom)).toBe(false);
    values = { ...values, quietFrom: '22:00', quietTo: '07:00' };
    start();
    for (const text of ['21:30:00', '24:00', '12:60', '7', 'PRESS', '7:05:59']) deliver(set.quietFrom, text);
    expect(said).toEqual(
      ['21:30', ...Array(4).fill('21:30'), '07:05'].map((t) => `${states.quietFrom} ${t}`),
    );
    expect(warnings()).toHaveLength(4);
    expect(warnings()[0]).toContain('expected a time of day such as 22:00');
  });

  it('is said at the start', () => {
    const all: string[] = [];
    const publisher = {
      setState: (topic: string, text: string) => all.push(`${topic} ${text}`),
      onMessage() {},
    };
    new Commands(
      publisher as never,
      topics,
      { settings: values, rollouts: false, set: () => undefined, acknowledge() {}, test() {}, occupied() {} },
      log,
      clock,
    ).start();
    expect(all).toEqual([
      `${states.enabled} ON`,
      `${states.threshold} 0.6`,
      `${states.hits} 2`,
      `${states.window} 3`,
      `${states.cooldownSeconds} 10`,
    ]);
  });

  it.each([
    [set.enabled, 'OFF', 'enabled', false, `${states.enabled} OFF`],
    [set.threshold, '0.75', 'threshold', 0.75, `${states.threshold} 0.75`],
    [set.window, ' 5\n', 'window', 5, `${states.window} 5`],
    [set.cooldownSeconds, '3.0', 'cooldownSeconds', 3, `${states.cooldownSeconds} 3`],
  ])('is changed by %s %j and said again', (topic, payload, name, value, state) => {
    start();
    deliver(topic, payload);
    expect(values).toMatchObject({ [name]: value });
    expect(said).toEqual([state]);
    expect(warnings()).toEqual([]);
  });

  it('of sensitivity takes one of its words, where the model has kinds of events', () => {
    values = { ...values, sensitivity: 'normal' };
    start();
    deliver(set.sensitivity, 'high');
    expect(values.sensitivity).toBe('high');
    deliver(set.sensitivity, 'HIGH');
    expect(said).toEqual([`${states.sensitivity} high`, `${states.sensitivity} high`]);
    expect(warnings()[0]).toMatch(/expected low, normal, high/);
  });

  it('that does nothing with this model is not listened to', () => {
    start();
    expect(handlers.has(set.sensitivity)).toBe(false);
  });

  const refused: [name: string, topic: string, payload: string | Buffer][] = [
    ['a word', set.threshold, 'high'],
    ['a number in other digits', set.threshold, '٠٫٥'],
    ['an expression', set.threshold, '1e-1'],
    ['hexadecimal', set.hits, '0x2'],
    ['JSON', set.hits, '{"hits":2}'],
    ['lower case', set.enabled, 'off'],
    ['what the target refuses', set.hits, '4'],
    ['huge', set.threshold, '1'.repeat(1001)],
    ['invalid UTF-8', set.threshold, Buffer.from([0x30, 0x2e, 0x80])],
    ['zero bytes', set.enabled, 'OFF\0'],
  ];
  it.each(refused)('stays as it is after %s, and is said again', (_, topic, payload) => {
    start();
    const before = values;
    deliver(topic, payload);
    expect(values).toEqual(before);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(new RegExp(`^${topic.replace('/set', ' ')}`));
    expect(warnings()).toHaveLength(1);
  });

  it('does not follow a retained command, which may be old, and says why', () => {
    start();
    deliver(set.enabled, 'OFF', true);
    expect(values.enabled).toBe(true);
    expect(warnings()[0]).toMatch(/retained.*without the retain flag/);
    deliver(set.enabled, ''); // the retained message is removed
    expect(warnings()).toHaveLength(1);
  });
});

describe('a setting that is rolled out to all devices', () => {
  const all = topics.rollouts;

  it('is taken where that is wanted, also as the broker has retained it', () => {
    start();
    deliver(all.threshold, '0.7', true);
    expect(values.threshold).toBe(0.6);
    const texts: unknown[] = [];
    start({
      rollouts: true,
      set(name, value, rolledOut) {
        texts.push([name, value, rolledOut]);
        return undefined;
      },
    });
    deliver(all.threshold, ' 0.7 ', true);
    deliver(all.hits, '3');
    deliver(set.hits, '2');
    expect(texts).toEqual([
      ['threshold', 0.7, '0.7'],
      ['hits', 3, '3'],
      ['hits', 2, undefined],
    ]);
    deliver(all.threshold, 'loud', true);
    expect(warnings()[0]).toContain(all.threshold);
  });

  it('waits for what it goes with, and is said to be refused only where that does not come', async () => {
    values = { ...values, hits: 2, window: 3 };
    start({ rollouts: true });
    deliver(all.hits, '5', true);
    deliver(all.window, '4', true);
    expect(values).toMatchObject({ hits: 2, window: 4 });
    deliver(all.window, '6', true);
    expect(values).toMatchObject({ hits: 5, window: 6 });
    expect(said).toContain(`${states.hits} 5`);
    await clock.advance(60_000);
    expect(warnings()).toEqual([]);

    deliver(all.hits, '9', true);
    await clock.advance(60_000);
    expect(warnings()).toEqual([expect.stringMatching(/all\/hits\/set.*hits must be at most window/)]);
    deliver(set.window, '10'); // also much later, and said here
    expect(values).toMatchObject({ hits: 9, window: 10 });
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['it is taken back', () => deliver(all.hits, '', true)],
    ['something else is set here', () => deliver(set.hits, '1')],
    ['something else is rolled out', () => deliver(all.hits, '1')],
  ])('waits no more once %s', async (_, happens) => {
    start({ rollouts: true });
    deliver(all.hits, '5', true);
    happens();
    const { hits } = values;
    deliver(all.window, '6', true);
    expect(values).toMatchObject({ hits, window: 6 });
    await clock.advance(60_000);
    expect(warnings()).toEqual([]);
  });

  it('never switches detection off', () => {
    start({ rollouts: true });
    const heard = [...handlers.keys()].filter((topic) => topic.startsWith('bathnet/all/'));
    expect(heard).toEqual([all.threshold, all.hits, all.window, all.cooldownSeconds]); // it has no sensitivity
    deliver('bathnet/all/enabled/set', 'OFF', true);
    expect(values.enabled).toBe(true);
  });
});

describe('an action', () => {
  it('is done for exactly its word', () => {
    start();
    deliver(set.acknowledge, 'PRESS');
    deliver(set.test, 'PRESS');
    deliver(set.feedback, 'false_alarm');
    deliver(set.feedback, 'real_alarm');
    for (const topic of [set.acknowledge, set.test, set.feedback]) {
      deliver(topic, 'press it');
      deliver(topic, 'PRESS', true);
    }
    expect(done).toEqual(['acknowledge', 'test', 'false_alarm', 'real_alarm']);
    expect(said).toEqual([]);
  });

  it('of judging can say which alarm it is of', () => {
    start();
    deliver(set.feedback, '{"verdict":"false_alarm","episodeId":"an-alarm"}');
    deliver(set.feedback, '{"verdict":"real_alarm"}');
    const wrong = ['{}', '{"verdict":"maybe"}', '{"verdict":"false_alarm","episodeId":7}', '{"verdict":'];
    for (const text of wrong) deliver(set.feedback, text);
    expect(done).toEqual(['false_alarm of an-alarm', 'real_alarm']);
    expect(warnings()).toHaveLength(wrong.length);
  });

  it('of acknowledging can say who does it, and which alarm it is', () => {
    start();
    deliver(set.acknowledge, '{"by":" Schwester Ana "}');
    deliver(set.acknowledge, '{"by":"Ana","episodeId":"an-alarm"}');
    deliver(set.acknowledge, '{"episodeId":"an-alarm"}');
    const wrong = ['{}', '{"by":""}', '{"by":7}', '{"by":"a","at":1}', '{"by":"\\u0007"}', '"Ana"', '{"by":'];
    for (const text of [...wrong, JSON.stringify({ by: 'a'.repeat(81) })]) deliver(set.acknowledge, text);
    expect(done).toEqual([
      'acknowledge by Schwester Ana',
      'acknowledge by Ana of an-alarm',
      'acknowledge of an-alarm',
    ]);
    expect(warnings()).toHaveLength(wrong.length + 1);
    expect(warnings()[0]).toMatch(/expected PRESS, or .*by.* at most 80 characters/);
  });

  it('of testing is done a few times, and then once a minute', async () => {
    start();
    for (let i = 0; i < 100; i++) deliver(set.test, 'PRESS');
    expect(done).toHaveLength(5);
    expect(warnings().at(-1)).toContain('too many tests');
    await clock.advance(60_000);
    deliver(set.test, 'PRESS');
    deliver(set.test, 'PRESS');
    expect(done).toHaveLength(6);
  });

  it('of testing says why it is not done', () => {
    start({ test: () => ({ code: 'events_wait', problem: 'events wait' }) });
    deliver(set.test, 'PRESS');
    expect(warnings()).toEqual([expect.stringContaining('events wait')]);
  });

  it('is not listened to where nobody keeps verdicts', () => {
    start({ feedback: undefined });
    expect(handlers.has(set.feedback)).toBe(false);
  });
});

describe('who is in the room', () => {
  it('is taken from exactly three words, and from none: it is not known', () => {
    start();
    for (const word of ['ON', ' OFF\n', 'None', '']) deliver(set.occupied, word);
    expect(done).toEqual(['occupied true', 'occupied false', 'occupied undefined', 'occupied undefined']);
    expect(warnings()).toEqual([]);
  });

  it('is taken from what the broker kept, which may be old', () => {
    start();
    deliver(set.occupied, 'OFF', true);
    expect(done).toEqual(['occupied false, retained']);
    expect(warnings()).toEqual([]);
  });

  const refused: [string, string | Buffer][] = [
    ['lower case', 'on'],
    ["Home Assistant's own words", 'unavailable'],
    ['what buttons say', 'PRESS'],
    ['JSON', '{"occupancy":true}'],
    ['huge', 'ON'.padEnd(1001)],
    ['invalid UTF-8', Buffer.from([0x4f, 0x4e, 0x80])],
  ];
  it.each(refused)('is not taken from %s', (_, payload) => {
    start();
    for (const retained of [false, true]) deliver(set.occupied, payload, retained);
    expect(done).toEqual([]);
    expect(warnings()).toHaveLength(2);
    expect(warnings()[0]).toContain(set.occupied);
  });
});
