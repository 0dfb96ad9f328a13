import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptImpacts } from '../../src/storage/impacts.js';
import { State } from '../../src/storage/state.js';
import type { WaitingImpacts } from '../../src/types.js';
import { ManualClock, settle } from '../support/clock.js';
import { silentLog } from '../support/sound.js';

const ongoing = { mediaDbfs: -40, water: false, voices: true };
const impact = { hit: { atMs: 5, label: 'impact', score: 0.9 }, atMs: 4, silenceDbfs: -50, ongoing };

describe('impacts that wait for what comes after them', () => {
  let folder: string;
  let warnings: string[];
  const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
  beforeEach(() => {
    warnings = [];
    folder = mkdtempSync(join(tmpdir(), 'bathnet-impacts-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const told = () => Promise.resolve();

  /** A run of the program. */
  async function run(leave?: WaitingImpacts, microphone = 'USB'): Promise<WaitingImpacts | undefined> {
    const state = new State(folder, silentLog);
    const kept = new KeptImpacts(state, microphone, new ManualClock(), told, log);
    const taken = kept.take();
    kept.keep(leave);
    await told();
    kept.stop();
    await state.settled();
    return taken;
  }

  it('are left to the next run, and to no other', async () => {
    expect(await run({ silence: impact, voice: undefined })).toBeUndefined();
    expect(await run()).toMatchObject({ silence: impact });
    expect(await run()).toBeUndefined();
    await run({ voice: impact });
    expect(await run({ silence: impact })).toMatchObject({ voice: impact });
    expect((await run())?.voice).toBeUndefined();
  });

  /** A run that goes on, in which events are kept when these resolve. */
  function running(events: Promise<void>[]) {
    const state = new State(folder, silentLog);
    const clock = new ManualClock();
    const kept = new KeptImpacts(state, 'USB', clock, () => events.shift() ?? told(), log);
    const onDisk = async () => {
      await settle();
      await state.settled();
      return new KeptImpacts(new State(folder, silentLog), 'USB', clock, told, log).take();
    };
    return { kept, onDisk };
  }

  it('are kept as soon as they wait, and until the alarm that they have become is kept', async () => {
    let tell = () => {};
    const { kept, onDisk } = running([told(), new Promise<void>((resolve) => (tell = resolve))]);
    kept.keep({ silence: impact });
    expect(await onDisk()).toEqual({ silence: impact });
    kept.keep(undefined);
    expect(await onDisk()).toEqual({ silence: impact });
    tell();
    expect(await onDisk()).toBeUndefined();
  });

  it('take the place of none whose alarm is not kept yet', async () => {
    let tell = () => {};
    const alarm = new Promise<void>((resolve) => (tell = resolve));
    const { kept, onDisk } = running([told(), alarm, alarm]);
    const later = { ...impact, atMs: impact.atMs + 1000 };
    kept.keep({ silence: impact });
    expect(await onDisk()).toEqual({ silence: impact });
    kept.keep(undefined);
    kept.keep({ silence: later });
    expect(await onDisk()).toEqual({ silence: impact });
    tell();
    expect(await onDisk()).toEqual({ silence: later });
  });

  it('are written when they change, and however many there are, six times a minute', async () => {
    let written = 0;
    const store = { read: () => undefined, write: () => void written++ };
    const clock = new ManualClock();
    const kept = new KeptImpacts(store, 'USB', clock, told, log);
    for (let times = 0; times < 9; times++) kept.keep({ silence: { ...impact } });
    await told();
    expect(written).toBe(1);
    for (let second = 0; second < 600; second++) {
      kept.keep({ silence: { ...impact, atMs: second } });
      await clock.advance(1000);
    }
    expect(written).toBeLessThan(20 + 60 + 2);
  });

  it('are those of the same microphone', async () => {
    await run({ silence: impact });
    expect(await run(undefined, 'another')).toBeUndefined();
    expect(await run()).toBeUndefined();
  });

  it('are none where what was kept is damaged, which is said, and write nothing where there are none', async () => {
    await run();
    expect(warnings).toEqual([]);
    const file = join(folder, 'impacts.json');
    expect(() => readFileSync(file)).toThrow(/ENOENT/);
    for (const damaged of ['', '{', '{"microphone":"USB","silence":{}}']) {
      writeFileSync(file, damaged);
      warnings = [];
      expect(await run()).toBeUndefined();
      expect(warnings).toEqual([expect.stringContaining('it cannot be read whether an impact waited')]);
    }
  });
});
