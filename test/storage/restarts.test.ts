import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OFTEN_WITHIN_MS, Restarts } from '../../src/storage/restarts.js';
import { State } from '../../src/storage/state.js';
import type { Problem } from '../../src/types.js';
import { recordingLog } from '../publish/samples.js';
import { ManualClock } from '../support/clock.js';

const MINUTE_MS = 60_000;
const NAMED = ['restarts_often'];

let folder: string;
let clock: ManualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-restarts-'));
  clock = new ManualClock(Date.UTC(2026, 10, 27));
});
afterEach(() => rmSync(folder, { recursive: true }));

let runs = 0;

/** A run of the daemon, which is over when its `end` is called: undefined is a crash. */
function run(at = clock, says = true, process = String(runs++)) {
  const log = recordingLog();
  const state = new State(folder, log);
  let problems: readonly Problem[] = [];
  const restarts = new Restarts(state, at, log, process);
  restarts.start();
  if (says)
    restarts.say((now) => {
      problems = now;
    });
  const end = async (asked?: boolean) => {
    if (asked !== undefined) restarts.stop(asked);
    await state.settled();
  };
  return { restarts, log, end, problems: () => problems };
}

/** Runs, each of which is over after this long, as seen by the next one. */
async function problemsAfter(ends: readonly (boolean | undefined)[], eachMs = MINUTE_MS) {
  for (const asked of ends) {
    const { end } = run();
    await end(asked);
    clock = new ManualClock(clock.wallMs() + eachMs);
  }
  const { problems, end } = run();
  await end();
  return problems();
}

describe('a daemon that ends without being asked to', () => {
  it('says so with the third time within an hour, also where it has failed and knows it', async () => {
    expect(await problemsAfter([undefined, undefined])).toEqual([]);
    expect(await problemsAfter([undefined])).toEqual(NAMED);
    rmSync(join(folder, 'restarts.json'));
    expect(await problemsAfter([false, false, false])).toEqual(NAMED);
  });

  it('does not where somebody asks it to, or it takes more than an hour', async () => {
    expect(await problemsAfter([true, true, true, true])).toEqual([]);
    expect(await problemsAfter(Array(5).fill(undefined), OFTEN_WITHIN_MS / 2 + MINUTE_MS)).toEqual([]);
  });

  it('says so until a run has lasted for an hour, whoever stops it meanwhile, and then no more', async () => {
    expect(await problemsAfter([undefined, undefined, undefined, true])).toEqual(NAMED);
    const lasting = run();
    await clock.advance(OFTEN_WITHIN_MS - 1);
    expect(lasting.problems()).toEqual(NAMED);
    await clock.advance(1);
    expect(lasting.problems()).toEqual([]);
    await lasting.end();
    expect(run().problems()).toEqual([]);
  });

  it('says whether an earlier run has said so: one after the other is not told each time', async () => {
    await problemsAfter([undefined, undefined]);
    const told: (readonly Problem[])[] = [];
    for (let i = 0; i < 4; i++) {
      const { restarts, end } = run();
      told.push(restarts.told);
      await end();
    }
    expect(told).toEqual([[], NAMED, NAMED, NAMED]);
  });

  it('has not said so where it ends before it can', async () => {
    await problemsAfter([undefined, undefined]);
    for (let i = 0; i < 4; i++) await run(clock, false).end();
    const { restarts, problems } = run();
    expect([restarts.told, problems()]).toEqual([[], NAMED]);
  });

  it('says so in the log', async () => {
    await problemsAfter([undefined, undefined, undefined]);
    expect(run().log.lines.join()).toMatch(/^error it has ended again and again/);
  });

  it.each([
    ['begins in 1970 each time', [0, 0, 0, 0]],
    ['is set back by a day', [0, 1, -86_400_000, -86_399_000].map((ms) => Date.UTC(2026, 10, 27) + ms)],
  ])('says so also where the clock %s, and no more once a run lasts', async (_, starts) => {
    for (const wallMs of starts.slice(0, 3)) await run(new ManualClock(wallMs)).end();
    clock = new ManualClock(starts[3]);
    const lasting = run();
    expect(lasting.problems()).toEqual(NAMED);
    await clock.advance(OFTEN_WITHIN_MS);
    await lasting.end();
    expect(run().problems()).toEqual([]);
  });

  it('begins to count anew where what is kept is damaged', async () => {
    await problemsAfter([undefined, undefined]);
    writeFileSync(join(folder, 'restarts.json'), '{"running":tr');
    expect(await problemsAfter([undefined, undefined])).toEqual([]);
  });

  it('leaves nothing that waits once it is stopped', async () => {
    await problemsAfter([undefined]);
    clock = new ManualClock(clock.wallMs());
    await run().end(true);
    expect(clock.pending).toBe(0);
  });
});

it('a configuration that is read again and again is no end', async () => {
  for (let i = 0; i < 5; i++) {
    const { restarts, end, problems } = run(clock, true, 'one');
    restarts.stop(true, true);
    await end();
    expect(problems()).toEqual([]);
  }
});
