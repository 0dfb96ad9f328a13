import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scanDataset } from '../../src/training/dataset.js';
import { run } from '../support/daemon.js';
import { tone, wavBytes } from '../support/sound.js';

let dir: string;
let clips: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-odd-'));
  clips = join(dir, 'clips');
  env = { BATHNET_STATE_DIR: join(dir, 'state') };
  for (const [label, hz] of [
    ['low', 300],
    ['high', 3000],
  ] as const) {
    mkdirSync(join(clips, label), { recursive: true });
    for (let i = 0; i < 12; i++)
      writeFileSync(join(clips, label, `${label}${i * 20}.wav`), wavBytes([tone(hz + 20 * i, 1)]));
  }
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const train = (out: string, ...args: string[]) =>
  run(['train', clips, out, '--epochs', '2', '--hidden', '8', '--no-augment', ...args], env, dir);

describe('a dataset folder', () => {
  it('with links that go in circles is read once', async () => {
    symlinkSync('..', join(clips, 'low', 'loop'));
    symlinkSync('.', join(clips, 'low', 'self'));
    const { clips: found } = await scanDataset(clips);
    expect(found.filter(({ label }) => label === 'low')).toHaveLength(24);
    expect(found.filter(({ label }) => label === 'high')).toHaveLength(12);
  });

  it.each(['a\nb', '__proto__', 'tab\there'])('with a class called %j is refused', async (label) => {
    mkdirSync(join(clips, label));
    writeFileSync(join(clips, label, 'x.wav'), wavBytes([tone(500, 1)]));
    await expect(scanDataset(clips)).rejects.toThrow(/cannot be that of a class/);
  });

  it('with a pipe in it is refused, and does not hang', async () => {
    execFileSync('mkfifo', [join(clips, 'low', 'pipe.wav')]);
    const { code, stderr } = await train('model');
    expect(code).toBe(66);
    expect(stderr).toContain('pipe.wav');
  });

  it('sends nothing that its names have hidden to the terminal', async () => {
    const red = '\x1b[31m';
    const sound = wavBytes([tone(3100, 1)]);
    writeFileSync(join(clips, 'low', `cut${red}.wav`), wavBytes([tone(500, 1)]).subarray(0, 20_000));
    for (const name of ['one', 'same']) writeFileSync(join(clips, 'low', `${name}${red}.wav`), sound);
    writeFileSync(join(clips, 'low', `none${red}.pdf`), '');
    const trained = await train('model');
    expect(trained.code).toBe(0);
    expect(trained.stderr).toContain('cut\\x1b[31m.wav is damaged');
    expect(trained.stderr).toMatch(/1 files are left out.*none\\x1b\[31m\.pdf/);
    expect(trained.stderr).toMatch(/same\\x1b\[31m\.wav, which is .*one\\x1b\[31m\.wav/);

    const kind = join(dir, 'others', 'low', `kind${red}`);
    mkdirSync(kind, { recursive: true });
    writeFileSync(join(kind, `high${red}.wav`), sound);
    const evaluate = ['evaluate', join(dir, 'others'), '--model', './model', '--kinds', '--map', 'low=high'];
    const evaluated = await run(evaluate, env, dir);
    const mistaken = await run([...evaluate.slice(0, -1), 'low=low'], env, dir);
    expect(evaluated.stdout + mistaken.stdout).toMatch(/ taken for .*high\\x1b\[31m\.wav/);
    expect(evaluated.stdout).toContain('kind\\x1b[31m');
    for (const { stdout, stderr } of [trained, evaluated, mistaken])
      expect(stdout + stderr).not.toContain('\x1b');
  });

  it('takes no model into itself', async () => {
    const { code, stderr } = await train(join(clips, 'model'));
    expect(code).toBe(64);
    expect(stderr).toMatch(/the model would be taken for a class/);
    expect(existsSync(join(clips, 'model'))).toBe(false);
  });
});

describe('evaluate', () => {
  it('--split validation takes the clips that this model has not been trained on, whatever the seed was', async () => {
    expect((await train('model', '--seed', '7', '--validation', '0.3')).code).toBe(0);
    const { validationFiles } = JSON.parse(readFileSync(join(dir, 'model', 'report.json'), 'utf8'));
    expect(validationFiles.length).toBeGreaterThan(3);
    const { stdout } = await run(
      ['evaluate', clips, '--model', './model', '--split', 'validation', '--json'],
      env,
      dir,
    );
    expect(JSON.parse(stdout).clips.count).toBe(validationFiles.length);
  });

  it('says that clips were learnt by heart where it is not told to leave them out', async () => {
    expect((await train('model')).code).toBe(0);
    const evaluate = (...args: string[]) => run(['evaluate', clips, '--model', './model', ...args], env, dir);
    expect((await evaluate()).stderr).toMatch(
      /warning: \d+ of the 24 clips are beside those .*--split validation/,
    );
    expect((await evaluate('--split', 'validation')).stderr).not.toContain('warning');
    expect((await run(['evaluate', clips, '--map', 'low=water,high=speech'], env, dir)).stderr).not.toContain(
      'warning',
    );
  });

  it('--split validation never takes clips that this model may have been trained on', async () => {
    expect((await train('model')).code).toBe(0);
    const report = join(dir, 'model', 'report.json');
    const { validationFiles } = JSON.parse(readFileSync(report, 'utf8'));
    const evaluate = (...args: string[]) =>
      run(['evaluate', clips, '--model', './model', '--split', 'validation', '--json', ...args], env, dir);

    const told = await evaluate('--validation', '0.5', '--seed', '3');
    expect(told.stderr).toMatch(/warning: --validation, --seed without effect: .*report\.json says/);
    renameSync(join(clips, validationFiles[0]), join(clips, 'low', 'renamed.wav'));
    const fewer = await evaluate();
    expect(fewer.stderr).toContain(`warning: 1 of the ${validationFiles.length} clips`);
    expect(fewer.stderr).toContain(`not in ${clips}: ${validationFiles[0]}\n`);
    expect(JSON.parse(fewer.stdout).clips.count).toBe(validationFiles.length - 1);

    for (const [written, message] of [
      ['{"validationFiles":["low/other.flac"]}', /none of the 1 clips that .*report\.json names is in /],
      ['{"validationFiles":[]}', /report\.json names no clips that were kept for validation/],
      ['{"validationFiles":[', /report\.json does not say which clips were kept for validation: /],
    ] as const) {
      writeFileSync(report, written);
      const { code, stdout, stderr } = await evaluate();
      expect(stderr).toMatch(message);
      expect([code, stdout]).toEqual([65, '']);
    }
    rmSync(report);
    const fresh = await evaluate('--validation', '0.5');
    expect(fresh.stderr).not.toContain('warning');
    expect(JSON.parse(fresh.stdout).clips.count).toBeGreaterThan(validationFiles.length);
  });

  it('says before it listens that a report cannot be written', async () => {
    const args = [
      'evaluate',
      clips,
      '--map',
      'low=background,high=background',
      '--report',
      join(dir, 'none', 'x.html'),
    ];
    const { code, stdout, stderr } = await run(args, env, dir);
    expect(code).toBe(73);
    expect(stderr).toMatch(/^error: .*x\.html cannot be written.*\n {2}hint: .*\n$/);
    expect(stdout).toBe('');
  });

  it('warns of a label beyond the end of its recording, and refuses one without end', async () => {
    const night = join(dir, 'night');
    mkdirSync(night);
    writeFileSync(join(night, 'a.wav'), wavBytes([tone(500, 3)]));
    writeFileSync(join(night, 'a.csv'), 'start,end,label\n5000,6000,abnormal\n');
    expect((await run(['evaluate', night], env, dir)).stderr).toMatch(
      /abnormal at 5000 s lies beyond its end, 3 s/,
    );
    writeFileSync(join(night, 'a.csv'), 'start,end,label\nInfinity,Infinity,abnormal\n');
    expect((await run(['evaluate', night], env, dir)).code).toBe(65);
  });
});

describe('models export', () => {
  it('changes nothing where one of its files cannot be written', async () => {
    const out = join(dir, 'x.tflite');
    writeFileSync(out, 'as it was');
    mkdirSync(`${out}.labels.txt`);
    const { code } = await run(
      ['models', 'export', 'bathnet-mini', '-f', 'tflite', '-o', out, '--force'],
      env,
      dir,
    );
    expect(code).toBe(73);
    expect(readFileSync(out, 'utf8')).toBe('as it was');
  });

  it('answers in JSON', async () => {
    const out = join(dir, 'y.onnx');
    const { stdout } = await run(
      ['models', 'export', 'bathnet-mini', '-f', 'onnx', '-o', out, '--json'],
      env,
      dir,
    );
    expect(JSON.parse(stdout)).toMatchObject({
      file: out,
      labelsFile: `${out}.labels.txt`,
      labels: expect.any(Array),
    });
  });
});
