import { version } from 'uuid';
import { beforeEach, describe, expect, it } from 'vitest';
import { LOSS_SAID_MS } from '../../src/constants.js';
import { AGAIN_WITHIN_MS } from '../../src/publish/losses.js';
import type { Health } from '../../src/publish/payloads.js';
import { BACK_MS, type Messenger, Reporter, type ReporterOptions } from '../../src/publish/reporter.js';
import { topicsOf } from '../../src/publish/topics.js';
import { ManualClock } from '../support/clock.js';
import { alarmEnded, alarmStarted, model, scoredWindow, T0 } from './samples.js';

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });

/** Keeps what it is given. */
class RecordingPublisher implements Messenger {
  readonly messages: { kind: 'state' | 'event' | 'value'; topic: string; payload: string; qos?: number }[] =
    [];
  stats = {
    reconnects: 0,
    queuedEvents: 0,
    droppedEvents: 0,
    durable: true,
    refused: [] as string[],
    passedOn: true,
    heard: true,
  };
  connected = true;
  refusalChanged = () => {};

  onRefusal(handler: () => void): void {
    this.refusalChanged = handler;
  }

  setState(topic: string, payload: string, qos: 0 | 1 = 1): void {
    this.messages.push({ kind: 'state', topic, payload, qos });
  }

  setLiveState(topic: string, payload: string): void {
    this.messages.push({ kind: 'state', topic, payload, qos: 1 });
  }

  sendEvent(topic: string, payload: string): void {
    this.messages.push({ kind: 'event', topic, payload });
  }

  send(topic: string, payload: string): void {
    this.messages.push({ kind: 'value', topic, payload });
  }

  on(topic: string) {
    return this.messages.filter((message) => message.topic === topic).map(({ payload }) => payload);
  }

  json(topic: string) {
    return this.on(topic).map((payload) => JSON.parse(payload));
  }
}

let publisher: RecordingPublisher;
let clock: ManualClock;
let health: Health;

beforeEach(() => {
  publisher = new RecordingPublisher();
  clock = new ManualClock(T0);
  health = {
    uptimeSeconds: 1,
    memoryMb: 100,
    diskFreeBytes: 1e9,
    inferenceMs: 2,
    droppedWindows: 0,
    vetoed: 0,
  };
});

function reporterWith(options: Partial<ReporterOptions> = {}): Reporter {
  const all = { smoothingWindows: 1, scores: false, ...options };
  return new Reporter(publisher, all, model, topics, () => health, clock);
}

/** Sound arrives and is analysed. */
function hear(reporter: Reporter): void {
  reporter.inputOnline();
  reporter.window(scoredWindow(clock.now(), 0.1));
}

/** What the last health message names. */
const problemsNow = (): string[] => publisher.json(topics.health).at(-1).problems;

/** Feeds windows every 480 ms with these scores of `abnormal`. */
async function feed(reporter: Reporter, abnormal: number[], levels: [rms: number, peak: number][] = []) {
  for (const [i, score] of abnormal.entries()) {
    const [rmsDbfs, peakDbfs] = levels[i] ?? [-30, -12];
    reporter.window(scoredWindow(clock.now(), score, { rmsDbfs, peakDbfs }));
    await clock.advance(480);
  }
}

describe('at the start', () => {
  it('sets alarm off and input offline, and shows its health', () => {
    reporterWith().start();
    expect(publisher.on(topics.alarm)).toStrictEqual(['OFF']);
    expect(publisher.on(topics.inputAvailability)).toStrictEqual(['offline']);
    expect(publisher.json(topics.health)).toMatchObject([
      { problems: ['no_sound'], model: { engine: 'tfjs-wasm' } },
    ]);
    expect(publisher.messages.every(({ kind, qos }) => kind === 'state' && qos === 1)).toBe(true);
  });
});

it('says with every health message whether the microphone is fine', () => {
  const reporter = reporterWith();
  reporter.start();
  hear(reporter);
  reporter.inputOffline();
  expect(publisher.on(topics.microphone)).toStrictEqual(['problem', 'fine', 'problem']);
});

it('calls no microphone fine of whose sound nothing was analysed, as with an engine that hangs', async () => {
  const reporter = reporterWith();
  reporter.start();
  reporter.inputOnline();
  await clock.advance(120_000);
  expect(publisher.on(topics.microphone)).not.toContain('fine');
  expect(publisher.on(topics.inputAvailability)).toStrictEqual(['offline']);
  reporter.window(scoredWindow(clock.now(), 0.1));
  expect(publisher.on(topics.microphone).at(-1)).toBe('fine');
  reporter.inputOffline();
  reporter.window(scoredWindow(clock.now(), 0.1)); // of before
  expect(publisher.on(topics.microphone).at(-1)).toBe('problem');
});

it('shows at once what the broker refuses', () => {
  reporterWith().start();
  publisher.stats = {
    ...publisher.stats,
    refused: ['bathnet/test/event 1.json', 'subscription to bathnet/test/test/set'],
    passedOn: false,
  };
  publisher.refusalChanged();
  expect(publisher.json(topics.health).at(-1)).toMatchObject({
    problems: ['no_sound', 'messages_refused', 'commands_not_heard', 'messages_not_passed_on'],
    refused: publisher.stats.refused,
  });
});

it('says that nobody listens, unless people are told beside MQTT', () => {
  publisher.stats = { ...publisher.stats, heard: false };
  reporterWith().start();
  expect(problemsNow()).toContain('nobody_listens');
  reporterWith({ toldBeside: true }).start();
  expect(problemsNow()).not.toContain('nobody_listens');
});

describe('class', () => {
  it('is published at once, and then every 10 s while it stays the same', async () => {
    const reporter = reporterWith();
    await feed(reporter, Array(46).fill(0.1)); // 22.08 s
    expect(publisher.json(topics.class).map(({ at }) => Date.parse(at) - T0)).toStrictEqual([
      0, 10_080, 20_160,
    ]);
  });

  it('is published when the label changes, at most once a second, the last value always', async () => {
    const reporter = reporterWith();
    await feed(reporter, [0.1, 0.9, 0.8]); // a change at 480 ms must wait until 1000 ms
    expect(publisher.json(topics.class)).toMatchObject([
      { label: 'background', at: new Date(T0).toISOString() },
      { label: 'abnormal', confidence: 0.8, at: new Date(T0 + 960).toISOString() },
    ]);
  });

  it('does not exceed one a second however fast labels change or a file is played', async () => {
    const reporter = reporterWith();
    for (let i = 0; i < 1000; i++) {
      reporter.window(scoredWindow(i * 480, i % 2));
      await clock.advance(10);
    }
    expect(publisher.on(topics.class).length).toBeGreaterThanOrEqual(10);
    expect(publisher.on(topics.class).length).toBeLessThanOrEqual(11);
  });

  it('is the mean of the last windows', async () => {
    const reporter = reporterWith({ smoothingWindows: 3 });
    await feed(reporter, [0, 0, 0.9, 0.9, 0.9]);
    expect(publisher.json(topics.class)).toMatchObject([
      { label: 'background', confidence: 1 },
      { label: 'abnormal', confidence: 0.6, scores: { background: 0.4, abnormal: 0.6 } },
    ]);
  });

  it('says nothing of sound before a gap once there is one after it', async () => {
    const reporter = reporterWith({});
    reporter.start();
    reporter.inputOnline();
    reporter.window(scoredWindow(0, 0));
    reporter.inputOffline();
    reporter.inputOnline();
    reporter.window(scoredWindow(600, 1)); // waits until a second is over
    const said = publisher.on(topics.class).length;
    reporter.inputOffline();
    reporter.inputOnline();
    await clock.advance(1000);
    expect(publisher.on(topics.class)).toHaveLength(said);
  });

  it('does not average over a gap in the sound', async () => {
    const reporter = reporterWith({ smoothingWindows: 3 });
    reporter.inputOnline();
    await feed(reporter, [0, 0, 0]);
    reporter.inputOffline();
    await clock.advance(5000);
    reporter.inputOnline();
    await feed(reporter, [0.9]);
    expect(publisher.json(topics.class).at(-1)).toMatchObject({ label: 'abnormal', confidence: 0.9 });
  });

  it('that waits for its second goes out when the reporter stops', async () => {
    const reporter = reporterWith();
    reporter.start();
    reporter.inputOnline();
    await feed(reporter, [0.1, 0.9]);
    reporter.stop();
    expect(publisher.json(topics.class).map(({ label }) => label)).toStrictEqual(['background', 'abnormal']);
    expect(publisher.on(topics.inputAvailability).at(-1)).toBe('offline');
    expect(clock.pending).toBe(0);
  });
});

describe('level', () => {
  it('is the mean energy and the highest peak of 5 s, with QoS 0', async () => {
    const reporter = reporterWith();
    const levels: [number, number][] = Array.from({ length: 12 }, () => [-40, -30]);
    levels[3] = [-20, -6];
    await feed(reporter, Array(12).fill(0), levels);
    const mean = 10 * Math.log10((10 * 1e-4 + 1e-2) / 11);
    expect(publisher.json(topics.level)).toStrictEqual([
      { rmsDbfs: -40, peakDbfs: -30, at: new Date(T0).toISOString() },
      { rmsDbfs: Number(mean.toFixed(1)), peakDbfs: -6, at: new Date(T0 + 5280).toISOString() },
    ]);
    expect(publisher.messages.find(({ topic }) => topic === topics.level)?.qos).toBe(0);
  });
});

describe('raw scores', () => {
  it('are sent for every window when asked for, and never otherwise', async () => {
    await feed(reporterWith(), [0.1, 0.2, 0.3]);
    expect(publisher.on(topics.scores)).toStrictEqual([]);
    await feed(reporterWith({ scores: true, smoothingWindows: 3 }), [0.1, 0.2, 0.3]);
    expect(publisher.json(topics.scores).map(({ scores }) => scores.abnormal)).toStrictEqual([0.1, 0.2, 0.3]);
  });
});

describe('alarm', () => {
  it('has its events inside its ON', () => {
    const reporter = reporterWith();
    reporter.event(alarmStarted);
    reporter.event(alarmEnded);
    expect(
      publisher.messages.map(({ kind, payload }) =>
        kind === 'event' ? JSON.parse(payload).event_type : payload,
      ),
    ).toStrictEqual(['ON', 'alarm_started', 'alarm_ended', 'OFF']);
  });

  it('stays on when the end of an earlier one is told late', () => {
    const reporter = reporterWith();
    reporter.event({ ...alarmEnded, episodeId: 'of an earlier run' });
    reporter.event(alarmStarted);
    reporter.event({ ...alarmEnded, episodeId: 'of an earlier run' });
    expect(publisher.on(topics.alarm)).toStrictEqual(['OFF', 'ON']);
    reporter.event({ ...alarmEnded, episodeId: alarmStarted.episodeId });
    expect(publisher.on(topics.alarm)).toStrictEqual(['OFF', 'ON', 'OFF']);
  });

  it('have ids of their own', () => {
    const reporter = reporterWith();
    reporter.event(alarmStarted);
    reporter.event(alarmEnded);
    const ids = publisher.json(topics.event).map(({ id }) => id);
    expect(ids.map(version)).toStrictEqual([7, 7]);
    expect(new Set(ids).size).toBe(2);
  });
});

describe('water and speech', () => {
  it('are said as states where the model tells them', () => {
    const reporter = reporterWith({ features: { water: true, speech: false } });
    reporter.sense({ waterRunning: true, speech: true });
    reporter.sense({ waterRunning: false, speech: true });
    expect(publisher.on(topics.water)).toStrictEqual(['ON', 'OFF']);
    expect(publisher.on(topics.speech)).toStrictEqual([]);
  });

  it('is published where it has changed', () => {
    const reporter = reporterWith({ features: { water: true, speech: true } });
    reporter.sense({ waterRunning: false, speech: false });
    reporter.sense({ waterRunning: true, speech: false });
    reporter.sense({ waterRunning: true, speech: true });
    expect(publisher.on(topics.water)).toStrictEqual(['OFF', 'ON']);
    expect(publisher.on(topics.speech)).toStrictEqual(['OFF', 'ON']);
  });
});

describe('who is in the room', () => {
  it('is not known at the start, and then as it is told, in words that Home Assistant knows', () => {
    const reporter = reporterWith();
    reporter.start();
    for (const occupied of [true, false, undefined]) reporter.occupied(occupied);
    expect(publisher.on(topics.occupied)).toStrictEqual(['None', 'ON', 'OFF', 'None']);
    expect(publisher.messages.every(({ kind, qos }) => kind === 'state' && qos === 1)).toBe(true);
  });
});

describe('health', () => {
  it('is published every minute', async () => {
    reporterWith().start();
    await clock.advance(180_000);
    expect(publisher.on(topics.health).length).toBe(4);
  });

  it('is published when sound comes and goes, and once for each change', () => {
    const reporter = reporterWith();
    reporter.start();
    hear(reporter);
    hear(reporter);
    reporter.inputOffline();
    reporter.inputOffline();
    expect(publisher.json(topics.health).map(({ problems }) => problems)).toStrictEqual([
      ['no_sound'],
      [],
      ['no_sound'],
    ]);
    expect(publisher.on(topics.inputAvailability)).toStrictEqual(['offline', 'online', 'offline']);
  });

  it('of sound that was lost: it is back once it lasts, not with every moment of it', async () => {
    const reporter = reporterWith();
    reporter.start();
    hear(reporter);
    const before = publisher.on(topics.microphone).length;
    for (let i = 0; i < 20; i++) {
      reporter.inputOffline();
      await clock.advance(20_000);
      reporter.inputOnline(); // opened again, it gives some sound
      await feed(reporter, [0.1]);
      await clock.advance(BACK_MS - 1 - 480);
    }
    expect(new Set(publisher.on(topics.microphone).slice(before))).toStrictEqual(new Set(['problem']));
    expect(publisher.on(topics.inputAvailability)).toStrictEqual(['offline', 'online', 'offline']);
    await clock.advance(1);
    await feed(reporter, [0.1]);
    expect(publisher.on(topics.microphone).at(-1)).toBe('fine');
    expect(publisher.on(topics.inputAvailability).at(-1)).toBe('online');
    expect(publisher.json(topics.health).at(-1).problems).toStrictEqual([]);
  });

  it('names what arrives and is no sound, and the microphone counts as away until it ends', () => {
    const reporter = reporterWith();
    reporter.start();
    hear(reporter);
    reporter.problems('input', ['microphone_zero']);
    reporter.problems('input', []);
    const problems = publisher.json(topics.health).map((message) => message.problems);
    expect(problems).toStrictEqual([['no_sound'], [], ['microphone_zero'], []]);
    expect(publisher.on(topics.inputAvailability)).toStrictEqual(['offline', 'online', 'offline', 'online']);
    expect(publisher.on(topics.microphone)).toStrictEqual(['problem', 'fine', 'problem', 'fine']);
  });

  it('names what keeps alarms away without calling the microphone away, and a failed engine with it', () => {
    const reporter = reporterWith();
    reporter.start();
    hear(reporter);
    reporter.problems('detection', ['detection_off']);
    expect(publisher.on(topics.inputAvailability).at(-1)).toBe('online');
    expect(publisher.on(topics.microphone).at(-1)).toBe('fine');
    reporter.problems('engine', ['engine_failed']);
    expect(publisher.on(topics.inputAvailability).at(-1)).toBe('offline');
    expect(publisher.on(topics.microphone).at(-1)).toBe('problem');
    expect(publisher.json(topics.health).at(-1).problems).toStrictEqual(['engine_failed', 'detection_off']);
  });

  it('names windows and events that were lost since the last message', async () => {
    const reporter = reporterWith();
    reporter.start();
    hear(reporter);
    health = { ...health, droppedWindows: 3 };
    publisher.stats = { ...publisher.stats, droppedEvents: 1 };
    await clock.advance(60_000);
    await clock.advance(60_000);
    const problems = publisher.json(topics.health).map((message) => message.problems);
    expect(problems.slice(-2)).toStrictEqual([['windows_dropped', 'events_dropped'], ['events_dropped']]);
  });

  it('names lost events for an hour, so that who tells people of what lasts does', async () => {
    const reporter = reporterWith();
    publisher.stats = { ...publisher.stats, droppedEvents: 1 }; // damaged, of an earlier run
    reporter.start();
    hear(reporter);
    await clock.advance(LOSS_SAID_MS - 1);
    expect(publisher.json(topics.health).every(({ problems }) => problems.includes('events_dropped'))).toBe(
      true,
    );
    publisher.stats = { ...publisher.stats, droppedEvents: 2 };
    await clock.advance(LOSS_SAID_MS);
    expect(problemsNow()).toStrictEqual(['events_dropped']);
    await clock.advance(60_000);
    expect(problemsNow()).toStrictEqual([]);
  });

  it('names lost events for an hour in which somebody can hear it: without a broker nobody does', async () => {
    const reporter = reporterWith();
    publisher.connected = false;
    publisher.stats = { ...publisher.stats, droppedEvents: 1 };
    reporter.start();
    hear(reporter);
    await clock.advance(10 * LOSS_SAID_MS);
    publisher.connected = true;
    await clock.advance(LOSS_SAID_MS - 1);
    expect(problemsNow()).toStrictEqual(['events_dropped']);
    await clock.advance(60_000);
    expect(problemsNow()).toStrictEqual([]);
  });

  it('names windows that are lost again and again for as long as they are, not only in every third minute', async () => {
    const reporter = reporterWith();
    reporter.start();
    hear(reporter);
    const lose = async () => {
      health = { ...health, droppedWindows: health.droppedWindows + 1 };
      await clock.advance(60_000);
      const said = problemsNow();
      await clock.advance(120_000);
      return [said, problemsNow()];
    };
    const named = ['windows_dropped'];
    expect([await lose(), await lose(), await lose()]).toStrictEqual([
      [named, []], // by accident
      [named, named],
      [named, named],
    ]);
    await clock.advance(AGAIN_WITHIN_MS);
    expect(problemsNow()).toStrictEqual([]);
    expect(await lose()).toStrictEqual([named, []]);
  });

  it('says at the next event that events cannot be kept, and when they can again', () => {
    const reporter = reporterWith();
    hear(reporter);
    for (const durable of [false, false, true]) {
      publisher.stats = { ...publisher.stats, durable };
      reporter.event(alarmStarted);
    }
    const problems = publisher.json(topics.health).map((message) => message.problems);
    expect(problems).toStrictEqual([[], ['outbox_not_durable'], []]);
  });
});
