import { beforeEach, describe, expect, it } from 'vitest';
import { AGAIN_MS, FaultWatch, LASTING_MS, OVER_MS } from '../../src/notify/fault-watch.js';
import { ManualClock } from '../support/clock.js';

let clock: ManualClock;
let told: (readonly string[])[];
let watch: FaultWatch;
beforeEach(() => {
  clock = new ManualClock();
  told = [];
  watch = new FaultWatch(clock, (faults) => told.push(faults));
});

describe('a fault', () => {
  it('that does not last is not told, nor is its end', async () => {
    watch.set(['no_sound']);
    await clock.advance(LASTING_MS - 1);
    watch.set([]);
    await clock.advance(AGAIN_MS);
    expect(told).toEqual([]);
  });

  it('that lasts is told once, with what it is by then, and so is its end', async () => {
    watch.set(['no_sound']);
    watch.set(['microphone_zero']);
    await clock.advance(LASTING_MS);
    watch.set(['microphone_zero']);
    await clock.advance(AGAIN_MS * 10);
    expect(told).toEqual([['microphone_zero']]);
    watch.set([]);
    watch.set([]);
    expect(told).toEqual([['microphone_zero'], []]);
  });

  it('that comes to one that lasts is told once it lasts as well, however long the other does', async () => {
    watch.set(['windows_dropped']);
    await clock.advance(100 * AGAIN_MS);
    watch.set(['windows_dropped', 'microphone_zero']);
    await clock.advance(LASTING_MS - 1);
    expect(told).toEqual([['windows_dropped']]);
    await clock.advance(1);
    expect(told).toEqual([['windows_dropped'], ['windows_dropped', 'microphone_zero']]);
    watch.set(['microphone_zero']);
    await clock.advance(AGAIN_MS);
    expect(told).toHaveLength(2);
    watch.set([]);
    expect(told.at(-1)).toEqual([]);
  });

  it('that comes to one that lasts and goes again at once is not told', async () => {
    watch.set(['windows_dropped']);
    await clock.advance(AGAIN_MS);
    watch.set(['windows_dropped', 'no_sound']);
    await clock.advance(LASTING_MS / 2);
    watch.set(['windows_dropped']);
    await clock.advance(1000);
    watch.set(['windows_dropped', 'no_sound']);
    await clock.advance(LASTING_MS / 2 - 1);
    watch.set(['windows_dropped']);
    await clock.advance(AGAIN_MS);
    expect(told).toEqual([['windows_dropped']]);
  });

  it('that is over while another one lasts is news when it comes back, every quarter of an hour at most', async () => {
    watch.set(['windows_dropped', 'no_sound']);
    await clock.advance(LASTING_MS);
    watch.set(['windows_dropped']);
    watch.set(['windows_dropped', 'no_sound']);
    await clock.advance(AGAIN_MS - 1);
    expect(told).toHaveLength(1);
    await clock.advance(1);
    expect(told).toEqual(Array(2).fill(['windows_dropped', 'no_sound']));
  });

  it('that has lasted already is told at once, and neither hides nor delays another one', async () => {
    watch = new FaultWatch(clock, (faults) => told.push(faults), new Set(['restarts_often']));
    watch.set(['no_sound', 'restarts_often']);
    expect(told).toEqual([['restarts_often']]);
    await clock.advance(LASTING_MS);
    expect(told).toEqual([['restarts_often'], ['no_sound', 'restarts_often']]);
  });

  it('that an earlier run has told is not told again, but its end is', async () => {
    watch = new FaultWatch(clock, (faults) => told.push(faults), new Set(['restarts_often']));
    watch.known(['restarts_often']);
    watch.set(['no_sound', 'restarts_often']);
    watch.set(['restarts_often']);
    await clock.advance(AGAIN_MS);
    expect(told).toEqual([]);
    watch.set([]);
    expect(told).toEqual([[]]);
  });

  it('that takes the place of one that was told, and is soon over, leaves nobody without the end', async () => {
    watch.set(['microphone_zero']);
    await clock.advance(LASTING_MS);
    watch.set(['no_sound']);
    await clock.advance(1000);
    watch.set([]);
    expect(told).toEqual([['microphone_zero'], []]);
  });

  it('that comes and goes is told at most every quarter of an hour', async () => {
    for (let minute = 0; minute < 60; minute += 4) {
      watch.set(['no_sound']);
      await clock.advance(3 * 60_000);
      watch.set([]);
      await clock.advance(60_000);
    }
    const begins = told.filter((faults) => faults.length > 0).length;
    expect(begins).toBeGreaterThanOrEqual(2);
    expect(begins).toBeLessThanOrEqual(4);
    expect(told.length).toBe(2 * begins);
  });

  it.each([
    ['nearly all the time', 45_000, 10_000, LASTING_MS * 2],
    ['for a moment again and again', 12_000, OVER_MS - 1, LASTING_MS * 60],
  ])('that is there %s is told, although it never lasts', async (_, thereMs, goneMs, withinMs) => {
    while (told.length === 0 && clock.now() < withinMs) {
      watch.set(['no_sound']);
      await clock.advance(thereMs);
      watch.set([]);
      await clock.advance(goneMs);
    }
    expect(told).toEqual([['no_sound'], []]);
  });

  it('that has been over for ten minutes begins anew', async () => {
    for (let time = 0; time < 100; time++) {
      watch.set(['no_sound']);
      await clock.advance(LASTING_MS / 2);
      watch.set([]);
      await clock.advance(OVER_MS);
    }
    expect(told).toEqual([]);
  });

  it('is not told once it is stopped', async () => {
    watch.set(['no_sound']);
    watch.stop();
    await clock.advance(AGAIN_MS);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
