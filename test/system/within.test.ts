import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/system/clock.js';
import { deadline, within } from '../../src/system/within.js';

/** As a process that is swapped out, or stopped. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a deadline', () => {
  it('takes an answer that has waited while the process stood still, and comes where there is none', async () => {
    const late: string[] = [];
    const answered = stat('.');
    const cancel = deadline(systemClock, 150, () => late.push('answered'));
    standStill(400);
    await answered.finally(cancel);
    await new Promise<void>((resolve) => {
      deadline(systemClock, 150, () => resolve(void late.push('never')));
    });
    expect(late).toEqual(['never']);
  });
});

describe('waiting within a time', () => {
  it('ends with what is waited for, or with the time', async () => {
    await within(systemClock, 60_000, Promise.resolve());
    await within(systemClock, 10, new Promise(() => {}));
  });
});
