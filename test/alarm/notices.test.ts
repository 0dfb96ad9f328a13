import { describe, expect, it } from 'vitest';
import { Notices } from '../../src/alarm/notices.js';
import { ManualClock } from '../support/clock.js';

const SMOKE = { type: 'sound_heard', sound: 'smoke_alarm', name: 'Smoke alarm', score: 1, atMs: 5 } as const;
const STAY = { type: 'long_stay', durationSeconds: 3600, silentSeconds: 3000, atMs: 6 } as const;

function start() {
  const clock = new ManualClock();
  return { clock, notices: new Notices(clock) };
}

describe('what is said once', () => {
  it('is said again to whoever comes within ten minutes, three times at most', async () => {
    const { clock, notices } = start();
    expect(notices.remind()).toEqual([]);
    notices.note(SMOKE);
    notices.sound({ id: 'smoke_alarm', heard: false });
    notices.note(STAY);
    notices.note({ type: 'test', atMs: 7 });
    for (let n = 0; n < 3; n++) expect(notices.remind()).toEqual([SMOKE, STAY]);
    expect(notices.remind()).toEqual([]);
    notices.note({ ...SMOKE, atMs: 8 });
    await clock.advance(601_000);
    notices.sound({ id: 'smoke_alarm', heard: false });
    expect(notices.remind()).toEqual([]);
  });

  it('is said again for as long as it sounds, each sound by itself', async () => {
    const { clock, notices } = start();
    notices.note(SMOKE);
    notices.note({ ...SMOKE, sound: 'co_alarm' });
    notices.sound({ id: 'co_alarm', heard: false });
    await clock.advance(7_200_000);
    expect(notices.remind()).toEqual([SMOKE]);
  });
});
