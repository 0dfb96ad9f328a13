import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyInto, golden } from '../support/clips.js';
import { run, SCENE } from '../support/daemon.js';

const MINI = fileURLToPath(new URL('../../models/bathnet-mini', import.meta.url));
let dir: string;
let model: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-tune-'));
  model = join(dir, 'model');
  cpSync(MINI, model, { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const put = (folder: string, ...files: string[]) => copyInto(join(dir, folder), ...files);
const manifest = () => JSON.parse(readFileSync(join(model, 'model.json'), 'utf8'));

describe('tune', () => {
  it('writes the best rule into the head, and the daemon takes it from there', async () => {
    put('clips/abnormal', SCENE); // it holds a scream
    const ordinary = put('ordinary', golden('white-noise'), golden('silence'), golden('sine-1000hz'));
    const before = manifest();
    const args = [
      'tune',
      join(dir, 'clips'),
      '--ordinary',
      ordinary,
      '--model',
      model,
      '--min-ordinary',
      '0',
    ];
    const dry = await run([...args, '--dry-run']);
    expect(dry.stderr).not.toContain('error');
    expect(dry.code).toBe(0);
    const never = await run([...args, '--dry-run', '--false-alarms-per-hour', '0']);
    expect(never.stdout).toContain('To show 0 per hour with 95 % confidence takes for ever.');
    expect(dry.stdout).toMatch(/\nbest .*\n[\s\S]*Nothing was written/);
    expect(manifest()).toEqual(before);

    const { code, stdout } = await run([...args, '--json']);
    expect(code).toBe(0);
    const { best } = JSON.parse(stdout);
    const { labels, threshold, hits, window, instantThreshold, sensitivity } = best[0].rule;
    expect(best[0]).toMatchObject({ alarm: { found: 1 }, ordinary: { falseAlarms: 0 } });
    const { alarm, ...head } = manifest().heads.bathnet;
    expect(alarm).toEqual({ labels, threshold, hits, window, instantThreshold, sensitivity });
    expect({ ...head, alarm: before.heads.bathnet.alarm }).toEqual(before.heads.bathnet);
    expect(manifest().weights).toEqual(before.weights);
    expect(readdirSync(model).sort()).toEqual(readdirSync(MINI).sort());
    const evaluated = await run(['evaluate', join(dir, 'clips'), '--model', model, '--json']);
    expect(JSON.parse(evaluated.stdout).rule).toMatchObject({ threshold, hits, window, instantThreshold });
  });

  it('says what of the configuration goes over the rule that it writes', async () => {
    put('clips/abnormal', SCENE);
    const ordinary = put('ordinary', golden('white-noise'), golden('silence'));
    const material = [join(dir, 'clips'), '--ordinary', ordinary, '--model', model, '--min-ordinary', '0'];
    const set = ['--set', 'alarm.threshold=0.37', '--set', 'alarm.cooldownSeconds=3'];
    const { code, stderr } = await run(['tune', ...material, ...set]);
    expect(code).toBe(0);
    expect(manifest().heads.bathnet.alarm.threshold).not.toBe(0.37);
    expect(stderr).toMatch(/warning: the configuration goes over what was written: alarm\.threshold 0\.37;/);
    expect((await run(['tune', ...material])).stderr).not.toContain('warning');
  });

  it('writes nothing where the wanted rate or recall cannot be reached, and says how near it comes', async () => {
    put('clips/abnormal', golden('silence'));
    const ordinary = put('ordinary', golden('sine-1000hz'));
    const before = manifest();
    const args = ['tune', join(dir, 'clips'), '--ordinary', ordinary, '--model', model];
    const { code, stderr } = await run([...args, '--min-recall', '0.9']);
    expect(code).toBe(65);
    expect(stderr).toMatch(/error: .*no rule finds more than 0\.000 .*Nothing was written\n {2}hint: /);
    expect(manifest()).toEqual(before);
  });

  it('writes nothing on the word of less than half an hour of ordinary sound', async () => {
    put('clips/abnormal', SCENE);
    const before = manifest();
    const ordinary = put('ordinary', golden('white-noise'));
    const { code, stderr } = await run([
      'tune',
      join(dir, 'clips'),
      '--ordinary',
      ordinary,
      '--model',
      model,
    ]);
    expect(code).toBe(65);
    expect(stderr).toMatch(
      /error: 1 s of ordinary sound are too little .*Nothing was written\n {2}hint: .*hours/,
    );
    expect(manifest()).toEqual(before);
  });

  it.each<[string, () => string[], RegExp]>([
    [
      'without a sound that alarms',
      () => ['--ordinary', put('ordinary', golden('silence'))],
      /no sound of an alarm class to tune on/,
    ],
    [
      'without ordinary sound',
      () => {
        put('clips/abnormal', golden('decaying-thud'));
        return [join(dir, 'clips')];
      },
      /no ordinary sound to tune on/,
    ],
  ])('refuses to tune %s', async (_, argsOf, message) => {
    const { code, stderr } = await run(['tune', ...argsOf(), '--model', model]);
    expect(stderr).toMatch(message);
    expect(code).toBe(65);
  });
});
