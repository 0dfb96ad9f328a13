import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBundle, writeBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { run, SCENE } from '../support/daemon.js';
import { sayingAlways } from '../support/event-head.js';
import { GOLDEN } from '../support/golden.js';
import { wavBytes } from '../support/sound.js';

const golden = (name: string) => join(GOLDEN, `${name}.wav`);
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-classify-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('classify', () => {
  it('prints a line per window and a verdict per file', async () => {
    const { code, stdout } = await run(['classify', golden('silence'), golden('sine-1000hz')]);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^ {4}0\.00 s {2}[01]\.\d\d {2}-120\.0 dBFS {2}background$/),
      expect.stringMatching(/silence\.wav: background \([01]\.\d\d\)$/),
      expect.stringMatching(/^ {4}0\.00 s {2}[01]\.\d\d {4}-9\.0 dBFS {2}background$/),
      expect.stringMatching(/sine-1000hz\.wav: background \([01]\.\d\d\)$/),
      '',
    ]);
  });

  it('sends no control characters of a name to the terminal, be there a sound or not', async () => {
    const [good, bad] = ['\x1b[2Jgood\n.wav', '\x1b[2Jbad\n.wav'].map((name) => join(dir, name));
    copyFileSync(golden('silence'), good!);
    writeFileSync(bad!, 'no sound');
    const { stdout, stderr } = await run(['classify', good!, bad!]);
    expect(stdout).toContain(`${join(dir, '\\x1b[2Jgood\\x0a.wav')}: background`);
    expect(stderr).toContain(`error: ${join(dir, '\\x1b[2Jbad\\x0a.wav')}: `);
    expect(stdout + stderr).not.toContain('\x1b');
    expect(JSON.parse((await run(['classify', '--json', good!])).stdout).file).toBe(good);
    for (const path of [good!, bad!]) rmSync(path);
  });

  it('takes a command line of any length', async () => {
    const long = `${'/.'.repeat(1500)}${golden('silence')}`;
    const { code, stdout } = await run(['classify', '--json', ...Array<string>(30).fill(long)]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(30);
  });

  it('prints one JSON line per file, with every score', async () => {
    const { code, stdout } = await run([
      'classify',
      '--json',
      golden('silence'),
      golden('white-noise'),
      SCENE,
    ]);
    expect(code).toBe(0);
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(results.map(({ file }) => file)).toEqual([golden('silence'), golden('white-noise'), SCENE]);
    expect(results[0].windows[0].kinds).toMatchObject({
      impact: expect.any(Number),
      door: expect.any(Number),
    });
    expect(results[0]).toEqual({
      file: golden('silence'),
      verdict: 'background',
      confidence: expect.closeTo(results[0].windows[0].scores.background, 2), // nothing speaks for an alarm
      windows: [
        {
          startSeconds: 0,
          label: 'background',
          scores: {
            background: expect.any(Number),
            water: expect.any(Number),
            speech: expect.any(Number),
            abnormal: expect.any(Number),
          },
          kinds: results[0].windows[0].kinds,
          levelDbfs: -120,
        },
      ],
      alarms: [],
      sounds: [],
    });
    expect(results[2].verdict).toBe('abnormal');
    expect(results[2].alarms[0]).toEqual({
      kind: 'breaking',
      startSeconds: expect.any(Number),
      endSeconds: expect.any(Number),
      peakConfidence:
        results[2].confidence === results[2].alarms[0].peakConfidence
          ? results[2].confidence
          : expect.any(Number),
    });
    for (const { windows } of results)
      for (const { scores } of windows)
        expect(Object.values<number>(scores).reduce((a, b) => a + b)).toBeCloseTo(1, 2);
  });

  it('says what kind of event it was, of a model that tells', async () => {
    const bundle = sayingAlways(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')), [5, -9, 0]);
    const model = join(dir, 'events');
    await writeBundle(model, bundle.manifest, bundle.tensors);
    const json = await run(['classify', '--json', '--model', model, golden('white-noise')]);
    const { windows, alarms } = JSON.parse(json.stdout);
    expect(windows[0].kinds).toEqual({ impact: 5, scream: -9, door: 0 });
    expect(alarms).toMatchObject([{ kind: 'impact' }]);
    const text = await run(['classify', '--model', model, golden('white-noise')]);
    expect(text.stdout).toMatch(/alarm .* abnormal, impact$/m);
  });

  it('gives a verdict of the 521 AudioSet classes, too', async () => {
    const { stdout } = await run(['classify', '--json', '--head', 'audioset', golden('silence')]);
    const { verdict, windows } = JSON.parse(stdout);
    expect(verdict).toBe('Silence');
    expect(Object.keys(windows[0].scores)).toHaveLength(521);
  });

  it('fills up the last window with zeros, however short the file', async () => {
    const path = join(dir, 'short.wav');
    writeFileSync(path, wavBytes([new Float32Array(200)]));
    const { code, stdout } = await run(['classify', '--json', path]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).windows).toHaveLength(1);
  });

  it('takes the alarm rule from the configuration', async () => {
    const alarms = async (...settings: string[]) => {
      const { stdout } = await run(['classify', '--json', ...settings, SCENE]);
      return JSON.parse(stdout).alarms;
    };
    expect(await alarms('--set', 'alarm.minLevelDbfs=0')).toEqual([]);
    const [tap] = await alarms('--set', 'alarm.labels=water', '--set', 'alarm.threshold=0.5');
    expect(tap.startSeconds).toBeLessThan(6);
  });

  it('names a bad file in one error, goes on with the others, and exits with the code of the bad one', async () => {
    const bad = join(dir, 'bad.wav');
    writeFileSync(bad, 'this is no sound');
    const { code, stdout, stderr } = await run([
      'classify',
      '--json',
      bad,
      golden('silence'),
      join(dir, 'none.wav'),
    ]);
    expect(code).toBe(65);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^error: .*bad\.wav: .*\n {2}hint: .*\nerror: .*none\.wav: .*\n {2}hint: .*\n$/);
  });

  it('takes the audio files of a folder, and of those in it, in the order of their paths', async () => {
    const folder = join(dir, 'tree');
    mkdirSync(join(folder, 'a b'), { recursive: true });
    mkdirSync(join(folder, '.hidden'));
    const sound = wavBytes([new Float32Array(200)]);
    for (const name of ['z.wav', 'a b/2.WAV', 'a b/1.wav', 'B.wav', '.hidden/x.wav'])
      writeFileSync(join(folder, name), sound);
    copyFileSync(SCENE, join(folder, 'm.flac'));
    writeFileSync(join(folder, 'notes.txt'), 'no sound');
    writeFileSync(join(folder, 'broken.mp3'), 'no sound');
    mkdirSync(join(dir, 'empty'));
    const { code, stdout, stderr } = await run([
      'classify',
      '--json',
      join(dir, 'empty'),
      golden('silence'),
      folder,
    ]);
    const files = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).file);
    const below = ['B.wav', 'a b/1.wav', 'a b/2.WAV', 'm.flac', 'z.wav'];
    expect(files).toEqual([golden('silence'), ...below.map((name) => join(folder, name))]);
    expect(stderr).toMatch(/^error: .*empty: there is no audio file in it\n/);
    expect(stderr).toMatch(/error: .*broken\.mp3/);
    expect(code).toBe(66);
  });

  it.each<[string, string[], number, RegExp]>([
    [
      'a model that is not there',
      ['--model', 'nonesuch'],
      66,
      /no model "nonesuch".*\n {2}hint: Choose one of bathnet-mini/,
    ],
    [
      'a head that is not there',
      ['--head', 'nonesuch'],
      64,
      /no head "nonesuch".*\n {2}hint: .*bathnet, audioset/,
    ],
    ['an engine that is not there', ['--engine', 'tfjs-gpu'], 78, /model\.engine: expected one of "auto"/],
    [
      'alarm labels of another head',
      ['--set', 'alarm.labels=fire'],
      78,
      /alarm\.labels: head "bathnet".*has no class fire/,
    ],
    ['an unknown option', ['--nonesuch'], 64, /unknown option '--nonesuch'/],
    ['an unknown setting', ['--set', 'alarm.treshold=1'], 78, /alarm\.treshold: unknown key/],
    ['a setting without a value', ['--set', 'alarm'], 64, /--set alarm: expected a path and a value/],
  ])('refuses %s', async (_, args, exitCode, message) => {
    const { code, stdout, stderr } = await run(['classify', ...args, golden('silence')]);
    expect(stderr).toMatch(message);
    expect(code).toBe(exitCode);
    expect(stdout).toBe('');
  });
});
