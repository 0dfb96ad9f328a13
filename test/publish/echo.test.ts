import { expect, it } from 'vitest';
import { OwnEcho } from '../../src/publish/echo.js';
import { ManualClock } from '../support/clock.js';
import { recordingLog } from './samples.js';

it('that was missing is not missed any more where a broker that says what it refuses takes the place', async () => {
  const clock = new ManualClock();
  let changes = 0;
  const echo = new OwnEcho('availability', { echoTimeoutMs: 10_000 }, clock, recordingLog(), {
    onChange: () => changes++,
    onContradicted: () => {},
  });
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

it('contradicts at once who says that it is gone, then not more often than every ten seconds, and warns once', async () => {
  const clock = new ManualClock();
  const log = recordingLog();
  let answers = 0;
  const echo = new OwnEcho('availability', { echoTimeoutMs: 10_000 }, clock, log, {
    onChange: () => {},
    onContradicted: () => answers++,
  });
  const says = (payload: string, retained = false) =>
    echo.message({ topic: 'availability', payload: Buffer.from(payload), retained });
  echo.begin(false);
  says('offline', true); // what the broker has kept is older than our word, which follows
  says('online');
  await clock.advance(10_000);
  expect(answers).toBe(0);
  says('offline');
  await clock.advance(0);
  expect(answers).toBe(1);
  for (const word of ['offline', '', 'online', 'offline']) says(word);
  await clock.advance(9_999);
  expect(answers).toBe(1);
  await clock.advance(1);
  expect(answers).toBe(2);
  expect(log.lines).toHaveLength(1);
  says('offline');
  echo.cancel(); // the connection is gone, or the daemon takes its leave
  await clock.advance(20_000);
  expect(answers).toBe(2);
});
