import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { type Alarm, matchEvents, parseLabels } from '../../src/training/events.js';

const alarm = (startSeconds: number, endSeconds = startSeconds + 5, heardSeconds = startSeconds): Alarm => ({
  startSeconds,
  endSeconds,
  heardSeconds,
  label: 'abnormal',
  confidence: 0.9,
});
const event = (startSeconds: number, endSeconds: number) => ({ startSeconds, endSeconds, label: 'abnormal' });

describe('label files', () => {
  it("reads Audacity's, with and without its lines of frequencies", () => {
    const text = '\uFEFF4.5\t6.25\tscream\r\n\\\t120.0\t4000.0\r\n1.0\t1.0\twater on\r\n\r\n';
    expect(parseLabels(text, 'x.txt')).toEqual([
      { startSeconds: 1, endSeconds: 1, label: 'water on' },
      { startSeconds: 4.5, endSeconds: 6.25, label: 'scream' },
    ]);
  });

  it('reads CSV with its columns in any order, quotes and all', () => {
    const text = 'Label,start,note,end\n"a ""loud"", long one",1,x,2\nwater,3.5,,4\n';
    expect(parseLabels(text, 'x.csv')).toEqual([
      { startSeconds: 1, endSeconds: 2, label: 'a "loud", long one' },
      { startSeconds: 3.5, endSeconds: 4, label: 'water' },
    ]);
  });

  it.each([
    ['words for times', 'one\ttwo\tscream'],
    ['an end before the start', '5\t4\tscream'],
    ['no label', '1\t2\t '],
    ['a missing column', 'start,end,label\n1,2'],
    ['an empty time', '\t2\tscream'],
    ['CSV without a header', '1,2,scream'],
  ])('refuses %s and names the line', (_, text) => {
    expect(() => parseLabels(text, 'x.txt')).toThrow(UserError);
    expect(() => parseLabels(text, 'x.txt')).toThrow(/^x\.txt, line \d: /);
  });
});

describe('alarms against events', () => {
  it('finds an event by the alarm that starts in it, and says how late', () => {
    expect(matchEvents([event(10, 14)], [alarm(11.5)], 2)).toEqual({ delaysSeconds: [1.5], falseAlarms: [] });
  });

  it('finds an event by what the alarm is about, though silence after it started that', () => {
    const fall = [event(10, 11)];
    expect(matchEvents(fall, [alarm(19, 24, 10.5)], 0)).toEqual({ delaysSeconds: [9], falseAlarms: [] });
    expect(matchEvents(fall, [alarm(10.5, 24, 2)], 1).falseAlarms).toHaveLength(1);
  });

  it('lets an alarm start a collar too early or too late, and no more', () => {
    const found = (at: number) => matchEvents([event(10, 12)], [alarm(at, at + 1)], 2).delaysSeconds[0];
    expect([7.9, 8, 14, 14.1].map(found)).toEqual([undefined, 0, 4, undefined]);
  });

  it('finds no event by a false alarm that happens to be on', () => {
    const early = alarm(5, 12);
    expect(matchEvents([event(10, 11)], [early], 1)).toEqual({
      delaysSeconds: [undefined],
      falseAlarms: [early],
    });
  });

  it('finds two events by one alarm, and explains two alarms by one event', () => {
    expect(matchEvents([event(10, 11), event(12, 13)], [alarm(11, 18)], 0).delaysSeconds).toEqual([1, 0]);
    expect(matchEvents([event(10, 40)], [alarm(11), alarm(30)], 0).falseAlarms).toEqual([]);
  });

  it('calls every alarm false where there is no event, and with a wider collar never more', () => {
    const times = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 8 });
    fc.assert(
      fc.property(times, times, fc.integer({ min: 0, max: 20 }), (starts, alarmStarts, collar) => {
        const events = starts.map((start) => event(start, start + 3));
        const alarms = alarmStarts.map((start) => alarm(start));
        expect(matchEvents([], alarms, collar).falseAlarms).toEqual(alarms);
        const [narrow, wide] = [matchEvents(events, alarms, collar), matchEvents(events, alarms, collar + 1)];
        expect(wide.falseAlarms.length).toBeLessThanOrEqual(narrow.falseAlarms.length);
        const found = (match: typeof wide) => match.delaysSeconds.filter((delay) => delay !== undefined);
        expect(found(wide).length).toBeGreaterThanOrEqual(found(narrow).length);
        expect(found(wide).every((delay) => delay >= 0)).toBe(true);
      }),
    );
  });
});
