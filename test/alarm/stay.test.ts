import { describe, expect, it } from 'vitest';
import { type AlarmRule, DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { SENSE_OFF, Sense } from '../../src/alarm/sense.js';
import type { ScoredWindow } from '../../src/types.js';
import { type Heard, HOP_SECONDS, windowsOf } from '../support/windows.js';

const LABELS = { waterLabels: ['water'], speechLabels: ['speech'] };
const LIMIT_MINUTES = 10;

/** No louder than a room in which nothing happens. */
const quiet = (minutes: number): Heard => ({ seconds: 60 * minutes });
/** A sound that says nothing but that somebody is there. */
const step: Heard = { seconds: 2 * HOP_SECONDS, rmsDbfs: -50 };

function senseOf(longStayMinutes = LIMIT_MINUTES): Sense {
  return new Sense(DEFAULT_ALARM_RULE, { ...SENSE_OFF, ...LABELS, longStayMinutes });
}

type Told = readonly [minute: number, does: (sense: Sense) => void];
const told = (minute: number, occupied: boolean | undefined): Told => [
  minute,
  (sense) => sense.setOccupied(occupied),
];

/** Minutes of the stream at which a long stay is said; before the first window of a minute something may be done. */
function stays(script: readonly Heard[], acts: readonly Told[] = [told(0, true)], sense = senseOf()) {
  return events(windowsOf(script), acts, sense).map(({ minute }) => Math.round(minute));
}

function events(windows: readonly ScoredWindow[], acts: readonly Told[], sense: Sense) {
  const waiting = [...acts];
  return windows.flatMap((window) => {
    while (waiting[0] && window.startSeconds >= 60 * waiting[0][0]) waiting.shift()?.[1](sense);
    const event = sense.push(window);
    return event?.type === 'long_stay' ? [{ minute: window.endSeconds / 60, ...event }] : [];
  });
}

/** Sound is lost for so long before this minute: what comes after it comes later. */
const losing = (windows: readonly ScoredWindow[], minute: number, seconds: number): ScoredWindow[] =>
  windows.map((window) =>
    window.startSeconds < 60 * minute
      ? window
      : { ...window, startSeconds: window.startSeconds + seconds, endSeconds: window.endSeconds + seconds },
  );

describe('a long stay without a sound', () => {
  it('is said once, when the minutes are over, with how long both have been', () => {
    const [first, ...more] = events(windowsOf([quiet(45)]), [told(5, true)], senseOf());
    expect(more).toEqual([]);
    expect(first).toMatchObject({ type: 'long_stay', atMs: expect.any(Number) });
    expect(first?.minute).toBeCloseTo(15, 1);
    expect(first?.durationSeconds).toBeCloseTo(600, 0);
    expect(first?.silentSeconds).toBeCloseTo(600, 0);
  });

  it('tells the stay from the silence', () => {
    const [event] = events(windowsOf([quiet(7), step, quiet(20)]), [told(0, true)], senseOf());
    expect((event?.durationSeconds ?? 0) / 60).toBeCloseTo(17, 0);
    expect((event?.silentSeconds ?? 0) / 60).toBeCloseTo(10, 1);
  });

  it.each<[string, Told[]]>([
    ['nobody has ever said that somebody is there', []],
    ['nobody is there', [told(0, false)]],
    ['it is not known', [told(0, true), told(9, undefined)]],
    ['they left in time', [told(0, true), told(9, false)]],
    ['each of two stays is short', [told(0, true), told(8, false), told(8.5, true), told(17, false)]],
  ])('is none where %s', (_, acts) => expect(stays([quiet(30)], acts)).toEqual([]));

  it('is off where nobody wants it', () =>
    expect(stays([quiet(90)], [told(0, true)], senseOf(0))).toEqual([]));

  it('is said again of the next stay, and not because somebody says again that they are there', () => {
    expect(stays([quiet(60)], [told(0, true), told(5, true), told(20, true)])).toEqual([10]);
    expect(stays([quiet(60)], [told(0, true), told(20, false), told(30, true)])).toEqual([10, 40]);
  });

  it('is said again after a sound, as many minutes later', () =>
    expect(stays([quiet(20), step, quiet(30)])).toEqual([10, 30]));

  it.each<[string, Heard]>([
    ['a step', step],
    ['a single window that stands out', { ...step, seconds: HOP_SECONDS }],
    ['speech, however low', { seconds: 6, scores: { speech: 0.9 } }],
    ['water, however low', { seconds: 6, scores: { water: 0.9 } }],
    ['what would be a hit', { seconds: HOP_SECONDS, scores: { abnormal: 0.7 } }],
  ])('begins anew with %s', (_, sound) => expect(stays([quiet(8), sound, quiet(20)])).toEqual([18]));

  it.each<[string, Heard]>([
    ['breath', { seconds: 300, rmsDbfs: -53 }],
    ['another class', { seconds: 60, scores: { music: 0.9 } }],
    ['a window of doubtful speech', { seconds: HOP_SECONDS, scores: { speech: 0.6 } }],
  ])('goes on with %s', (_, sound) => expect(stays([quiet(5), sound, quiet(20)])).toEqual([10]));

  it('is not put off by noise that lasts: a fan is a sound when it starts, and then the room', () =>
    expect(stays([quiet(5), { seconds: 60 * 40, rmsDbfs: -35 }])).toEqual([15]));

  it('does not begin while water runs, and does when it has stopped', () => {
    const bath: Heard = { seconds: 60 * 20, scores: { water: 0.9 }, rmsDbfs: -35 };
    expect(stays([bath])).toEqual([]);
    expect(stays([bath, quiet(20)])).toEqual([30]);
  });

  it('hears what is loud enough for an alarm, and nothing below that', () => {
    const faint = (minLevelDbfs: number) => {
      const sense = senseOf();
      const change: Partial<AlarmRule> = { minLevelDbfs };
      sense.setRule(change);
      return stays([quiet(8), step, quiet(20)], [told(0, true)], sense);
    };
    expect(faint(-51)).toEqual([18]);
    expect(faint(-49)).toEqual([10]);
  });

  it('is said while detection is off, and waits for an alarm to be said first', () => {
    const off = senseOf();
    off.setEnabled(false, 0, 0);
    expect(stays([quiet(20)], [told(0, true)], off)).toEqual([10]);

    const rule = { ...DEFAULT_ALARM_RULE, releaseSeconds: 600 };
    const fall: Heard = { seconds: HOP_SECONDS, scores: { abnormal: 0.96 }, rmsDbfs: -20 };
    /** The silence is over with the window in which an alarm ends; what follows is said of the next one. */
    const typesOf = (onEnd: (sense: Sense) => void) => {
      const sense = new Sense(rule, { ...SENSE_OFF, longStayMinutes: 10 });
      sense.setOccupied(true);
      return windowsOf([quiet(1), fall, quiet(20)]).flatMap((window) => {
        const type = sense.push(window)?.type;
        if (type === 'alarm_ended') onEnd(sense);
        return type ?? [];
      });
    };
    expect(typesOf(() => {})).toEqual(['alarm_started', 'alarm_ended', 'long_stay']);
    // They leave in between.
    expect(typesOf((sense) => sense.setOccupied(false))).toEqual(['alarm_started', 'alarm_ended']);
  });
});

describe('lost sound', () => {
  const script = [quiet(30)];

  it('is no silence: a short loss is left out of it', () => {
    const [event, ...more] = events(losing(windowsOf(script), 5, 50), [told(0, true)], senseOf());
    expect(more).toEqual([]);
    expect(60 * (event?.minute ?? 0)).toBeCloseTo(650, -1);
    expect(event?.silentSeconds).toBeCloseTo(650, -1);
  });

  it('lets the silence begin anew after a long loss, and says nothing twice', () => {
    expect(events(losing(windowsOf(script), 5, 90), [told(0, true)], senseOf())).toHaveLength(1);
    const [event] = events(losing(windowsOf(script), 5, 90), [told(0, true)], senseOf());
    expect(60 * (event?.minute ?? 0)).toBeCloseTo(300 + 90 + 600, -1);
    expect(event?.durationSeconds).toBeCloseTo(300 + 90 + 600, -1);
    expect(events(losing(windowsOf(script), 12, 900), [told(0, true)], senseOf())).toHaveLength(1);
  });

  it('again and again keeps no stay from being said', () => {
    let windows = windowsOf(script);
    for (let minute = 0; minute < 30; minute += 2) windows = losing(windows, minute * 1.5 + 1, 30);
    expect(events(windows, [told(0, true)], senseOf())).toHaveLength(1);
  });

  it('takes the noise floor with it: what is louder after it is no sound for that', () => {
    const louder = [quiet(5), { seconds: 60 * 20, rmsDbfs: -40 }];
    const [event] = events(losing(windowsOf(louder), 5, 30), [told(0, true)], senseOf());
    expect(60 * (event?.minute ?? 0)).toBeCloseTo(630, -1);
  });
});
