import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWav } from '../src/audio/wav-writer.js';
import { type ClipOptions, ClipRecorder } from '../src/clips.js';
import type { AlarmStarted, ScoredWindow } from '../src/types.js';
import { readPlainWav, silentLog } from './support/sound.js';

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

/** Seconds of a ramp that says where in the stream a sample lies, in tenths of a second. */
function hear(clips: ClipRecorder, fromSeconds: number, seconds: number): void {
  for (let i = 0; i < seconds * 10; i++)
    clips.chunk({ samples: new Float32Array(1600).fill((fromSeconds * 10 + i) / 1000), capturedAtMs: 0 });
}
const alarm = (episodeId: string) => ({ episodeId, label: 'abnormal/../x' }) as AlarmStarted;
const speech = (score: number) => ({ scores: { speech: score } }) as unknown as ScoredWindow;
const kept = () => readdirSync(folder).sort();

describe('a clip', () => {
  it('holds the seconds around the alarm, readable for its owner alone', async () => {
    const clips = recorder();
    hear(clips, 0, 5);
    clips.alarm(alarm('e1'));
    hear(clips, 5, 3);
    await clips.stop();
    expect(kept()).toEqual(['e1-abnormal_x.wav']);
    const path = join(folder, 'e1-abnormal_x.wav');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const samples = await readPlainWav(path);
    expect(samples).toHaveLength(2 * 16_000);
    expect(samples[0]).toBeCloseTo(0.04, 3);
    expect(samples.at(-1)).toBeCloseTo(0.059, 3);
  });

  it('is written with what there is when the daemon stops', async () => {
    const clips = recorder();
    hear(clips, 0, 0.5);
    clips.alarm(alarm('e1'));
    await clips.stop();
    expect(await readPlainWav(join(folder, 'e1-abnormal_x.wav'))).toHaveLength(8000);
  });

  it('is not kept when someone speaks in it, unless that is wanted', async () => {
    for (const wanted of [false, true]) {
      const clips = recorder({ speech: wanted });
      hear(clips, 0, 3);
      clips.alarm(alarm(`e-${wanted}`));
      clips.window(speech(0.35));
      hear(clips, 3, 2);
      await clips.stop();
    }
    expect(kept()).toEqual(['e-true-abnormal_x.wav']);
    expect(said[0]).toMatch(/someone speaks/);
  });

  it('is kept when the speech was before it', async () => {
    const clips = recorder();
    clips.window(speech(0.9));
    hear(clips, 0, 5);
    clips.alarm(alarm('e1'));
    await clips.stop();
    expect(kept()).toHaveLength(1);
  });

  it('makes room for newer ones, and goes when it is old', async () => {
    const clips = recorder();
    for (const id of ['e1', 'e2', 'e3', 'e4', 'e5']) {
      hear(clips, 0, 1);
      clips.alarm(alarm(id));
      hear(clips, 0, 1);
    }
    await clips.stop();
    expect(kept().map((name) => name.slice(0, 2))).toEqual(['e3', 'e4', 'e5']);
    const longAgo = Date.now() / 1000 - 8 * 86_400;
    utimesSync(join(folder, 'e4-abnormal_x.wav'), longAgo, longAgo);
    const later = recorder();
    hear(later, 0, 1);
    later.alarm(alarm('e6'));
    await later.stop();
    expect(kept().map((name) => name.slice(0, 2))).toEqual(['e3', 'e5', 'e6']);
  });

  it('that cannot be written stops nothing', async () => {
    writeFileSync(folder, '');
    const clips = recorder();
    hear(clips, 0, 1);
    clips.alarm(alarm('e1'));
    await clips.stop();
    expect(said.at(-1)).toMatch(/cannot be kept/);
  });

  it('never spans a gap in the sound', async () => {
    const clips = recorder();
    hear(clips, 0, 5);
    clips.gap();
    hear(clips, 9, 0.3);
    clips.alarm(alarm('e1'));
    await clips.stop();
    expect(await readPlainWav(join(folder, 'e1-abnormal_x.wav'))).toHaveLength(4800);
  });
});
