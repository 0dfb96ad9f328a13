import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBundle, writeBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { copyInto, golden } from '../support/clips.js';
import { Program, run, SCENE } from '../support/daemon.js';
import { sayingAlways } from '../support/event-head.js';
import { GOLDEN } from '../support/golden.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-evaluate-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const put = (folder: string, ...files: string[]) => copyInto(join(dir, folder), ...files);

/** When the scene's alarms start, as `classify` says. */
async function sceneAlarms(): Promise<{ startSeconds: number; endSeconds: number }[]> {
  const { stdout } = await run(['classify', '--json', SCENE]);
  const { alarms } = JSON.parse(stdout);
  expect(alarms.length).toBeGreaterThan(0);
  return alarms;
}

describe('evaluate', () => {
  it('judges clips in class folders, each as classify does', async () => {
    put('background', golden('silence'), golden('quiet-noise-minus-70dbfs'));
    put('water', golden('sine-1000hz'));
    const { code, stdout } = await run(['evaluate', dir, '--json']);
    expect(code).toBe(0);
    const { clips, recordings, thresholds, head } = JSON.parse(stdout);
    expect(head).toBe('bathnet');
    expect(recordings).toBeUndefined();
    expect(clips).toMatchObject({
      count: 3,
      labels: ['background', 'water'],
      confusion: [
        [2, 0],
        [1, 0],
      ],
    });
    expect(clips.mistakes).toMatchObject([{ label: 'water', predicted: 'background' }]);
    expect(thresholds.length).toBeGreaterThan(15);
    const text = await run(['evaluate', dir]);
    expect(text.stdout).toContain('3 clips: accuracy 0.667, balanced 0.500');
  });

  it('keeps apart the kinds of sound in folders below those of the classes', async () => {
    put('background/hush', golden('silence'));
    put('background/hush/very', golden('quiet-noise-minus-70dbfs'));
    put('water', golden('sine-1000hz'));
    const { code, stdout } = await run(['evaluate', dir, '--kinds', '--json']);
    expect(code).toBe(0);
    const { kinds, falseAlarms, missedAlarms } = JSON.parse(stdout).clips;
    expect(kinds).toMatchObject([
      { label: 'background', kind: 'hush', clips: 2, decided: { background: 1, water: 0 }, alarmShare: 0 },
      { label: 'water', kind: '', clips: 1, decided: { background: 1, water: 0 }, alarms: 0 },
    ]);
    expect([falseAlarms.clips, missedAlarms.clips]).toEqual([3, 0]);
    const text = (await run(['evaluate', dir, '--kinds'])).stdout;
    expect(text).toMatch(
      /\nclass +kind +clips +background +water +alarms\nbackground +hush +2 +1\.000 +0\.000 +0\.000\n/,
    );
    expect(text).toContain('other clips that alarm: 0.000, 0 of 3');
    expect((await run(['evaluate', dir])).stdout).not.toContain('hush  ');
  });

  it('lays clips into a room or into ordinary sound, and says what is found there', async () => {
    const evaluated = join(dir, 'clips');
    put('clips/smash/glass', golden('white-noise'));
    put('clips/water', golden('sine-1000hz'));
    const ordinary = put('ordinary', golden('quiet-noise-minus-70dbfs'));
    const page = join(dir, 'page.html');
    const bundle = sayingAlways(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')), [5, -9, 0]);
    await writeBundle(join(dir, 'hearing'), bundle.manifest, bundle.tensors);
    const args = ['evaluate', evaluated, '--map', 'smash=abnormal', '--model', join(dir, 'hearing')];
    const room = await run([...args, '--life', '--ordinary', ordinary, '--report', page, '--json']);
    expect(room.stderr).not.toContain('error');
    const { life } = JSON.parse(room.stdout);
    expect(life.kinds).toMatchObject([
      { label: 'abnormal', kind: 'smash/glass', wanted: true, clips: 1 },
      { label: 'water', kind: '', wanted: false, clips: 1 },
    ]);
    expect(life.curve.map(({ of }: { of: string }) => of)).toEqual(Array(27).fill('line'));
    expect(life.curve[0].falseAlarmsPerHour).toBeTypeOf('number');
    expect(readFileSync(page, 'utf8')).toContain('Missed against false alarms per hour');
    const among = await run([...args, '--life-in', dirname(SCENE)]);
    expect(among.stdout).toMatch(/\nabnormal +smash\/glass +1 +[01] +[01]\.000 +/);
    expect(among.stdout).toContain('line (nats)');
  });

  it('names folders that are no classes, and takes them by another name', async () => {
    put('singing', golden('silence'));
    put('noise', golden('white-noise'));
    const refused = await run(['evaluate', dir]);
    expect(refused.code).toBe(65);
    expect(refused.stderr).toMatch(
      /^error: the model has no class noise, singing; its classes are background, water, speech, abnormal\n {2}hint: .*--map noise=/,
    );
    const { code, stdout } = await run(['evaluate', dir, '--json', '--map', 'singing=speech,noise=water']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).clips.count).toBe(2);
  });

  it('finds labelled events of a long recording, and says how late', async () => {
    const [first] = await sceneAlarms();
    const start = (first?.startSeconds ?? 0) - 1;
    put('.', SCENE);
    const labels = join(dir, 'bathroom.txt');
    writeFileSync(labels, `${start}\t${start + 2}\tabnormal\n1\t2\twater\n`);
    const found = JSON.parse((await run(['evaluate', dir, '--json'])).stdout).recordings;
    expect(found.outcome).toMatchObject({ events: 1, found: 1, recall: 1 });
    expect(found.outcome.delaySeconds.median).toBeCloseTo(1, 1);

    rmSync(labels);
    writeFileSync(join(dir, 'bathroom.csv'), 'start,end,label\n0,1,abnormal\n');
    const missed = JSON.parse((await run(['evaluate', dir, '--json', '--collar', '0.5'])).stdout).recordings;
    expect(missed.outcome).toMatchObject({ events: 1, found: 0 });
    expect(missed.missed).toMatchObject([{ atSeconds: 0, label: 'abnormal' }]);
    expect(missed.outcome.falseAlarms).toBeGreaterThan(0);
  });

  it('counts every alarm in ordinary sound as false, at each threshold, with its upper bound', async () => {
    const alarms = await sceneAlarms();
    const folder = put('ordinary', SCENE);
    const { code, stdout } = await run(['evaluate', '--json', '--ordinary', folder]);
    expect(code).toBe(0);
    const { clips, recordings, thresholds } = JSON.parse(stdout);
    expect(clips).toBeUndefined();
    const { outcome } = recordings;
    expect(outcome.falseAlarms).toBe(alarms.length);
    expect(outcome.falseAlarmsPerHour).toBeCloseTo(alarms.length / outcome.ordinaryHours, 0);
    expect(outcome.upperBoundPerHour).toBeGreaterThan(outcome.falseAlarmsPerHour);
    expect(thresholds.length).toBeGreaterThan(15);
    expect(thresholds[0].recordings.falseAlarms).toBeGreaterThan(0);

    const quiet = await run(['evaluate', '--json', '--ordinary', put('quiet', golden('silence'))]);
    for (const { recordings } of JSON.parse(quiet.stdout).thresholds) {
      expect(recordings.falseAlarms).toBe(0);
      expect(recordings.upperBoundPerHour * recordings.ordinaryHours).toBeCloseTo(2.9957, 1);
    }
  });

  it('hears ordinary sound once, however often and by whatever links it is given', async () => {
    const folder = put('ordinary/below', golden('white-noise'));
    symlinkSync(join(folder, 'white-noise.wav'), join(dir, 'ordinary', 'again.wav'));
    const twice = ['--ordinary', folder, '--ordinary', join(dir, 'ordinary'), '--ordinary', folder];
    const { recordings } = JSON.parse((await run(['evaluate', '--json', ...twice])).stdout);
    expect(recordings.count).toBe(1);
  });

  it('refuses a sound that is both labelled and ordinary', async () => {
    const clips = put('clips/background', golden('silence'));
    symlinkSync(clips, join(dir, 'link'));
    const args = ['evaluate', join(dir, 'clips'), '--ordinary', join(dir, 'link')];
    const { code, stderr } = await run(args);
    expect(code).toBe(65);
    expect(stderr).toMatch(/^error: .*silence\.wav: is labelled, and ordinary sound .*\n {2}hint: .*\n$/);
  });

  it('writes a report, whole, and says where', async () => {
    put('background', golden('silence'));
    put('abnormal', golden('decaying-thud'));
    const report = join(dir, 'report.html');
    const { code, stdout } = await run(['evaluate', dir, '--report', report]);
    expect(code).toBe(0);
    expect(stdout).toContain(`report: ${report}`);
    expect(readFileSync(report, 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(readdirSync(dir).sort()).toEqual(['abnormal', 'background', 'report.html']);
    const nowhere = await run(['evaluate', dir, '--report', join(dir, 'none', 'report.html')]);
    expect(nowhere.code).toBe(73);
  });

  it('names a file that is no audio, goes on with the others, and exits with its code', async () => {
    put('background', golden('silence'));
    writeFileSync(join(dir, 'background', 'bad.wav'), 'this is no sound');
    const { code, stdout, stderr } = await run(['evaluate', dir, '--json']);
    expect(code).toBe(65);
    expect(stderr).toContain('bad.wav');
    expect(JSON.parse(stdout).clips.count).toBe(1);
  });

  it('leaves a report as it was where no file could be read', async () => {
    put('background');
    writeFileSync(join(dir, 'background', 'bad.wav'), 'this is no sound');
    const report = join(dir, 'report.html');
    writeFileSync(report, 'as it was');
    const { code, stdout, stderr } = await run(['evaluate', dir, '--report', report]);
    expect([code, stdout]).toEqual([65, '']);
    expect(stderr).toMatch(/\nerror: nothing could be heard: no file can be read\n {2}hint: .*\n$/);
    expect(readFileSync(report, 'utf8')).toBe('as it was');
  });

  it('warns of an empty label file, which makes ordinary sound of a clip', async () => {
    put('abnormal', golden('decaying-thud'));
    put('background', golden('silence'));
    writeFileSync(join(dir, 'abnormal', 'decaying-thud.txt'), '');
    const { code, stderr } = await run(['evaluate', dir]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/warning: ordinary sound for their empty label files, .*decaying-thud\.wav\n/);
  });

  it.each<[string, string[], number, RegExp]>([
    [
      'a report that is no page',
      [GOLDEN, '--report', 'sound.wav'],
      64,
      /--report sound\.wav: expected a name/,
    ],
    ['no folder at all', [], 64, /neither a folder nor --ordinary is named/],
    ['a folder that is not there', ['/nonesuch'], 66, /\/nonesuch: cannot be read/],
    ['half a renaming', ['.', '--map', 'singing'], 64, /--map singing: expected two labels/],
    ['another part than validation', ['.', '--ordinary', GOLDEN, '--split', 'test'], 64, /--split test/],
    ['a collar that is no number', [GOLDEN, '--collar', 'wide'], 64, /--collar wide/],
    ['sound without class or labels', [GOLDEN], 65, /lies in no class folder and has no label file/],
  ])('refuses %s', async (_, args, exitCode, message) => {
    const { code, stdout, stderr } = await run(['evaluate', ...args], {}, dir);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\n {2}hint: /);
    expect(code).toBe(exitCode);
    expect(stdout).toBe('');
  });

  it('ends at once when it is interrupted, and writes nothing', async () => {
    const folder = put('ordinary', SCENE);
    for (let i = 0; i < 30; i++) copyFileSync(SCENE, join(folder, `${i}.flac`));
    const program = new Program(['evaluate', '--ordinary', folder, '--report', join(dir, 'r.html')]);
    while (!program.stderr.includes('listen')) await new Promise((resolve) => setTimeout(resolve, 20));
    const { code, stdout } = await program.kill('SIGINT');
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
    expect(readdirSync(dir)).toEqual(['ordinary']);
  });
});
