import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlarmDecision, type AlarmRule, DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { LIFE_KINDS } from '../../src/alarm/impact.js';
import type { EvidenceRules } from '../../src/alarm/rule.js';
import { SENSE_OFF, Sense, type SenseOptions } from '../../src/alarm/sense.js';
import { loadConfig } from '../../src/config/load.js';
import type { DecisionEvent } from '../../src/types.js';
import { type Heard, HOP_SECONDS, windowsOf } from '../support/windows.js';

const EVIDENCE: EvidenceRules = {
  kinds: ['impact'],
  hopSeconds: HOP_SECONDS,
  memorySeconds: 2.4,
  sensitivities: {
    low: { leak: 0.5, lines: { impact: 6 }, offsets: { impact: 0 } },
    normal: { leak: 0.5, lines: { impact: 4 }, offsets: { impact: 0 } },
    high: { leak: 0.5, lines: { impact: 2 }, offsets: { impact: 0 } },
  },
};
const LABELS = { waterLabels: ['water'], speechLabels: ['speech', 'singing'] };

const quiet = (seconds: number): Heard => ({ seconds });
const water = (seconds: number): Heard => ({ seconds, scores: { water: 0.9, abnormal: 0.1 }, rmsDbfs: -30 });
const speech = (seconds: number): Heard => ({ seconds, scores: { speech: 0.9 }, rmsDbfs: -30 });
const steps = (seconds: number): Heard => ({ seconds, rmsDbfs: -45 });
const abnormal = (seconds: number, score: number): Heard => ({
  seconds,
  scores: { abnormal: score, water: 1 - score },
  rmsDbfs: -20,
});
/** A blow that the alarm's classes do not show. */
const thud = (score = 0.4, rmsDbfs = -30): Heard => ({
  seconds: HOP_SECONDS,
  audioset: [
    ['Inside, small room', 0.5],
    ['Thump, thud', score],
  ],
  rmsDbfs,
});

function senseOf(options: Partial<SenseOptions> = {}, rule: Partial<AlarmRule> = {}): Sense {
  return new Sense({ ...DEFAULT_ALARM_RULE, ...rule }, { ...SENSE_OFF, ...LABELS, ...options });
}

/** What the property tests make up of a window. */
interface Sound {
  readonly abnormal: number;
  readonly water: number;
  readonly speech: number;
  readonly thump: number;
  readonly rmsDbfs: number;
}

/** Events of a script, with the second of the stream at which each came. */
function hear(sense: Sense, script: readonly Heard[], startMs?: number) {
  return windowsOf(script, startMs).flatMap((window) => {
    const event = sense.push(window);
    return event ? [{ seconds: window.endSeconds, ...event }] : [];
  });
}

describe('the floor of the room', () => {
  it('is the quietest of the last ten seconds, and not known at first and after lost sound', () => {
    const sense = senseOf();
    const windows = windowsOf([quiet(1), steps(15)]);
    const floors = windows.map((window) => {
      sense.push(window);
      return [window.endSeconds, sense.floorDbfs] as const;
    });
    const floorAt = (seconds: number) => floors.find(([endSeconds]) => endSeconds > seconds)?.[1];
    expect([floorAt(1), floorAt(5), floorAt(14)]).toEqual([undefined, -58, -45]);
    const last = windows.at(-1)!;
    sense.push({ ...last, startSeconds: last.endSeconds + 5, endSeconds: last.endSeconds + 6 });
    expect(sense.floorDbfs).toBeUndefined();
  });
});

describe('water and speech', () => {
  it('are on while they are heard, with hysteresis, and off when they are over', () => {
    const sense = senseOf();
    const changes: string[] = [];
    let last = sense.state;
    expect(last).toEqual({ waterRunning: false, speech: false });
    const murmur: Heard = { seconds: 10, scores: { water: 0.4, background: 0.6 } };
    for (const window of windowsOf([quiet(5), murmur, water(10), murmur, speech(8), quiet(10)])) {
      sense.push(window);
      for (const key of ['waterRunning', 'speech'] as const)
        if (sense.state[key] !== last[key]) changes.push(`${key} ${sense.state[key]}`);
      last = sense.state;
    }
    expect(changes).toEqual(['waterRunning true', 'waterRunning false', 'speech true', 'speech false']);
  });

  it('are not there in a model without their labels', () => {
    const sense = senseOf({ waterLabels: ['rain'], speechLabels: [] });
    hear(sense, [water(10), speech(10)]);
    expect(sense.state).toEqual({ waterRunning: false, speech: false });
  });
});

describe('water that runs long', () => {
  it('is said once, after its minutes, short pauses included', () => {
    const said = hear(senseOf({ waterMinutes: 10 }), [
      water(240),
      quiet(50),
      water(240),
      quiet(40),
      water(900),
    ]);
    expect(said).toMatchObject([{ type: 'water_running_long' }]);
    expect(said[0]?.seconds).toBeGreaterThan(600);
    expect(said[0]?.seconds).toBeLessThan(606);
    expect((said[0] as { durationSeconds: number }).durationSeconds).toBeCloseTo(600, 0);
  });

  it('is said again of the next run, and not of runs that are each shorter', () => {
    const runs = hear(senseOf({ waterMinutes: 5 }), [water(400), quiet(120), water(400)]);
    expect(runs).toHaveLength(2);
    const short = [water(250), quiet(90), water(250), quiet(90), water(250)];
    expect(hear(senseOf({ waterMinutes: 5 }), short)).toEqual([]);
    expect(hear(senseOf({ waterMinutes: 0 }), [water(4000)])).toEqual([]);
  });

  it('is said while detection is off, and waits for an alarm to be said first', () => {
    const off = senseOf({ waterMinutes: 5 });
    off.setEnabled(false, 0, 0);
    expect(hear(off, [water(400), abnormal(5, 0.99)])).toMatchObject([{ type: 'water_running_long' }]);
    // The window that completes five minutes is the one that starts the alarm.
    const on = senseOf({ waterMinutes: 5 }, { hits: 1 });
    const at = (hear(senseOf({ waterMinutes: 5 }), [water(400)])[0]?.seconds ?? 0) - 0.975;
    const both = hear(on, [water(at), abnormal(HOP_SECONDS, 0.7), water(2)]);
    expect(both).toMatchObject([{ type: 'alarm_started' }, { type: 'water_running_long' }]);
    expect((both[1]?.seconds ?? 0) - (both[0]?.seconds ?? 0)).toBeCloseTo(HOP_SECONDS);
  });
});

describe('the stricter rule while water runs', () => {
  const bottle = [water(10), abnormal(2, 0.7), water(10)];

  it('lets no alarm start below its threshold', () => {
    expect(hear(senseOf(), bottle)).toMatchObject([{ type: 'alarm_started' }, { type: 'alarm_ended' }]);
    expect(hear(senseOf({ waterThreshold: 0.8 }), bottle)).toEqual([]);
  });

  it('lets an alarm start above it, and below it where no water runs', () => {
    const sense = senseOf({ waterThreshold: 0.8 });
    expect(hear(sense, [water(10), abnormal(2, 0.85)])).toMatchObject([{ type: 'alarm_started' }]);
    const dry = senseOf({ waterThreshold: 0.8 });
    expect(hear(dry, [water(10), quiet(10), abnormal(1, 0.7)])).toMatchObject([{ type: 'alarm_started' }]);
  });
});

describe('quiet hours', () => {
  const zone = process.env.TZ;
  beforeAll(() => {
    process.env.TZ = 'Europe/Berlin';
  });
  afterAll(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  const night = { from: '22:00', to: '7:00', threshold: 0.8 };
  it.each([
    ['over midnight, before them', night, '2026-01-15T20:59:00Z', true],
    ['over midnight, at their begin', night, '2026-01-15T21:00:00Z', false],
    ['over midnight, after it', night, '2026-01-16T05:58:00Z', false],
    ['over midnight, at their end', night, '2026-01-16T06:00:00Z', true],
    ['in summer, by local time', night, '2026-07-15T20:00:00Z', false],
    ['in summer, at their end', night, '2026-07-16T05:00:00Z', true],
    // The clock goes from 2:00 to 3:00 and, in autumn, from 3:00 back to 2:00.
    ['in the night that is an hour short', night, '2026-03-29T05:01:00Z', true],
    ['in the night that is an hour long', night, '2026-10-25T05:58:00Z', false],
    ['within a day', { from: '12:30', to: '14:00', threshold: 0.8 }, '2026-01-15T12:00:00Z', false],
    ['within a day, outside', { from: '12:30', to: '14:00', threshold: 0.8 }, '2026-01-15T23:00:00Z', true],
  ])('want a higher score: %s', (_, quietHours, at, alarm) => {
    const sense = senseOf({ quietHours });
    expect(hear(sense, [abnormal(2, 0.7)], Date.parse(at))).toHaveLength(alarm ? 1 : 0);
    const loud = senseOf({ quietHours });
    expect(hear(loud, [abnormal(2, 0.9)], Date.parse(at))).toHaveLength(1);
  });

  it('begin and end when they are set to, and are there only where there were some', () => {
    const evening = Date.parse('2026-01-15T20:30:00Z'); // 21:30
    const earlier = { from: '21:00', to: '06:00' };
    const [sense, none] = [senseOf({ quietHours: night }), senseOf({})];
    for (const each of [sense, none]) each.setQuietHours(earlier);
    expect(hear(sense, [abnormal(2, 0.7)], evening)).toEqual([]);
    expect(hear(none, [abnormal(2, 0.7)], evening)).toHaveLength(1);
  });
});

describe('an open alarm', () => {
  const lines = { impact: 4, scream: 4 };
  const own = { leak: 0.5, lines, offsets: { impact: 0, scream: 0 } };
  const sensitivities = { low: own, normal: own, high: own };
  const evidence: EvidenceRules = { ...EVIDENCE, kinds: Object.keys(lines), sensitivities };
  const nothing = { impact: -6, scream: -6 };
  const blows = (seconds: number): Heard => ({ seconds, rmsDbfs: -20, kinds: { ...nothing, impact: 4 } });
  const screams = (seconds: number): Heard => ({ ...blows(seconds), kinds: { ...nothing, scream: 4 } });
  const oneByOne = [blows(10), screams(5), blows(2), screams(2), { seconds: 30, kinds: nothing }];
  const said = (acknowledgedAfter = Number.POSITIVE_INFINITY, sounds: readonly Heard[] = oneByOne) => {
    const sense = senseOf({}, { evidence });
    let episodeId = '';
    return windowsOf(sounds).flatMap((window) => {
      const event = sense.push(window);
      if (event?.type === 'alarm_started') ({ episodeId } = event);
      if (window.endSeconds >= acknowledgedAfter) sense.acknowledge(episodeId);
      if (event?.type === 'alarm_started') return [`${event.kind}`];
      return event?.type === 'alarm_ended' ? [event.endedBy] : [];
    });
  };

  it('that was acknowledged is another one when something else is heard, also at once after it', () => {
    expect(said()).toEqual(['impact', 'silence']);
    expect(said(5)).toEqual([
      'impact',
      'another',
      'scream',
      'another',
      'impact',
      'another',
      'scream',
      'silence',
    ]);
  });

  it.each([
    [8, 8],
    [6, 3],
    [3, 6],
  ])(
    'that was acknowledged does not hide a scream while it goes on (log-odds %s and %s)',
    (impact, scream) => {
      const both = { impact, scream };
      const found = said(5, [blows(10), { ...blows(10), kinds: both }, { seconds: 30, kinds: nothing }]);
      expect(found).toEqual(['impact', 'another', 'scream', 'silence']);
      const atOnce = said(5, [
        { ...blows(14), kinds: both },
        { seconds: 30, kinds: nothing },
      ]);
      expect(atOnce).toEqual([impact >= scream ? 'impact' : 'scream', 'silence']);
    },
  );

  it('that was acknowledged does not hide a scream that the classes heard before there was enough evidence', () => {
    const rising = (scores?: Record<string, number>): Heard[] => [
      blows(4),
      { seconds: 1, rmsDbfs: -20, kinds: { ...nothing, scream: 1.5 }, scores: scores ?? { abnormal: 0.5 } },
      screams(2),
      { seconds: 30, kinds: nothing },
    ];
    const found = ['impact', 'another', 'scream', 'silence'];
    expect(said(2, rising())).toEqual(found);
    expect(said(2, rising({ abnormal: 0.92 }))).toEqual(found);
  });

  it('that was acknowledged, and is over, holds back its own kinds alone while it cools down', () => {
    const seen = (sound: Heard, acknowledged: number) =>
      said(acknowledged, [blows(2), { seconds: 8, kinds: nothing }, sound, { seconds: 30, kinds: nothing }]);
    expect(seen(screams(2), 3)).toEqual(['impact', 'silence', 'scream', 'silence']);
    expect(seen(screams(2), 9)).toEqual(['impact', 'silence', 'scream', 'silence']);
    expect(seen(blows(2), 3)).toEqual(['impact', 'silence']);
    expect(seen(screams(2), Number.POSITIVE_INFINITY)).toEqual(['impact', 'silence']);
  });

  it('is not followed by the other one long after, where detection was off meanwhile', () => {
    const sense = senseOf({}, { evidence });
    const events = windowsOf([blows(5), screams(2), { seconds: 60, kinds: nothing }]).flatMap((window) => {
      const event = sense.push(window);
      if (event?.type === 'alarm_started') sense.acknowledge(event.episodeId);
      if (event?.type === 'alarm_ended') sense.setEnabled(false, window.endSeconds, window.endAtMs);
      if (window.endSeconds > 30) sense.setEnabled(true, window.endSeconds, window.endAtMs);
      return event ?? [];
    });
    expect(events).toMatchObject([{ kind: 'impact' }, { endedBy: 'another' }]);
  });

  it.each(['input_lost', 'disabled'] as const)(
    'that ended by %s lets the next one come at once, also while one before it would still cool down',
    (endedBy) => {
      const sense = senseOf({}, { evidence, cooldownSeconds: 60 });
      const script = [blows(2), { seconds: 8, kinds: nothing }, screams(HOP_SECONDS), blows(4)];
      const events = windowsOf(script).flatMap((window) => {
        const event = sense.push(window);
        if (event?.type !== 'alarm_started') return event?.type === 'alarm_ended' ? [event.endedBy] : [];
        sense.acknowledge(event.episodeId);
        if (event.kind === 'scream') sense.end(endedBy, window.endSeconds, window.endAtMs);
        return [event.kind];
      });
      expect(events).toEqual(['impact', 'silence', 'scream', 'impact']);
    },
  );

  it.each([1, 4.8, 60])('does not take %s s of lost sound for silence', (lostSeconds) => {
    const sense = senseOf({}, { evidence });
    const ended = windowsOf([blows(20), { seconds: 10, kinds: nothing }]).find((window) => {
      const lost = window.startSeconds >= 9.6 ? lostSeconds : 0;
      const { startSeconds, endSeconds } = window;
      if (lost > 0 && startSeconds < 10) sense.gap();
      const times = { startSeconds: startSeconds + lost, endSeconds: endSeconds + lost };
      return sense.push({ ...window, ...times })?.type === 'alarm_ended';
    });
    expect(ended?.startSeconds).toBeGreaterThan(20);
  });
});

describe('an impact and then silence', () => {
  const on = { thumpThreshold: 0.3, thumpSilenceSeconds: 10 };
  const fall = [quiet(6), thud(), quiet(30)];

  it('is an alarm with its own reason, which ends like others', () => {
    const events = hear(senseOf(on), fall);
    expect(events).toMatchObject([
      {
        type: 'alarm_started',
        reason: 'thump_then_silence',
        label: 'Thump, thud',
        confidence: 0.4,
        hits: [{ label: 'Thump, thud', score: 0.4 }],
      },
      { type: 'alarm_ended', endedBy: 'silence', label: 'Thump, thud' },
    ]);
    expect((events[0]?.seconds ?? 0) - (6 + 0.975)).toBeCloseTo(10, -1);
    expect(hear(senseOf(), fall)).toEqual([]);
  });

  it('counts a single window of an alarm class, and sound that settles', () => {
    const blow: Heard = { ...thud(), audioset: [], scores: { abnormal: 0.5, background: 0.5 } };
    const events = hear(senseOf(on), [quiet(6), blow, steps(1.5), quiet(20)]);
    expect(events[0]).toMatchObject({ reason: 'thump_then_silence', label: 'abnormal', confidence: 0.5 });
  });

  it('counts from the last of several impacts', () => {
    const [once] = hear(senseOf(on), [quiet(6), thud(), quiet(40)]);
    const [twice] = hear(senseOf(on), [quiet(6), thud(), quiet(4.8), thud(), quiet(40)]);
    expect((twice?.seconds ?? 0) - (once?.seconds ?? 0)).toBeCloseTo(4.8 + HOP_SECONDS);
  });

  it.each<[string, Heard[]]>([
    ['steps', [quiet(6), thud(), quiet(5), steps(1), quiet(30)]],
    ['speech, however low', [quiet(6), thud(), quiet(5), { ...speech(1), rmsDbfs: -58 }, quiet(30)]],
    ['water', [quiet(6), thud(), quiet(5), water(3), quiet(30)]],
    ['too little silence', [quiet(6), thud(), quiet(8)]],
    ['a score below the threshold', [quiet(6), thud(0.29), quiet(30)]],
    ['an impact that does not stand out', [quiet(6), thud(0.9, -50), quiet(30)]],
    ['an impact of which nothing is known before', [quiet(1), thud(), quiet(30)]],
    ['a door', [quiet(6), { ...thud(), audioset: [['Slam', 0.9]] }, quiet(30)]],
  ])('is none with %s', (_, script) => {
    expect(hear(senseOf(on), script)).toEqual([]);
  });

  const crowd = (seconds: number): Heard => ({ seconds, rmsDbfs: -32 });

  it('is none in sound that goes on as loud as it', () => {
    expect(hear(senseOf(on), [quiet(6), crowd(5), thud(), quiet(30)])).toEqual([]);
    expect(hear(senseOf(on), [quiet(6), thud(), crowd(5), thud(), quiet(30)])).toEqual([]);
  });

  it('is one that is louder than what went on, or after a pause in it', () => {
    expect(hear(senseOf(on), [quiet(6), crowd(5), thud(0.4, -18), quiet(30)])).toHaveLength(2);
    expect(hear(senseOf(on), [quiet(6), crowd(3), quiet(1), crowd(1), thud(), quiet(30)])).toHaveLength(2);
  });

  it.each([
    [1, 10 + 1 + 10],
    [9, 10 + 9 + 10],
    [30, undefined], // who knows what was in so long a time
  ])('waits for a silence that begins anew after %s s of lost sound', (lostSeconds, atSeconds) => {
    const sense = senseOf(on);
    const at = (seconds: number) =>
      windowsOf(fall).find((window) => {
        const lost = window.startSeconds >= 10 ? lostSeconds : 0;
        if (lost > 0 && window.startSeconds < 10.48) sense.gap();
        const { startSeconds, endSeconds } = window;
        const event = sense.push({
          ...window,
          ...{ startSeconds: startSeconds + lost, endSeconds: endSeconds + lost },
        });
        return event?.type === 'alarm_started' && event.atSeconds > seconds;
      });
    const started = at(0);
    if (atSeconds === undefined) expect(started).toBeUndefined();
    else expect((started?.endSeconds ?? 0) + lostSeconds).toBeCloseTo(atSeconds, -0.5);
  });

  it.each([
    [2, true],
    [9, true],
    [30, false], // as after so much lost sound
    [-60, false], // by a clock that was set back
  ])('goes on in the next run, %s s later: its silence begins anew', (laterSeconds, found) => {
    const first = windowsOf([quiet(6), thud(), quiet(5)]);
    const before = senseOf(on);
    for (const window of first) expect(before.push(window)).toBeUndefined();
    const sense = senseOf(on);
    sense.resume(JSON.parse(JSON.stringify(before.impacts)));
    const events = hear(sense, [quiet(40)], (first.at(-1)?.endAtMs ?? 0) + laterSeconds * 1000);
    expect(events.map(({ type }) => type)).toEqual(found ? ['alarm_started', 'alarm_ended'] : []);
    if (found) expect(events[0]?.seconds).toBeCloseTo(10, -0.5);
    expect(sense.impacts).toBeUndefined();
  });

  it('does not go on in a run that does not want it, or where what shows that life goes on is heard', () => {
    const before = senseOf(on);
    for (const window of windowsOf([quiet(6), thud(), quiet(2)])) before.push(window);
    const later = (windowsOf([quiet(9)]).at(-1)?.endAtMs ?? 0) + 1000;
    const next = (options: Partial<SenseOptions>) => {
      const sense = senseOf(options);
      sense.resume(before.impacts ?? {});
      return sense;
    };
    expect(hear(next({}), [quiet(30)], later)).toEqual([]);
    expect(hear(next(on), [steps(30)], later)).toEqual([]);
    const off = next(on);
    off.setEnabled(false, 0, 0);
    off.setEnabled(true, 0, 0);
    const empty = next(on);
    empty.setOccupied(false);
    empty.setOccupied(undefined);
    for (const sense of [off, empty]) expect(hear(sense, [quiet(30)], later)).toEqual([]);
  });

  it('is none while detection is off', () => {
    const off = senseOf(on);
    off.setEnabled(false, 0, 0);
    expect(hear(off, fall)).toEqual([]);
    // What fell while it was off is not made up for.
    const late = senseOf(on);
    for (const [k, window] of windowsOf(fall).entries()) {
      if (k === 5) late.setEnabled(false, 0, 0);
      if (k === 16) late.setEnabled(true, 0, 0);
      expect(late.push(window)).toBeUndefined();
    }
  });

  it('is none when the impact is an alarm already', () => {
    const events = hear(senseOf(on), [quiet(6), abnormal(2, 0.9), quiet(60)]);
    expect(events).toMatchObject([{ reason: 'hits' }, { type: 'alarm_ended' }]);
  });

  it('is none of an alarm that is on, but one after it where somebody had seen that before', () => {
    const started = (acknowledged: boolean) => {
      const sense = senseOf(on);
      return windowsOf([quiet(6), abnormal(2, 0.9), quiet(2), thud(), quiet(60)]).flatMap((window) => {
        const event = sense.push(window);
        if (event?.type !== 'alarm_started') return [];
        if (acknowledged) sense.acknowledge(event.episodeId);
        return [event.reason];
      });
    };
    expect(started(false)).toEqual(['hits']);
    expect(started(true)).toEqual(['hits', 'thump_then_silence']);
  });

  it('waits for the end of a cooldown', () => {
    const script = [quiet(6), abnormal(2, 0.9), quiet(6), thud(), quiet(60)];
    const events = hear(senseOf(on, { cooldownSeconds: 30 }), script);
    expect(events).toMatchObject([
      { reason: 'hits' },
      { type: 'alarm_ended' },
      { reason: 'thump_then_silence' },
      { type: 'alarm_ended' },
    ]);
    const pause = (events[2]?.seconds ?? 0) - (events[1]?.seconds ?? 0);
    expect(pause).toBeGreaterThanOrEqual(30);
    expect(pause).toBeLessThan(31);
  });

  describe('of a model with an event head', () => {
    const line = 2;
    const withThump = (silenceSeconds?: number): EvidenceRules => ({
      ...EVIDENCE,
      sensitivities: {
        ...EVIDENCE.sensitivities,
        normal: {
          leak: 0.5,
          lines: { impact: 100 },
          offsets: { impact: 0 },
          thump: silenceSeconds === undefined ? undefined : { line, silenceSeconds },
        },
      },
    });
    const room: Heard = { seconds: HOP_SECONDS, kinds: { impact: -5 } };
    const rooms = (seconds: number): Heard => ({ ...room, seconds });
    const blow: Heard = { ...room, rmsDbfs: -30 };
    const sure: Heard = { ...room, kinds: { impact: line + 0.1 } };
    const reasons = (script: Heard[], options: Partial<SenseOptions> = { thumpSilenceSeconds: undefined }) =>
      hear(senseOf(options, { evidence: withThump(10) }), script).flatMap((event) =>
        event.type === 'alarm_started' ? [`${event.reason} ${event.kind} ${event.label}`] : [],
      );
    const fallen = [rooms(6), { ...blow, kinds: sure.kinds }, rooms(30)];

    it('is what the head calls an impact, also where it is sure only when the blow is over', () => {
      const said = ['thump_then_silence impact impact'];
      expect(reasons(fallen)).toEqual(said);
      expect(reasons([rooms(6), blow, room, room, sure, room, rooms(30)])).toEqual(said);
    });

    it('is as sure wherever in the stream: the oldest window that the head remembers is one', () => {
      const script = (hops: number) => [rooms(6 + hops * HOP_SECONDS), blow, room, room, room, room, sure];
      const found = Array.from({ length: 60 }, (_, hops) => reasons([...script(hops), rooms(30)]).length);
      expect(found).toEqual(found.map(() => 1));
    });

    it('is one as soon as an alarm is over, also in the very window with which that ends', () => {
      const options = { thumpSilenceSeconds: undefined };
      const alarm: Heard = { ...abnormal(2, 0.9), kinds: room.kinds };
      const found = Array.from({ length: 20 }, (_, hops) => {
        const before = [rooms(6), alarm, rooms(hops * HOP_SECONDS)];
        const script = [...before, { ...blow, kinds: sure.kinds }, rooms(60)];
        const events = hear(senseOf(options, { evidence: withThump(10) }), script);
        const fellAt = windowsOf(before).at(-1)!.endSeconds + HOP_SECONDS;
        const wasOn = fellAt < (events[1]?.seconds ?? 0) - HOP_SECONDS / 2;
        return [wasOn, events.filter(({ type }) => type === 'alarm_started').length];
      });
      expect(found).toEqual(found.map(([wasOn]) => [wasOn, wasOn ? 1 : 2]));
      expect(new Set(found.map(([wasOn]) => wasOn)).size).toBe(2);
    });

    it('is none of the alarm that it has raised at once, however soon somebody has seen that', () => {
      const rule = withThump(10).sensitivities.normal;
      const evidence = {
        ...EVIDENCE,
        sensitivities: { ...EVIDENCE.sensitivities, normal: { ...rule, lines: { impact: 5 } } },
      };
      const loud: Heard = { ...blow, kinds: { impact: 6 } };
      const started = (hops: number) => {
        const sense = senseOf({ thumpSilenceSeconds: undefined }, { evidence });
        let episodeId = '';
        let seen = 0;
        return windowsOf([rooms(6), loud, loud, room, sure, sure, rooms(60)]).flatMap((window) => {
          if (episodeId && seen++ === hops) sense.acknowledge(episodeId);
          const event = sense.push(window);
          if (event?.type !== 'alarm_started') return [];
          episodeId = event.episodeId;
          return [event.reason];
        });
      };
      const found = [0, 1, 2, 3, 4, 5, 6].map(started);
      expect(found).toEqual(found.map(() => ['evidence']));
    });

    it('is one for which evidence adds up', () => {
      const little = (count: number): Heard => ({
        seconds: HOP_SECONDS * count,
        kinds: { impact: 1.2 },
        rmsDbfs: -30,
      });
      expect(reasons([rooms(6), little(1), rooms(30)])).toEqual([]);
      expect(reasons([rooms(6), little(3), rooms(30)])).toHaveLength(1);
    });

    it('is none when the head is not sure, comes too late, or nothing stood out', () => {
      expect(reasons([rooms(6), blow, rooms(30)])).toEqual([]);
      expect(reasons([rooms(6), blow, rooms(2.88), sure, rooms(30)])).toEqual([]);
      expect(reasons([rooms(6), sure, rooms(30)])).toEqual([]);
    });

    it('is none for classes that sound like one', () => {
      const thump: Heard = { ...blow, audioset: [['Thump, thud', 0.9]], scores: { abnormal: 0.5 } };
      expect(reasons([rooms(6), thump, rooms(30)])).toEqual([]);
    });

    it('is as the bundle has it for the sensitivity in force, unless a person says how long, or off', () => {
      const delay = (options: Partial<SenseOptions>, rule: Partial<AlarmRule>) =>
        hear(senseOf(options, rule), fallen)[0]?.seconds;
      const open = { thumpSilenceSeconds: undefined };
      expect(delay(open, { evidence: withThump(10), sensitivity: 'normal' })).toBeCloseTo(17, -1);
      expect(delay(open, { evidence: withThump(15), sensitivity: 'normal' })).toBeCloseTo(22.5, 0);
      expect(delay({ thumpSilenceSeconds: 20 }, { evidence: withThump(10) })).toBeCloseTo(27.5, 0);
      expect(delay({ thumpSilenceSeconds: 0 }, { evidence: withThump(10) })).toBeUndefined();
      expect(delay(open, { evidence: withThump(10), sensitivity: 'low' })).toBeUndefined();
    });

    describe('when whoever has fallen is not silent', () => {
      const lifeless = Object.fromEntries(LIFE_KINDS.map((kind) => [kind, -5]));
      const nothing = { ...lifeless, impact: -5, scream: -5, distress: -5 };
      const still = (seconds: number): Heard => ({ seconds, kinds: nothing });
      const sounding = (seconds: number, kinds = {}): Heard => ({
        seconds,
        rmsDbfs: -40,
        kinds: { ...nothing, ...kinds },
      });
      const impact: Heard = { seconds: HOP_SECONDS, rmsDbfs: -30, kinds: { ...nothing, impact: line + 0.1 } };
      const voice = { line: 1.5, seconds: 15 };
      const kinds = ['impact', 'scream', 'distress'];
      const of = (value: number) => Object.fromEntries(kinds.map((kind) => [kind, value]));
      const own = { leak: 0.5, lines: of(100), offsets: of(0), thump: { line, silenceSeconds: 10, voice } };
      const evidence: EvidenceRules = {
        ...{ ...EVIDENCE, kinds },
        sensitivities: { ...EVIDENCE.sensitivities, normal: own },
      };
      const open = { thumpSilenceSeconds: undefined, thumpVoiceSeconds: undefined };
      const started = (script: Heard[], options: Partial<SenseOptions> = open) =>
        hear(senseOf(options, { evidence }), script).flatMap((event) =>
          event.type === 'alarm_started' ? [`${event.reason} ${Math.round(event.seconds)}`] : [],
        );

      it('waits for silence, which begins anew after each sound, for a while', () => {
        expect(started([still(6), impact, still(40)])).toEqual(['thump_then_silence 17']);
        expect(started([still(6), impact, still(5), sounding(2), still(40)])).toEqual([
          'thump_then_silence 24',
        ]);
        expect(started([still(6), impact, still(5), speech(2), still(40)])).toEqual([]);
        const called = { ...speech(2), kinds: nothing };
        expect(started([still(6), impact, still(5), called, still(40)])).toEqual(['thump_then_silence 24']);
        const late = [still(6), impact, ...Array.from({ length: 4 }, () => [still(5), sounding(2)]).flat()];
        expect(started([...late, still(40)])).toEqual([]);
      });

      it.each([3, 4, 5, 7, 10])('may call for %s s without a pause', (seconds) => {
        const talking: Heard = { ...sounding(seconds), scores: { speech: 0.9, background: 0.1 } };
        expect(started([still(6), impact, still(2), talking, still(40)])).toHaveLength(1);
      });

      it('is also heard where only other kinds are to alarm, if somebody asks for it', () => {
        const scream = { evidence: { ...evidence, kinds: ['scream'] } };
        const script = [still(6), impact, still(40)];
        const count = (options: Partial<SenseOptions>) =>
          hear(senseOf(options, scream), script).filter(({ type }) => type === 'alarm_started').length;
        expect(count(open)).toBe(0);
        expect(count({ ...open, thumpSilenceSeconds: 10 })).toBe(1);
      });

      it.each(LIFE_KINDS)('is somebody who goes on, where there is a sound of %s', (kind) => {
        const heard = (logOdds: number) =>
          started([still(6), impact, still(5), sounding(1, { [kind]: logOdds }), still(40)]);
        expect(heard(0.1)).toEqual([]);
        expect(heard(-0.1)).toHaveLength(1);
      });

      it.each(['knock', 'drop', 'dishes', 'tone', 'motor', 'music'])(
        'may be the cause of a sound of %s, or not answer it',
        (kind) => {
          const script = [still(6), impact, still(5), sounding(2, { [kind]: 5 }), still(40)];
          expect(started(script)).toEqual(['thump_then_silence 24']);
        },
      );

      it.each([
        [2, 'thump_then_voice'],
        [20, undefined],
      ])('is heard by a voice in the next run, %s s later: %s', (laterSeconds, reason) => {
        const before = senseOf(open, { evidence });
        const first = windowsOf([still(6), impact]);
        for (const window of first) before.push(window);
        const next = senseOf(open, { evidence });
        next.resume(before.impacts ?? {});
        const cry = sounding(HOP_SECONDS, { distress: 1.6 });
        const later = (first.at(-1)?.endAtMs ?? 0) + laterSeconds * 1000;
        const [event] = hear(next, [still(2), cry, sounding(60, { steps: 3 })], later);
        expect(event).toEqual(reason && expect.objectContaining({ reason }));
      });

      it.each(['distress', 'scream'])('is heard by a voice of %s, soon enough, beside an impact', (kind) => {
        const cry = sounding(HOP_SECONDS, { [kind]: 1.6 });
        const said = started([still(6), impact, still(6), cry, sounding(60, { steps: 3 })]);
        expect(said).toEqual(['thump_then_voice 14']);
        expect(started([still(6), cry, impact, sounding(60, { steps: 3 })])).toEqual([]);
        const crying = { ...impact, kinds: { ...impact.kinds, [kind]: 0 } };
        expect(started([still(6), sounding(HOP_SECONDS, { [kind]: 4 }), crying])).toEqual([
          'thump_then_voice 8',
        ]);
        expect(started([still(6), impact, still(15), cry], { ...open, thumpSilenceSeconds: 0 })).toEqual([]);
        expect(started([still(6), cry, sounding(60)])).toEqual([]);
        expect(
          started([still(6), impact, cry, sounding(60, { steps: 3 })], { thumpVoiceSeconds: 0 }),
        ).toEqual([]);
        expect(
          started([still(6), impact, still(20), cry], { thumpSilenceSeconds: 0, thumpVoiceSeconds: 30 }),
        ).toEqual(['thump_then_voice 28']);
      });

      it('is found by the silence where the cry came while the last alarm cooled down', () => {
        const alarm = [abnormal(2, 0.9), still(3)];
        const fall = { ...impact, kinds: { ...impact.kinds, distress: 6 } };
        const rule = { evidence, releaseSeconds: 2, cooldownSeconds: 20 };
        const script = [still(6), ...alarm, still(8), fall, still(60)];
        const reasons = hear(senseOf(open, rule), script).flatMap((event) =>
          event.type === 'alarm_started' ? [event.reason] : [],
        );
        expect(reasons).toEqual([expect.any(String), 'thump_then_silence']);
      });

      describe('who goes on calling', () => {
        const call: Heard = { ...sounding(1), scores: { speech: 0.9 } };
        const calls = (times: number, between: Heard[] = [still(3)]) =>
          Array.from({ length: times }, () => [...between, call]).flat();

        it('is heard when it is too late for silence', () => {
          expect(started([still(12), impact, ...calls(20)])).toEqual(['thump_then_voice 36']);
          const knocking = [still(12), impact, ...calls(10, [sounding(2, { knock: 3 }), still(3)])];
          expect(started(knocking)).toEqual([]);
        });

        it.each(LIFE_KINDS)('is not heard after a sound of %s', (kind) => {
          const script = [still(12), impact, ...calls(2), sounding(1, { [kind]: 1 }), ...calls(20)];
          expect(started(script)).toEqual([]);
        });

        it('is not heard where somebody spoke before, but for a cry', () => {
          expect(started([still(6), call, still(2), call, impact, ...calls(20)])).toEqual([]);
          expect(started([still(12), { ...call, seconds: 0.48 }, impact, ...calls(20)])).toHaveLength(1);
        });

        it('is heard in the next run', () => {
          const before = senseOf(open, { evidence });
          const first = windowsOf([still(12), impact, ...calls(2)]);
          for (const window of first) before.push(window);
          const next = senseOf(open, { evidence });
          next.resume(before.impacts ?? {});
          const [event] = hear(next, calls(20), (first.at(-1)?.endAtMs ?? 0) + 2000);
          expect(event).toMatchObject({ reason: 'thump_then_voice' });
        });
      });

      describe('while a radio plays', () => {
        /** Two seconds of it and half a second that is fainter, again and again. */
        const playing = (seconds: number, heard: Partial<Heard> = {}): Heard[] => {
          const part = { seconds: HOP_SECONDS, rmsDbfs: -45, kinds: { ...nothing, music: 2 }, ...heard };
          const faint = { ...part, rmsDbfs: -58 };
          return Array.from({ length: Math.round(seconds / HOP_SECONDS / 5) }, () => [
            ...Array<Heard>(4).fill(part),
            faint,
          ]).flat();
        };
        const radio = [still(4), ...playing(12)];
        const knocks = sounding(1, { knock: 3 });

        it('is heard where it plays on as before for longer than silence takes, and nothing else', () => {
          expect(started([...radio, impact, ...playing(60)])).toEqual(['thump_then_silence 42']);
          const talk = { kinds: nothing, scores: { speech: 0.9 } };
          expect(started([still(4), ...playing(12, talk), impact, ...playing(60, talk)])).toEqual([
            'thump_then_silence 42',
          ]);
          const paused = [...radio, impact, ...playing(5), still(2), ...playing(60)];
          expect(started(paused)).toEqual(['thump_then_silence 42']);
          expect(started([...radio, impact, ...playing(5), still(60)])).toEqual(['thump_then_silence 31']);
        });

        it('begins anew after another sound, which must not come too late', () => {
          const knocking = [...radio, impact, ...playing(7), knocks];
          expect(started([...knocking, ...playing(60)])).toEqual(['thump_then_silence 50']);
          const late = [...knocking, ...playing(7), knocks, ...playing(7), knocks];
          expect(started([...late, ...playing(60)])).toEqual([]);
        });

        it.each(LIFE_KINDS)('is called off by a sound of %s', (kind) => {
          const life = { kinds: { ...nothing, music: 2, [kind]: 1 } };
          const script = [...radio, impact, ...playing(7), ...playing(2, life), ...playing(60)];
          expect(started(script)).toEqual([]);
        });

        it('is not heard where it plays louder than before, or did not play, or hardly', () => {
          const now = (rmsDbfs: number) => playing(60, { rmsDbfs });
          expect(started([...radio, impact, ...now(-40)])).toHaveLength(1);
          expect(started([...radio, impact, ...now(-38)])).toEqual([]);
          expect(started([still(14), impact, ...now(-45)])).toEqual([]);
          expect(started([still(11), ...playing(4), impact, ...now(-45)])).toEqual([]);
          expect(started([still(1), ...playing(4), impact, ...now(-45)])).toEqual([]);
        });

        it('is heard in the next run', () => {
          const before = senseOf(open, { evidence });
          const first = windowsOf([...radio, impact]);
          for (const window of first) before.push(window);
          const next = senseOf(open, { evidence });
          next.resume(before.impacts ?? {});
          const [event] = hear(next, playing(60), (first.at(-1)?.endAtMs ?? 0) + 5000);
          expect(event).toMatchObject({ reason: 'thump_then_silence' });
        });
      });

      describe('while something has just begun to run', () => {
        const running = (seconds: number, kinds = {}, rmsDbfs = -45): Heard => ({
          ...{ seconds, rmsDbfs, kinds: { ...nothing, ...kinds } },
        });
        const fallen = (kind: string, after: Heard[], beganSeconds = 4) =>
          started([still(12), running(beganSeconds, { [kind]: 2 }), impact, ...after]);

        it.each(['water', 'motor'])('is heard where that runs on, and nothing else: %s', (kind) => {
          const sound = { [kind]: 2 };
          expect(fallen(kind, [running(60, sound)])).toEqual(['thump_then_silence 42']);
          expect(fallen(kind, [running(60, sound)], 8)).toHaveLength(1);
          expect(fallen(kind, [running(60, sound, -40)])).toHaveLength(1);
          expect(fallen(kind, [running(5, sound), still(60)])).toEqual(['thump_then_silence 32']);
        });

        it('is not heard where that is louder, is not known as such, or begins only with it', () => {
          expect(fallen('water', [running(60, { water: 2 }, -38)])).toEqual([]);
          expect(fallen('dishes', [running(60, { dishes: 2 })])).toEqual([]);
          expect(started([still(12), impact, running(60, { water: 2 })])).toEqual([]);
          expect(fallen('motor', [running(60, { water: 2 })])).toEqual([]);
        });

        it.each(['door', 'steps'])('is called off by a sound of %s', (kind) => {
          const water = { water: 2 };
          const script = [running(7, water), running(1, { ...water, [kind]: 1 }), running(60, water)];
          expect(fallen('water', script)).toEqual([]);
        });

        it('begins anew after a voice', () => {
          const water = running(7, { water: 2 });
          const voice: Heard = { ...water, seconds: 2, scores: { speech: 0.9 } };
          const again = { ...water, seconds: 60 };
          expect(fallen('water', [water, voice, again])).toEqual(['thump_then_silence 51']);
          expect(fallen('water', [water, voice, again], 20)).toEqual(['thump_then_silence 52']);
          const fan = { ...water, kinds: { ...nothing, motor: 2 } };
          const called = [fan, { ...fan, seconds: 2, scores: { speech: 0.9 } }, { ...fan, seconds: 60 }];
          expect(fallen('motor', called)).toEqual(['thump_then_silence 51']);
        });
      });

      it('is nobody while nobody is there', () => {
        const sense = senseOf(open, { evidence });
        sense.setOccupied(false);
        expect(hear(sense, [still(6), impact, sounding(2, { distress: 3 }), still(40)])).toEqual([]);
        expect(sense.asksForOccupancy).toBe(true);
        const voiceOnly = senseOf({ thumpSilenceSeconds: 0, thumpVoiceSeconds: undefined }, { evidence });
        expect(voiceOnly.asksForOccupancy).toBe(true);
      });

      it.each([
        [2, 'thump_then_voice'],
        [5, 'thump_then_silence'],
        [60, undefined],
      ])(
        'is found where the sensor says only %s s after it that somebody is there: %s',
        (lateSeconds, reason) => {
          const sense = senseOf(open, { evidence });
          sense.setOccupied(false);
          const groan = sounding(HOP_SECONDS, { distress: 1.6 });
          const events = windowsOf([still(6), impact, still(2), groan, still(90)]).flatMap((window) => {
            if (window.startSeconds > 6 + lateSeconds) sense.setOccupied(true);
            return sense.push(window) ?? [];
          });
          expect(events[0]).toEqual(reason && expect.objectContaining({ type: 'alarm_started', reason }));
        },
      );
    });

    it('need not stand out of running water by as much as out of a quiet room', () => {
      const noise = (label: string, seconds: number, aboveDb = 0, impact = -5): Heard => ({
        ...{ seconds, scores: { [label]: 0.9 }, rmsDbfs: -40 + aboveDb, kinds: { impact } },
      });
      const fallen = (label: string, aboveDb: number) =>
        reasons([noise(label, 6), noise(label, HOP_SECONDS, aboveDb, line + 0.1), noise(label, 30)]);
      expect(fallen('water', 5)).toHaveLength(1);
      expect(fallen('water', 3)).toEqual([]);
      expect(fallen('fan', 5)).toEqual([]);
      expect(fallen('fan', 11)).toHaveLength(1);
    });

    it('is off where the bundle does not say that it is right often enough, and at half the line where a person wants it', () => {
      const script = (logOdds: number) => [rooms(6), { ...blow, kinds: { impact: logOdds } }, rooms(30)];
      const heard = (logOdds: number, thumpSilenceSeconds?: number) =>
        hear(senseOf({ thumpSilenceSeconds }, { evidence: EVIDENCE }), script(logOdds)).length > 0;
      expect(heard(3)).toBe(false);
      expect(heard(3, 10)).toBe(true);
      expect(heard(1.9, 10)).toBe(false);
    });

    it('must be stronger in quiet hours, by as many log-odds', () => {
      const quietHours = { from: '0:00', to: '23:59', threshold: 0.9 };
      expect(reasons(fallen, { thumpSilenceSeconds: undefined, quietHours })).toEqual([]);
    });
  });

  describe('where it is known who is in the room', () => {
    /** Events of a fall while somebody says, from these windows on, whether anybody is there. */
    const told = (words: Readonly<Record<number, boolean | undefined>>, script = fall) => {
      const sense = senseOf(on);
      return windowsOf(script).flatMap((window, k) => {
        if (k in words) sense.setOccupied(words[k]);
        const event = sense.push(window);
        return event?.type === 'alarm_started' ? [event.reason] : [];
      });
    };
    const blow = Math.round(6 / HOP_SECONDS);

    it.each<[string, Record<number, boolean | undefined>]>([
      ['somebody is there', { 0: true }],
      ['somebody came before it', { 0: false, [blow - 1]: true }],
      ['the sensor says so only after it', { 0: false, [blow + 4]: true }],
      ['it was never said', {}],
      ['it is no longer known', { 0: false, [blow - 1]: undefined }],
      ['it is no longer known after it', { 0: true, [blow + 5]: undefined }],
    ])('is an alarm when %s', (_, words) => expect(told(words)).toEqual(['thump_then_silence']));

    it.each<[string, Record<number, boolean | undefined>]>([
      ['nobody is there', { 0: false }],
      ['somebody came only when the silence was over', { 0: false, [blow + 30]: true }],
      ['they left before the silence was over', { 0: true, [blow + 15]: false }],
      ['they left and came back meanwhile', { [blow + 5]: false, [blow + 6]: true }],
    ])('is none when %s', (_, words) => expect(told(words)).toEqual([]));

    it('is none when they left and came back between two windows', () => {
      const sense = senseOf(on);
      const events = windowsOf(fall).map((window, k) => {
        if (k === blow + 5) for (const occupied of [false, true]) sense.setOccupied(occupied);
        return sense.push(window);
      });
      expect(events.filter((event) => event !== undefined)).toEqual([]);
    });

    it('stands out of the noise that was heard while nobody was there', () => {
      expect(told({ 0: false, [blow]: true })).toEqual(['thump_then_silence']);
    });

    it('leaves every other alarm alone', () => {
      expect(told({ 0: false }, [quiet(6), abnormal(2, 0.9), quiet(30)])).toEqual(['hits']);
      expect(told({ 0: false }, [quiet(6), abnormal(HOP_SECONDS, 0.96), quiet(30)])).toEqual(['instant']);
      const sense = senseOf(on, { evidence: EVIDENCE, sensitivity: 'normal' });
      sense.setOccupied(false);
      const scream: Heard = { seconds: HOP_SECONDS, rmsDbfs: -30, kinds: { impact: 9 } };
      expect(hear(sense, [quiet(6), scream])).toMatchObject([{ type: 'alarm_started', reason: 'evidence' }]);
    });
  });

  it('wants the higher score of quiet hours, too', () => {
    const quietHours = { from: '0:00', to: '23:59', threshold: 0.8 };
    expect(hear(senseOf({ ...on, quietHours }), fall)).toEqual([]);
  });
});

describe('evidence for an event', () => {
  const rule = { evidence: EVIDENCE, sensitivity: 'normal' as const };
  const fall = (logOdds: number): Heard => ({
    seconds: HOP_SECONDS,
    rmsDbfs: -30,
    kinds: { impact: logOdds },
  });
  const alarms = (options: Partial<SenseOptions>, script: Heard[]) =>
    hear(senseOf(options, rule), script).filter(({ type }) => type === 'alarm_started').length;
  const more = Math.log(0.9 / 0.1) - Math.log(0.6 / 0.4);

  it('must be stronger in quiet hours and while water runs, by as many log-odds', () => {
    const quietHours = { from: '0:00', to: '23:59', threshold: 0.9 };
    const bath = { waterThreshold: 0.9 };
    expect(alarms({}, [fall(4.1)])).toBe(1);
    expect(alarms({ quietHours }, [fall(4.1)])).toBe(0);
    expect(alarms({ quietHours }, [fall(4.1 + more)])).toBe(1);
    expect(alarms(bath, [fall(4.1)])).toBe(1);
    expect(alarms(bath, [water(10), fall(4.1)])).toBe(0);
    expect(alarms(bath, [water(10), fall(4.1 + more)])).toBe(1);
  });

  it('raises nothing while detection is off, and is forgotten', () => {
    const sense = senseOf({}, rule);
    sense.setEnabled(false, 0, 0);
    expect(hear(sense, [fall(9)])).toEqual([]);
    sense.setEnabled(true, 0, 0);
    expect(hear(sense, [fall(3.9)])).toEqual([]);
  });
});

describe('switched off, detection', () => {
  it('ends the open alarm, starts none, and begins anew when it is on again', () => {
    const sense = senseOf();
    const windows = windowsOf([abnormal(10, 0.7)]);
    const push = (k: number) => sense.push(windows[k]!);
    push(0);
    expect(push(1)).toMatchObject({ type: 'alarm_started' });
    expect(sense.setEnabled(false, 2, 2000)).toMatchObject({ type: 'alarm_ended', endedBy: 'disabled' });
    expect(sense.setEnabled(false, 2, 2000)).toBeUndefined();
    sense.setRule({ cooldownSeconds: 0 });
    for (let k = 2; k < 6; k++) expect(push(k)).toBeUndefined();
    expect(sense.setEnabled(true, 4, 4000)).toBeUndefined();
    expect(push(6)).toBeUndefined();
    expect(push(7)).toMatchObject({ type: 'alarm_started' });
  });
});

describe('the configuration of the senses', () => {
  const load = (values: Record<string, unknown>) =>
    loadConfig({ env: {}, flags: values, cwd: '/nonexistent' });

  it('leaves the alarm rule alone unless something is switched on', () => {
    const { sense, quietHours } = load({});
    expect(sense).toMatchObject({ waterLabels: ['water'], waterMinutes: 30, longStayMinutes: 0 });
    expect(sense.thumpSilenceSeconds).toBeUndefined();
    expect(sense.waterThreshold).toBeUndefined();
    expect(quietHours).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a laxer threshold while water runs',
      { 'alarm.threshold': 0.7, 'sense.waterThreshold': 0.6 },
      /sense\.waterThreshold: expected at least alarm\.threshold \(0\.7\), found 0\.6/,
    ],
    [
      'a threshold while water runs without water',
      { 'sense.waterThreshold': 0.6, 'sense.waterLabels': [] },
      /sense\.waterLabels: expected a class/,
    ],
    [
      'laxer quiet hours',
      { 'alarm.threshold': 0.9, quietHours: { from: '22:00', to: '7:00', threshold: 0.8 } },
      /quietHours\.threshold: expected at least alarm\.threshold \(0\.9\)/,
    ],
    [
      'quiet hours without an end',
      { quietHours: { from: '22:00', threshold: 0.8 } },
      /quietHours\.to: expected string, found nothing/,
    ],
    [
      'quiet hours of no length',
      { quietHours: { from: '22:00', to: '22:00', threshold: 0.8 } },
      /quietHours\.to: expected another time than quietHours\.from/,
    ],
    [
      'a time that is none',
      { quietHours: { from: '10pm', to: '24:00', threshold: 0.8 } },
      /quietHours\.from: expected a time of day such as "22:00", found "10pm"[\s\S]*quietHours\.to: expected a time/,
    ],
    [
      'silence too short',
      { 'sense.thumpSilenceSeconds': 2 },
      /thumpSilenceSeconds: expected 0 or at least 5/,
    ],
  ])('refuses %s', (_, values, message) => {
    expect(() => load(values)).toThrow(message);
  });
});

describe('over any sound, with every feature on and settings that change,', () => {
  const probability = fc.double({ min: 0, max: 1, noNaN: true });
  const sound = fc.record({
    abnormal: probability,
    water: probability,
    speech: probability,
    thump: probability,
    rmsDbfs: fc.oneof(fc.constant(-58), fc.double({ min: -80, max: -10, noNaN: true })),
    repeat: fc.integer({ min: 1, max: 40 }),
  });
  /** What chance makes too seldom: an impact, and nothing before and after it. */
  const silence = { abnormal: 0, water: 0, speech: 0, thump: 0, rmsDbfs: -58, repeat: 20 };
  const change = fc.record(
    {
      threshold: probability,
      hits: fc.integer({ min: 1, max: 8 }),
      window: fc.integer({ min: 1, max: 8 }),
      cooldownSeconds: fc.double({ min: 0, max: 20, noNaN: true }),
    },
    { requiredKeys: [] },
  );
  const steps = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: sound },
      { weight: 2, arbitrary: fc.constant(silence) },
      { weight: 1, arbitrary: fc.constant({ ...silence, thump: 0.9, rmsDbfs: -30, repeat: 1 }) },
      { weight: 1, arbitrary: fc.record({ change }) },
      { weight: 1, arbitrary: fc.record({ enabled: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ occupied: fc.constantFrom(true, false, undefined) }) },
      { weight: 1, arbitrary: fc.record({ gapSeconds: fc.double({ min: 0, max: 30, noNaN: true }) }) },
    ),
    { maxLength: 40 },
  );
  const everything = {
    ...LABELS,
    waterThreshold: 0.8,
    waterMinutes: 0.2,
    longStayMinutes: 0.1,
    thumpThreshold: 0.2,
    thumpSilenceSeconds: 5,
    quietHours: { from: '10:01', to: '10:02', threshold: 0.7 },
  };
  const windowOf = ({ abnormal, water, speech, thump, rmsDbfs }: Sound) => {
    const scores = { background: 0, abnormal, water, speech };
    const [window] = windowsOf([
      { seconds: HOP_SECONDS, scores, rmsDbfs, audioset: [['Thump, thud', thump]] },
    ]);
    return window!;
  };

  it('an alarm never starts twice without an end, never in its cooldown or while off, and always ends', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(steps, (script) => {
        const sense = new Sense(DEFAULT_ALARM_RULE, everything);
        let seconds = 0;
        let enabled = true;
        let occupied: boolean | undefined;
        let open: string | undefined;
        let endedAtSeconds = Number.NEGATIVE_INFINITY;
        const take = (event: DecisionEvent | undefined) => {
          if (event?.type === 'alarm_started') {
            seen.add(event.reason);
            if (occupied === false) expect(event.reason).not.toBe('thump_then_silence');
            expect(open).toBeUndefined();
            expect(enabled).toBe(true);
            expect(seconds - endedAtSeconds).toBeGreaterThanOrEqual(sense.rule.cooldownSeconds - 1e-9);
            open = event.episodeId;
          } else if (event?.type === 'alarm_ended') {
            seen.add(event.endedBy);
            expect(event.episodeId).toBe(open);
            open = undefined;
            endedAtSeconds = seconds;
          } else if (event) seen.add(event.type);
          if (event?.type === 'long_stay') expect(occupied).toBe(true);
        };
        for (const step of script) {
          if ('gapSeconds' in step) {
            seconds += step.gapSeconds;
            sense.gap();
          } else if ('change' in step) sense.setRule(step.change);
          else if ('occupied' in step) {
            occupied = step.occupied;
            sense.setOccupied(occupied);
          } else if ('enabled' in step) {
            enabled = step.enabled;
            take(sense.setEnabled(enabled, seconds, 1000 * seconds));
            if (!enabled) expect(open).toBeUndefined();
          } else
            for (let k = 0; k < step.repeat; k++) {
              seconds += HOP_SECONDS;
              const window = windowOf(step);
              const startSeconds = seconds - 0.975;
              take(
                sense.push({
                  ...window,
                  startSeconds,
                  endSeconds: seconds,
                  endAtMs: window.endAtMs + 1000 * seconds,
                }),
              );
            }
        }
        // Silence ends what is open.
        for (let k = 0; k < 20 && enabled; k++) {
          seconds += HOP_SECONDS;
          sense.setRule({ threshold: 0.5 });
          const window = windowOf({ abnormal: 0, water: 0, speech: 1, thump: 0, rmsDbfs: -58 });
          take(sense.push({ ...window, startSeconds: seconds - 0.975, endSeconds: seconds }));
        }
        expect(open).toBeUndefined();
      }),
      // One seed: what the sounds cover must not depend on luck.
      { numRuns: 500, seed: 1 },
    );
    // The sounds were such that everything happened.
    const alarms = ['hits', 'instant', 'thump_then_silence', 'silence', 'disabled'];
    expect([...seen].sort()).toEqual([...alarms, 'water_running_long', 'long_stay'].sort());
  });

  it('a stricter threshold raises no alarm that the plain rule would not', () => {
    const strict = { ...SENSE_OFF, ...LABELS, waterThreshold: 0.8, quietHours: { ...everything.quietHours } };
    fc.assert(
      fc.property(fc.array(sound, { maxLength: 60 }), (sounds) => {
        const sense = new Sense(DEFAULT_ALARM_RULE, strict);
        const script = sounds.map(({ repeat: _, ...each }, k) => ({
          ...windowOf(each),
          startSeconds: k * HOP_SECONDS,
          endSeconds: k * HOP_SECONDS + 0.975,
        }));
        for (const [k, window] of script.entries()) {
          if (sense.push(window)?.type !== 'alarm_started') continue;
          // The same windows and no past: what the plain rule says where no alarm and no cooldown is in its way.
          const plain = new AlarmDecision(DEFAULT_ALARM_RULE);
          const events = script.slice(Math.max(0, k - 2), k + 1).map((each) => plain.push(each));
          expect(events.some((event) => event?.type === 'alarm_started')).toBe(true);
        }
      }),
    );
  });
});
