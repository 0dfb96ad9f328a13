import { expect, it } from 'vitest';
import { OwnEcho } from '../../src/publish/echo.js';
import { ManualClock } from '../support/clock.js';
import { recordingLog } from './samples.js';

it('that was missing is not missed any more where a broker that says what it refuses takes the place', async () => {
  const clock = new ManualClock();
  let changes = 0;
  const echo = new OwnEcho('availability', { echoTimeoutMs: 10_000 }, clock, recordingLog(), () => changes++);
  echo.begin(true);
  echo.expect();
  await clock.advance(10_000);
  echo.begin(true);
  expect([echo.missing, changes]).toEqual([true, 1]);
  echo.begin(false);
  expect([echo.missing, changes]).toEqual([false, 2]);
  echo.begin(false);
  expect(changes).toBe(2);
});
