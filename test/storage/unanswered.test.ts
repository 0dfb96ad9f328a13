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
  const escalated = { repetition: 2, reminders: 0, unacknowledgedSeconds: 30 };
  expect(next(alarmStarted, of('alarm_escalated', escalated))).toMatchObject({ repetitions: 2 });
  expect(next(alarmStarted, of('alarm_acknowledged', { afterSeconds: 1 }))).toBeUndefined();
});

it('one of which somebody was told who came late is repeated by time as often as without', () => {
  const reminded = of('alarm_escalated', { repetition: 4, reminders: 3, unacknowledgedSeconds: 30 });
  expect(next(alarmStarted, reminded)).toMatchObject({ episodeId, ageMs: 60_000, repetitions: 1 });
});

it('one that was acknowledged by a word meant for an earlier one, and is repeated for that, is found', () => {
  const late = of('alarm_acknowledged', { afterSeconds: 1 });
  const again = { repetition: 1, reminders: 1, unacknowledgedSeconds: 30, atMs: atMs + 30_000 };
  const found = next(alarmStarted, late, of('alarm_escalated', again));
  expect(found).toMatchObject({ episodeId, label, ageMs: 60_000, repetitions: 0 });
});

it('one is taken for a new one where the clock was set back', () => {
  expect(next(alarmStarted)).toBeDefined();
  expect(new UnansweredAlarm(store, new ManualClock(0), log).load()).toMatchObject({ episodeId, ageMs: 0 });
  expect(log.lines).toEqual([]);
});

it.each<[string, (alarm: UnansweredAlarm) => void]>([
  ['says more of it', (alarm) => alarm.event(alarmEnded)],
  ['looks at the clock', (alarm) => alarm.lookAtClock()],
  ['ends', (alarm) => alarm.stop()],
])(
  'one that was dated before the clock was set is as old after it, once the run that has heard it %s',
  async (_, then) => {
    const ahead = 3 * 86_400_000;
    const clock = new ManualClock(atMs);
    const alarm = new UnansweredAlarm(store, clock, log);
    alarm.event(alarmStarted);
    await clock.advance(25_000);
    clock.wallMs = () => atMs + ahead + clock.now();
    then(alarm);
    const next = new UnansweredAlarm(store, new ManualClock(atMs + ahead + 60_000), log).load();
    expect(next).toMatchObject({ episodeId, ageMs: 60_000 });
  },
);

it('one is as old as it is where the machine has slept since', async () => {
  const clock = new ManualClock(atMs);
  const alarm = new UnansweredAlarm(store, clock, log);
  alarm.event(alarmStarted);
  await clock.advance(25_000);
  clock.sleep(8 * 3_600_000);
  alarm.lookAtClock();
  const next = new UnansweredAlarm(store, new ManualClock(clock.wallMs()), log).load();
  expect(next).toMatchObject({ episodeId, ageMs: 8 * 3_600_000 + 25_000 });
});

it('one of an earlier run is as old as that run took it to be, too', async () => {
  const clock = new ManualClock(atMs + 60_000);
  new UnansweredAlarm(store, new ManualClock(atMs), log).event(alarmStarted);
  const alarm = new UnansweredAlarm(store, clock, log);
  expect(alarm.load()).toMatchObject({ ageMs: 60_000 });
  clock.wallMs = () => 0;
  alarm.lookAtClock();
  clock.wallMs = () => atMs + 86_400_000 + clock.now();
  alarm.lookAtClock();
  const next = new UnansweredAlarm(store, new ManualClock(atMs + 86_460_000), log).load();
  expect(next).toMatchObject({ episodeId, ageMs: 120_000 });
});

it.each([
  ['by a clock that is never set', 5000, [10_000, 20_000, 30_000]],
  ['by a clock that was not set yet', 5000, [10_000, atMs, atMs + 60_000]],
  ['more than a year ago', atMs - 400 * 86_400_000, [atMs, atMs + 60_000, atMs + 120_000]],
])('one that was dated %s is taken for a new one until it was repeated as such', (_, startedAtMs, starts) => {
  const first = new UnansweredAlarm(store, new ManualClock(startedAtMs), log);
  const repeated = of('alarm_escalated', { repetition: 1, reminders: 0, unacknowledgedSeconds: 1 });
  for (const event of [{ ...alarmStarted, atMs: startedAtMs }, repeated]) first.event(event);
  const restart = (startMs: number) => {
    const alarm = new UnansweredAlarm(store, new ManualClock(startMs), log);
    return { alarm, found: alarm.load() };
  };
  const [cutShort = 0, second = 0, third = 0] = starts;
  expect(restart(cutShort).found).toMatchObject({ episodeId, ageMs: 0, quiet: false });
  const { alarm, found } = restart(second);
  expect(found).toMatchObject({ episodeId, ageMs: 0, quiet: false });
  alarm.event(repeated);
  expect(restart(third).found).toMatchObject({ episodeId, quiet: true });
  restart(third).alarm.event(alarmStarted); // the next alarm is one of its own
  expect(restart(third).found?.quiet).toBe(false);
});

it('one is not found where it is damaged', () => {
  files.set('unanswered.json', '{"episodeId":1}');
  expect(next()).toBeUndefined();
  expect(log.lines.join()).toMatch(/warn it cannot be read whether an alarm waits .*unanswered.json/);
});

it('one whose file cannot be read is said, not taken for none', () => {
  const read = () => {
    throw new Error('EACCES');
  };
  expect(new UnansweredAlarm({ ...store, read }, new ManualClock(atMs), log).load()).toBeUndefined();
  expect(log.lines.join()).toMatch(/warn it cannot be read whether an alarm waits .*EACCES/);
});
