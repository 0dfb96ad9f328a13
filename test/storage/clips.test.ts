import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWav } from '../../src/audio/wav-writer.js';
import { type ClipOptions, ClipRecorder } from '../../src/storage/clips.js';
import type { AlarmStarted, ScoredWindow } from '../../src/types.js';
import { readPlainWav, silentLog } from '../support/sound.js';

let dir: string;
let folder: string;
let said: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-clips-'));
  folder = join(dir, 'clips');
  said = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const options: ClipOptions = {
  enabled: true,
  beforeSeconds: 1,
  afterSeconds: 1,
  maxClips: 3,
  maxDays: 7,
  speech: false,
  speechLabels: ['speech'],
};

function recorder(changes: Partial<ClipOptions> = {}): ClipRecorder {
  const note = (_: object, message: string) => void said.push(message);
  const log = { ...silentLog, info: note, warn: note };
  return new ClipRecorder(
    folder,
    { ...options, ...changes },
    (path, samples) => writeWav(path, [samples]),
    log,
  );
}

/** Hears on: a ramp that says where in the stream a sample lies, in tenths of a second. */
function hear(clips: ClipRecorder, fromSeconds: number, seconds: number): void {
  for (let i = 0; i < seconds * 10; i++)
    clips.chunk({ samples: new Float32Array(1600).fill((fromSeconds * 10 + i) / 1000), capturedAtMs: 0 });
}
/** A window that ends there. */
const scored = (endSeconds: number, speech = 0) =>
  ({ endSeconds, scores: { speech } }) as unknown as ScoredWindow;
const alarm = (episodeId: string, atSeconds: number) =>
  ({ episodeId, label: 'abnormal/../x', atSeconds }) as AlarmStarted;
const kept = () => readdirSync(folder).sort();
const samplesOf = (episodeId: string) => readPlainWav(join(folder, `${episodeId}-abnormal_x.wav`));

describe('a clip', () => {
  it('holds the seconds around the alarm, readable for its owner alone', async () => {
    const clips = recorder();
    hear(clips, 0, 5);
    clips.window(scored(5));
    clips.alarm(alarm('e1', 5));
    hear(clips, 5, 3);
    clips.window(scored(6.2));
    await clips.stop();
    expect(kept()).toEqual(['e1-abnormal_x.wav']);
    const path = join(folder, 'e1-abnormal_x.wav');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const samples = await readPlainWav(path);
    expect(samples).toHaveLength(2 * 16_000);
    expect(samples[0]).toBeCloseTo(0.04, 3);
    expect(samples.at(-1)).toBeCloseTo(0.059, 3);
  });

  it('waits until its end has been scored: a word in it may come late', async () => {
    for (const wanted of [false, true]) {
      const clips = recorder({ speech: wanted });
      hear(clips, 0, 5);
      clips.window(scored(5));
      clips.alarm(alarm(`e-${wanted}`, 5));
      hear(clips, 5, 1); // all of the clip is there, and no window has covered its end
      clips.window(scored(5.8));
      hear(clips, 6, 0.3);
      clips.window(scored(6.3, 0.9));
      await clips.stop();
    }
    expect(kept()).toEqual(['e-true-abnormal_x.wav']);
    expect(said[0]).toMatch(/someone speaks/);
  });

  it('is written as soon as its end has been scored', async () => {
    const clips = recorder();
    hear(clips, 0, 5);
    clips.alarm(alarm('e1', 5));
    hear(clips, 5, 2);
    clips.window(scored(5.9));
    clips.window(scored(6));
    await expect.poll(() => said.at(-1)).toMatch(/kept/);
    clips.window(scored(6.5, 0.9)); // too late to matter
    await clips.stop();
    expect(await samplesOf('e1')).toHaveLength(2 * 16_000);
  });

  it('is written with what has been scored of it when the daemon stops', async () => {
    const clips = recorder();
    hear(clips, 0, 0.5);
    clips.window(scored(0.3));
    clips.alarm(alarm('e1', 0.3));
    await clips.stop();
    expect(await samplesOf('e1')).toHaveLength(4800);
    const all = recorder({ speech: true });
    hear(all, 0, 0.5);
    all.window(scored(0.3));
    all.alarm(alarm('e2', 0.3));
    await all.stop();
    expect(await samplesOf('e2')).toHaveLength(8000);
  });

  it('ends with the sound, where the last window reaches beyond it', async () => {
    const clips = recorder();
    hear(clips, 0, 0.5);
    clips.window(scored(0.975));
    clips.alarm(alarm('e1', 0.975));
    await clips.stop();
    expect(await samplesOf('e1')).toHaveLength(8000);
  });

  it('is not kept when someone speaks in it, unless that is wanted', async () => {
    for (const wanted of [false, true]) {
      const clips = recorder({ speech: wanted });
      hear(clips, 0, 3);
      clips.alarm(alarm(`e-${wanted}`, 3));
      clips.window(scored(3.3, 0.35));
      hear(clips, 3, 2);
      clips.window(scored(4.5));
      await clips.stop();
    }
    expect(kept()).toEqual(['e-true-abnormal_x.wav']);
    expect(said[0]).toMatch(/someone speaks/);
  });

  it('is kept when the speech was before it', async () => {
    const clips = recorder();
    hear(clips, 0, 5);
    clips.window(scored(3.9, 0.9));
    clips.window(scored(5));
    clips.alarm(alarm('e1', 5));
    await clips.stop();
    expect(kept()).toHaveLength(1);
  });

  it('of one alarm ends where that of the next one is due', async () => {
    const clips = recorder();
    hear(clips, 0, 2.5);
    clips.window(scored(2));
    clips.alarm(alarm('e1', 2));
    clips.window(scored(2.4));
    clips.alarm(alarm('e2', 2.4));
    hear(clips, 2.5, 2);
    clips.window(scored(4));
    await clips.stop();
    expect(await samplesOf('e1')).toHaveLength(1.4 * 16_000);
    expect(await samplesOf('e2')).toHaveLength(2 * 16_000);
  });

  it('makes room for newer ones, and goes when it is old', async () => {
    const clips = recorder();
    for (const [i, id] of ['e1', 'e2', 'e3', 'e4', 'e5'].entries()) {
      hear(clips, 0, 2);
      clips.alarm(alarm(id, 2 * i + 1));
      clips.window(scored(2 * i + 2));
    }
    await clips.stop();
    expect(kept().map((name) => name.slice(0, 2))).toEqual(['e3', 'e4', 'e5']);
    const longAgo = Date.now() / 1000 - 8 * 86_400;
    utimesSync(join(folder, 'e4-abnormal_x.wav'), longAgo, longAgo);
    const later = recorder();
    hear(later, 0, 1);
    later.window(scored(1));
    later.alarm(alarm('e6', 1));
    await later.stop();
    expect(kept().map((name) => name.slice(0, 2))).toEqual(['e3', 'e5', 'e6']);
  });

  it('stays where it has just been kept, whatever the clock says', async () => {
    const clips = recorder();
    // Named after the time: the clock went back before the last two.
    for (const [i, id] of ['e3', 'e4', 'e5', 'e1', 'e2'].entries()) {
      hear(clips, 0, 2);
      clips.alarm(alarm(id, 2 * i + 1));
      clips.window(scored(2 * i + 2));
    }
    await clips.stop();
    expect(kept().map((name) => name.slice(0, 2))).toEqual(['e1', 'e2', 'e5']);
    for (const year of [1970, 2036])
      utimesSync(join(folder, 'e1-abnormal_x.wav'), year, Date.UTC(year) / 1000);
    const later = recorder({ maxClips: 9 });
    hear(later, 0, 1);
    later.window(scored(1));
    later.alarm(alarm('e0', 1));
    await later.stop();
    expect(kept().map((name) => name.slice(0, 2))).toEqual(['e0', 'e1', 'e2', 'e5']);
  });

  it('that cannot be written stops nothing', async () => {
    writeFileSync(folder, '');
    const clips = recorder();
    hear(clips, 0, 1);
    clips.window(scored(1));
    clips.alarm(alarm('e1', 1));
    await clips.stop();
    expect(said.at(-1)).toMatch(/cannot be kept/);
  });

  it('never spans a gap in the sound, which counts as time', async () => {
    const clips = recorder();
    hear(clips, 0, 5);
    clips.window(scored(5));
    clips.gap(3600);
    hear(clips, 9, 0.3);
    clips.window(scored(3605.3));
    clips.alarm(alarm('e1', 3605.3));
    await clips.stop();
    const samples = await samplesOf('e1');
    expect(samples).toHaveLength(4800);
    expect(samples[0]).toBeCloseTo(0.09, 3);
  });
});
