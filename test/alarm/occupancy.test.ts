import { beforeEach, describe, expect, it } from 'vitest';
import { Occupancy } from '../../src/alarm/occupancy.js';
import { recordingLog } from '../publish/samples.js';
import { ManualClock } from '../support/clock.js';

const HOUR_MS = 3_600_000;

let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;
let changes: (boolean | undefined)[];
let occupancy: Occupancy;
beforeEach(() => {
  clock = new ManualClock();
  log = recordingLog();
  changes = [];
  occupancy = new Occupancy((occupied) => changes.push(occupied), clock, log);
});

describe('whether somebody is in the room', () => {
  it('is what was said last, and a change only where it differs', () => {
    for (const word of [undefined, true, true, false, undefined, undefined, true]) occupancy.say(word, false);
    expect(changes).toEqual([true, false, undefined, true]);
  });

  it('is missed once where nobody has said a word within an hour, and not where somebody has', async () => {
    occupancy.expect('bathnet/test/occupied/set');
    await clock.advance(100 * HOUR_MS);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn nobody has said for 1 h .*longStayMinutes.*bathnet\/test\/occupied\/set/),
    ]);
    occupancy.expect('bathnet/test/occupied/set');
    occupancy.say(undefined, false);
    await clock.advance(100 * HOUR_MS);
    expect(log.lines).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('is not known any more a day after the last word, which is logged once', async () => {
    occupancy.say(false, false);
    await clock.advance(23 * HOUR_MS);
    expect(changes).toEqual([false]);
    await clock.advance(HOUR_MS);
    expect(changes).toEqual([false, undefined]);
    await clock.advance(100 * HOUR_MS);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^warn nobody has said for 24 h .*"occupied":false/);
    occupancy.say(false, false);
    expect(changes).toEqual([false, undefined, false]);
  });

  it('that nobody is there is believed for two hours where the broker had kept it, unless it is said anew', async () => {
    occupancy.say(false, true);
    await clock.advance(2 * HOUR_MS);
    expect(changes).toEqual([false, undefined]);
    occupancy.say(false, false);
    await clock.advance(23 * HOUR_MS);
    expect(changes).toEqual([false, undefined, false]);
  });

  it('is not known where the broker has kept that nobody is, and a sensor has said that somebody is', () => {
    occupancy.say(true, false);
    for (let reconnect = 0; reconnect < 3; reconnect++) occupancy.say(false, true);
    expect(changes).toEqual([true, undefined]);
    occupancy.say(false, false);
    expect(changes).toEqual([true, undefined, false]);
  });

  it('stays known as long as the word is said again', async () => {
    for (let i = 0; i < 5; i++) {
      occupancy.say(true, false);
      await clock.advance(20 * HOUR_MS);
    }
    expect(changes).toEqual([true]);
    expect(log.lines).toEqual([]);
  });

  it('grows old although the broker says at every reconnect what it keeps', async () => {
    for (let i = 0; i < 5; i++) {
      occupancy.say(false, true);
      await clock.advance(10 * HOUR_MS);
    }
    expect(changes).toEqual([false, undefined]);
    occupancy.say(true, true); // another word has been kept meanwhile
    expect(changes).toEqual([false, undefined, true]);
  });

  it('that is not known does not become older, and leaves no timer behind', async () => {
    occupancy.say(true, false);
    occupancy.say(undefined, false);
    expect(clock.pending).toBe(0);
    occupancy.say(true, false);
    occupancy.stop();
    expect(clock.pending).toBe(0);
  });
});
