import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LastHeard } from '../../src/storage/last-heard.js';
import { State } from '../../src/storage/state.js';
import { ManualClock } from '../support/clock.js';
import { silentLog } from '../support/sound.js';

const WATER = { speech: false, waterRunning: true };
const BOTH = { speech: true, waterRunning: true };
const NEITHER = { speech: false, waterRunning: false };

describe('when signs of life were last heard', () => {
  let folder: string;
  let clock: ManualClock;
  let said: [sign: string, atMs: number][];
  let states: State[];
  beforeEach(() => {
    states = [];
    folder = mkdtempSync(join(tmpdir(), 'bathnet-last-heard-'));
    clock = new ManualClock();
    said = [];
  });
  afterEach(async () => {
    await Promise.all(states.map((state) => state.settled())); // or a folder comes back
    rmSync(folder, { recursive: true, force: true });
  });

  const begin = () => {
    const state = new State(folder, silentLog);
    states.push(state);
    const heard = new LastHeard(state, (...each) => said.push(each), clock);
    heard.start();
    return { state, heard };
  };
  const kept = () => JSON.parse(readFileSync(join(folder, 'last-heard.json'), 'utf8'));

  it('says nothing of what was never heard', () => {
    begin().heard.window(NEITHER, clock.wallMs());
    expect(said).toEqual([]);
  });

  it('is said at once, then once a minute while it goes on, each sign by itself, with the newest time', async () => {
    const { heard } = begin();
    const beganMs = clock.wallMs();
    for (let seconds = 0; seconds < 150; seconds++) {
      heard.window(seconds < 30 ? WATER : BOTH, clock.wallMs());
      await clock.advance(1000);
    }
    const at = (seconds: number) => beganMs + seconds * 1000;
    expect(said).toEqual([
      ['water', at(0)],
      ['speech', at(30)],
      ['water', at(59)],
      ['speech', at(89)],
      ['water', at(119)],
      ['speech', at(149)],
    ]);
  });

  it('is known to the window after a stop, and said again by the next run', async () => {
    const { state, heard } = begin();
    for (const ms of [0, 480, 960]) heard.window(WATER, clock.wallMs() + ms);
    expect(said).toHaveLength(1);
    heard.stop();
    await state.settled();
    expect(kept()).toEqual({ water: clock.wallMs() + 960 });
    said = [];
    begin();
    expect(said).toEqual([['water', clock.wallMs() + 960]]);
  });

  it('is written once a minute, so that a crash costs no more', async () => {
    const { state, heard } = begin();
    for (let i = 0; i < 1000; i++) heard.window(BOTH, clock.wallMs() + i);
    await state.settled();
    expect(kept()).toEqual({ speech: clock.wallMs() });
    await clock.advance(60_000);
    await state.settled();
    expect(kept()).toEqual({ speech: Date.UTC(2026, 0, 1) + 999, water: Date.UTC(2026, 0, 1) + 999 });
  });

  it.each(['', '{', '[]', '{"water":"2026"}', '{"water":9e15}', '{"steps":1}'])(
    'begins anew where %j was kept',
    (text) => {
      writeFileSync(join(folder, 'last-heard.json'), text);
      const { heard } = begin();
      expect(said).toEqual([]);
      heard.window(WATER, clock.wallMs());
      expect(said).toHaveLength(1);
    },
  );
});
