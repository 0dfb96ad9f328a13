import { beforeEach, expect, it } from 'vitest';
import { UnansweredAlarm } from '../../src/storage/unanswered.js';
import type { DecisionEvent } from '../../src/types.js';
import { alarmEnded, alarmStarted, recordingLog } from '../publish/samples.js';
import { ManualClock } from '../support/clock.js';

let files: Map<string, string>;
let log: ReturnType<typeof recordingLog>;
const store = {
  read: (name: string) => files.get(name),
  write: (name: string, text: string) => void files.set(name, text),
};
beforeEach(() => {
  files = new Map();
  log = recordingLog();
});

const { episodeId, label, kind, atMs } = alarmStarted;
const of = (type: 'alarm_escalated' | 'alarm_acknowledged', more: object) =>
  ({ type, episodeId, label, kind, atMs, ...more }) as DecisionEvent;

/** What the next run finds, a minute after the alarm. */
function next(...events: DecisionEvent[]) {
  const alarm = new UnansweredAlarm(store, new ManualClock(atMs), log);
  for (const event of events) alarm.event(event);
  alarm.stop();
  return new UnansweredAlarm(store, new ManualClock(atMs + 60_000), log).load();
}

it('an alarm that nobody has acknowledged is found by the next run, and by the one after it', () => {
  expect(next()).toBeUndefined();
  expect(next(alarmStarted, alarmEnded)).toMatchObject({ episodeId, label, ageMs: 60_000, repetitions: 0 });
  expect(next(of('alarm_escalated', { repetition: 2 }))).toBeDefined();
  expect(next(alarmStarted, of('alarm_escalated', { repetition: 2 }))).toMatchObject({ repetitions: 2 });
  expect(next(alarmStarted, of('alarm_acknowledged', { afterSeconds: 1 }))).toBeUndefined();
});

it('one is taken for a new one where the clock was set back', () => {
  expect(next(alarmStarted)).toBeDefined();
  expect(new UnansweredAlarm(store, new ManualClock(0), log).load()).toMatchObject({ episodeId, ageMs: 0 });
  expect(log.lines).toEqual([]);
});

it('one is not found where it is damaged', () => {
  files.set('unanswered.json', '{"episodeId":1}');
  expect(next()).toBeUndefined();
  expect(log.lines.join()).toMatch(/warn it cannot be read whether an alarm waits .*unanswered.json/);
});
