import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QuietStore } from '../../src/storage/quiet.js';
import { State } from '../../src/storage/state.js';
import { ManualClock } from '../support/clock.js';
import { silentLog } from '../support/sound.js';

describe('what a microphone hears as quiet', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bathnet-quiet-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const known = { minutes: 1440, quietestDbfs: -71.5, minutesBelow: 90 };

  it('is known again after a restart, of this microphone and no other', async () => {
    const state = new State(folder, silentLog);
    const first = new QuietStore(state, 'a', new ManualClock());
    expect(first.known).toBeUndefined();
    first.keep(known);
    await state.settled();
    expect(new QuietStore(state, 'a', new ManualClock()).known).toEqual(known);
    expect(new QuietStore(state, 'b', new ManualClock()).known).toBeUndefined();
  });

  it('is written once an hour, and when the daemon stops', async () => {
    const state = new State(folder, silentLog);
    const store = new QuietStore(state, 'a', new ManualClock());
    const kept = async () => {
      await state.settled();
      return JSON.parse(readFileSync(join(folder, 'quiet.json'), 'utf8')).minutes;
    };
    for (let minutes = 1; minutes < 50; minutes++) store.keep({ ...known, minutes });
    expect(await kept()).toBe(1);
    store.stop();
    expect(await kept()).toBe(49);
  });

  it.each(['', '{', '[]', '{"microphone":"a","minutes":1440,"quietestDbfs":null}', '{"microphone":"a"}'])(
    'is learned again where %j was kept',
    (text) => {
      writeFileSync(join(folder, 'quiet.json'), text);
      expect(new QuietStore(new State(folder, silentLog), 'a', new ManualClock()).known).toBeUndefined();
    },
  );
});
