import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptImpacts } from '../../src/storage/impacts.js';
import { State } from '../../src/storage/state.js';
import type { WaitingImpacts } from '../../src/types.js';
import { ManualClock } from '../support/clock.js';
import { silentLog } from '../support/sound.js';

const impact = { hit: { atMs: 5, label: 'impact', score: 0.9 }, atMs: 4, silenceDbfs: -50 };

describe('impacts that wait for what comes after them', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bathnet-impacts-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A run of the program. */
  async function run(leave?: WaitingImpacts, microphone = 'USB'): Promise<WaitingImpacts | undefined> {
    const state = new State(folder, silentLog);
    const kept = new KeptImpacts(state, microphone, new ManualClock());
    const taken = kept.take();
    kept.leave(leave);
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

  it('are those of the same microphone', async () => {
    await run({ silence: impact });
    expect(await run(undefined, 'another')).toBeUndefined();
    expect(await run()).toBeUndefined();
  });

  it('are none where what was kept is damaged, and write nothing where there are none', async () => {
    await run();
    const file = join(folder, 'impacts.json');
    expect(() => readFileSync(file)).toThrow(/ENOENT/);
    for (const damaged of ['', '{', '{"microphone":"USB","silence":{}}']) {
      writeFileSync(file, damaged);
      expect(await run()).toBeUndefined();
    }
  });
});
