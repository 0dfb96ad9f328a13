import { beforeEach, describe, expect, it } from 'vitest';
import { Paced } from '../../src/system/paced.js';
import { ManualClock } from '../support/clock.js';

let clock: ManualClock;
let done: [atMs: number, late: boolean][];
let paced: Paced;
beforeEach(() => {
  clock = new ManualClock();
  done = [];
  paced = new Paced(3, 1000, clock, (late) => done.push([clock.now(), late]));
});

describe('what is paced', () => {
  it('is done at once in a burst, then once in an interval, and at last once more', async () => {
    for (let i = 0; i < 50; i++) {
      paced.ask();
      await clock.advance(100);
    }
    await clock.advance(60_000);
    const burst = [0, 100, 200].map((atMs) => [atMs, false]);
    // Each takes a second to be allowed again, from the first one on.
    const later = [1000, 2000, 3000, 4000, 5000].map((atMs) => [atMs, true]);
    expect(done).toEqual([...burst, ...later]);
    expect(paced.rested).toBe(true);
  });

  it('may come in a burst again after a rest', async () => {
    for (let i = 0; i < 10; i++) paced.ask();
    await clock.advance(10_000);
    done = [];
    for (let i = 0; i < 10; i++) paced.ask();
    expect(done).toHaveLength(3);
    expect(paced.rested).toBe(false);
  });

  it('is done before its time where it is told so', async () => {
    for (let i = 0; i < 4; i++) paced.ask();
    paced.flush();
    paced.flush();
    expect(done.at(-1)).toEqual([0, true]);
    expect(done).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });
});
