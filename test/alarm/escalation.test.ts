import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Escalation, type EscalationOptions, LONGEST_REMINDER_MS } from '../../src/alarm/escalation.js';
import type { AlarmEscalated, AlarmStarted } from '../../src/types.js';
import { ManualClock } from '../support/clock.js';
import { windowsOf } from '../support/windows.js';

let clock: ManualClock;
let said: AlarmEscalated[];
beforeEach(() => {
  clock = new ManualClock();
  said = [];
});

const escalationOf = (options: Partial<EscalationOptions> = {}) =>
  new Escalation({ escalateSeconds: 120, escalateTimes: 3, ...options }, clock, (event) => said.push(event));

function alarm(episodeId: string): AlarmStarted {
  return {
    type: 'alarm_started',
    episodeId,
    label: 'abnormal',
    atMs: clock.wallMs(),
    atSeconds: 0,
    confidence: 0.9,
    reason: 'hits',
    window: windowsOf([{ seconds: 0.48 }])[0]!,
    hits: [],
  };
}

describe('an alarm that nobody acknowledges', () => {
  it('is repeated at intervals, a few times', async () => {
    const escalation = escalationOf();
    escalation.note(alarm('a'));
    const startedAtMs = clock.wallMs();
    await clock.advance(119_999);
    expect(said).toEqual([]);
    await clock.advance(3_600_000);
    expect(said).toMatchObject([
      {
        type: 'alarm_escalated',
        episodeId: 'a',
        label: 'abnormal',
        repetition: 1,
        unacknowledgedSeconds: 120,
      },
      { repetition: 2, unacknowledgedSeconds: 240 },
      { repetition: 3, unacknowledgedSeconds: 360 },
    ]);
    expect(said[0]?.atMs).toBe(startedAtMs + 120_000);
    expect(clock.pending).toBe(0);
    expect(escalation.acknowledge()).toMatchObject({ episodeId: 'a' });
  });

  it('is repeated on by the next run, at the times of the first, and can be acknowledged', async () => {
    const earlier = { episodeId: 'a', label: 'abnormal', kind: 'impact', ageMs: 200_000, repetitions: 1 };
    const escalation = escalationOf();
    escalation.resume(earlier);
    await clock.advance(39_999);
    expect(said).toEqual([]);
    await clock.advance(1);
    expect(said).toMatchObject([
      { episodeId: 'a', kind: 'impact', repetition: 2, unacknowledgedSeconds: 240 },
    ]);
    expect(escalation.acknowledge()).toMatchObject({ episodeId: 'a', afterSeconds: 240 });
    await clock.advance(3_600_000);
    expect(said).toHaveLength(1);
    expect(escalationOf().acknowledge()).toBeUndefined();
  });

  it('is repeated by the next run at once where that is overdue, but not when it is hours old', async () => {
    const earlier = { episodeId: 'a', label: 'abnormal', repetitions: 0 };
    escalationOf().resume({ ...earlier, ageMs: LONGEST_REMINDER_MS + 1 });
    escalationOf().resume({ ...earlier, ageMs: 0, repetitions: 3 });
    await clock.advance(3_600_000);
    expect(said).toEqual([]);
    escalationOf().resume({ ...earlier, ageMs: 1_800_000 });
    await clock.advance(0);
    expect(said).toMatchObject([{ repetition: 1, unacknowledgedSeconds: 1800 }]);
  });

  it.each([
    ['however old it is', 86_400_000, false, -90_000_000],
    ['also where it was taken for a new one before, of which nobody knows the time', 0, true, undefined],
  ])('waits for it in the next run %s, and is not repeated then', async (_, ageMs, quiet, agoMs) => {
    const escalation = escalationOf();
    escalation.resume({ episodeId: 'a', label: 'abnormal', repetitions: 0, ageMs, quiet });
    escalation.remind();
    await clock.advance(3_600_000);
    expect(said).toEqual([]);
    expect(escalation.unanswered).toEqual({
      ...{ episodeId: 'a', label: 'abnormal', kind: undefined },
      atMs: agoMs && clock.wallMs() + agoMs,
    });
    expect(escalation.acknowledged('a')).toBe(false);
    expect(escalation.acknowledge()).toMatchObject({ episodeId: 'a', afterSeconds: ageMs / 1000 + 3600 });
    expect(escalation.unanswered).toBeUndefined();
  });

  it('is never repeated with escalateSeconds 0, but can be acknowledged', async () => {
    const escalation = escalationOf({ escalateSeconds: 0 });
    escalation.note(alarm('a'));
    await clock.advance(3_600_000);
    expect(said).toEqual([]);
    expect(escalation.acknowledge()).toEqual({
      type: 'alarm_acknowledged',
      episodeId: 'a',
      label: 'abnormal',
      atMs: clock.wallMs(),
      afterSeconds: 3600,
    });
    expect(escalation.acknowledge()).toBeUndefined();
  });

  it('is not put off by alarms that follow: the latest is repeated when the first is due', async () => {
    const escalation = escalationOf();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
      escalation.note(alarm(id));
      await clock.advance(20_000);
    }
    expect(said).toMatchObject([{ episodeId: 'f', repetition: 1, unacknowledgedSeconds: 20 }]);
    expect(escalation.acknowledge()).toMatchObject({ episodeId: 'g' });
    expect(escalation.acknowledge()).toBeUndefined();
  });
});

describe('somebody who comes later', () => {
  it('is told of the latest alarm at once; what comes by time comes all the same', async () => {
    const escalation = escalationOf({ escalateTimes: 1 });
    escalation.remind();
    expect(said).toEqual([]);
    escalation.note(alarm('a'));
    await clock.advance(30_000);
    escalation.remind();
    expect(said).toMatchObject([{ episodeId: 'a', repetition: 1, reminders: 1, unacknowledgedSeconds: 30 }]);
    await clock.advance(3_570_000);
    expect(said.slice(1)).toMatchObject([{ repetition: 2, reminders: 1, unacknowledgedSeconds: 120 }]);
    escalation.remind();
    expect(said.slice(2)).toMatchObject([{ repetition: 3, unacknowledgedSeconds: 3600 }]);
  });

  it.each<[string, (escalation: Escalation) => void]>([
    ['acknowledged', (escalation) => escalation.acknowledge()],
    ['not to be repeated any more', (escalation) => escalation.stop()],
  ])('is not told of one that is %s', async (_, end) => {
    const escalation = escalationOf();
    escalation.note(alarm('a'));
    end(escalation);
    await clock.advance(60_001);
    escalation.remind();
    expect(said).toEqual([]);
  });

  it('is told of one whose forerunner was acknowledged by its id, by a word that was kept', async () => {
    const escalation = escalationOf({ escalateTimes: 1 });
    escalation.note(alarm('a'));
    escalation.note(alarm('b'));
    expect(escalation.acknowledge({ episodeId: 'a', by: 'Ana' })).toBeUndefined();
    expect(escalation.acknowledged('b')).toBe(false);
    await clock.advance(120_000);
    expect(said).toMatchObject([{ episodeId: 'b' }]);
    expect(escalation.acknowledge({ episodeId: 'b' })?.episodeId).toBe('b');
  });

  it('is told of one that was acknowledged while nobody was there to hear of it, by a word that was kept', async () => {
    const escalation = escalationOf({ escalateTimes: 1 });
    escalation.note(alarm('a'));
    await clock.advance(20_000);
    expect(escalation.acknowledge()?.episodeId).toBe('a');
    expect(escalation.acknowledge()).toBeUndefined(); // somebody else's word was kept, too
    expect(escalation.acknowledged('a')).toBe(true);
    await clock.advance(10_000);
    escalation.remind();
    expect(escalation.acknowledged('a')).toBe(false);
    expect(said).toMatchObject([{ episodeId: 'a', unacknowledgedSeconds: 30 }]);
    await clock.advance(120_000);
    expect(said.slice(1)).toMatchObject([{ episodeId: 'a', unacknowledgedSeconds: 150 }]);
    expect(escalation.acknowledge()?.episodeId).toBe('a');
    escalation.stop(); // somebody has switched detection off
    escalation.remind();
    expect(said).toHaveLength(2);
  });

  it('is not told after an hour, nor with escalateSeconds 0, nor again and again', async () => {
    const never = escalationOf({ escalateSeconds: 0 });
    never.note(alarm('a'));
    never.remind();
    expect(said).toEqual([]);
    const escalation = escalationOf({ escalateTimes: 1, escalateSeconds: 3_000 });
    escalation.note(alarm('b'));
    for (let n = 0; n < 100; n++) escalation.remind();
    expect(said).toHaveLength(10);
    escalation.note(alarm('c'));
    await clock.advance(3_600_001);
    said = [];
    escalation.remind();
    expect(said).toEqual([]);
  });
});

it('whatever happens, no alarm is repeated once acknowledged, nor more often than allowed', async () => {
  const steps = fc.array(
    fc.oneof(fc.constantFrom('alarm', 'acknowledge', 'stop', 'remind'), fc.integer({ min: 1, max: 400_000 })),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (script, escalateTimes) => {
      clock = new ManualClock();
      const repetitions = new Map<string, number>();
      let unseen: string | undefined;
      let alarms = 0;
      const onEvent = ({ episodeId, repetition }: AlarmEscalated) => {
        expect(episodeId).toBe(unseen);
        repetitions.set(episodeId, (repetitions.get(episodeId) ?? 0) + 1);
        expect(repetition).toBe(repetitions.get(episodeId));
        expect(repetition).toBeLessThanOrEqual(escalateTimes + 10);
      };
      const escalation = new Escalation({ escalateSeconds: 120, escalateTimes }, clock, onEvent);
      for (const step of script) {
        if (step === 'alarm') {
          unseen = `alarm ${++alarms}`;
          escalation.note(alarm(unseen));
        } else if (step === 'acknowledge') {
          expect(escalation.acknowledge()?.episodeId).toBe(unseen);
          unseen = undefined;
          await clock.advance(60_001); // a word that counts
        } else if (step === 'stop') escalation.stop();
        else if (step === 'remind') escalation.remind();
        else await clock.advance(step as number);
        expect(clock.pending).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 50 },
  );
});
