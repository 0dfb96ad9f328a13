import { beforeEach, describe, expect, it } from 'vitest';
import { AGAIN_MS, FaultWatch, LASTING_MS } from '../../src/notify/fault-watch.js';
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
    watch.set(['microphone_zero', 'no_sound']);
    await clock.advance(AGAIN_MS * 10);
    expect(told).toEqual([['microphone_zero']]);
    watch.set([]);
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

  it('is not told once it is stopped', async () => {
    watch.set(['no_sound']);
    watch.stop();
    await clock.advance(AGAIN_MS);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
