import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBundle, writeBundle } from '../../src/model/bundle.js';
import { backboneFingerprint } from '../../src/model/fingerprint.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { FeedbackStore } from '../../src/storage/feedback.js';
import { systemClock } from '../../src/system/clock.js';
import { createRandom } from '../../src/training/random.js';
import type { DecisionEvent, PipelineResult, Verdict } from '../../src/types.js';
import { mappingOnly } from '../support/bundles.js';
import type { Result } from '../support/commands-process.js';
import { Daemons, Program, run } from '../support/daemon.js';
import { gameSound, writeGameSounds } from '../support/game-sounds.js';
import { Mosquitto, until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { lacksMount, mountSmallDisk } from '../support/small-disk.js';
import { concatenate, silentLog, writeWav } from '../support/sound.js';

const MINI = join(SHIPPED_MODELS, 'bathnet-mini');
let dir: string;
let clips: string;
let env: NodeJS.ProcessEnv;
let trained: Result;
/** One thread is enough for a few clips, and what it hears is the same (test/files/listen.test.ts). */
const FEW = ['--no-augment', '--jobs', '1'];
/** In the working folder `dir`. */
const train = (...args: string[]) => run(['train', clips, ...FEW, ...args], env, dir);
const model = (...parts: string[]) => join(dir, 'game-sounds', ...parts);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-train-'));
  clips = join(dir, 'clips');
  env = { BATHNET_STATE_DIR: join(dir, 'state') };
  await writeGameSounds(clips, 12);
  const args = ['train', clips, 'game-sounds', '--no-augment', '--alarm', 'game_over', '--epochs', '8'];
  trained = await new Program(args, env, dir).ended;
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('train', () => {
  it('says how clips are split, how each epoch went and what came out', () => {
    expect(trained.stderr).not.toContain('error');
    expect(trained.code).toBe(0);
    const lines = trained.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^background +9 clips to train, 2 to validate, from 1 recordings$/);
    expect(lines[4]).toMatch(
      /^epoch 1\/8 {3}training loss \d\.\d{4} accuracy \d\.\d{3} {3}validation loss \d\.\d{4} accuracy \d\.\d{3}$/,
    );
    expect(lines.at(-2)).toBe('alarms: game_over');
    expect(lines.at(-1)).toContain('game-sounds is ready');
  });

  it('writes a bundle with the new head as default, the old ones, class names and a report', async () => {
    expect(readdirSync(model()).sort()).toEqual([
      'class_names.txt',
      'model.json',
      'report.json',
      'report.md',
      'weights.safetensors',
    ]);
    expect(readFileSync(model('class_names.txt'), 'utf8')).toBe('background\ncoin\ngame_over\njump\n');
    const { manifest } = await readBundle(model());
    expect(manifest).toMatchObject({ name: 'game-sounds', defaultHead: 'custom' });
    const base = await readBundle(MINI);
    expect(Object.keys(manifest.heads)).toEqual([...Object.keys(base.manifest.heads), 'custom']);
    expect(manifest.heads.custom).toEqual({
      type: 'dense',
      labels: ['background', 'coin', 'game_over', 'jump'],
      layers: [
        { units: 512, activation: 'relu' },
        { units: 4, activation: 'softmax' },
      ],
      alarm: { labels: ['game_over'] },
    });
    const report = JSON.parse(readFileSync(model('report.json'), 'utf8'));
    expect(report.classes[1]).toEqual({
      label: 'coin',
      clips: 12,
      recordings: 1,
      training: 9,
      validation: 2,
    });
    expect(report.accuracy).toBeGreaterThan(0.7);
    expect(report.confusion.flat().reduce((a: number, b: number) => a + b)).toBe(8);
    expect(readFileSync(model('report.md'), 'utf8')).toContain('| coin | 12 | 1 | 9 | 2 | ');
  });

  it('makes a model that recognises sounds it has never heard', async () => {
    const random = createRandom(99);
    const kinds = ['coin', 'jump', 'game_over', 'background'].flatMap((kind) => [kind, kind, kind]);
    const files = await Promise.all(
      kinds.map((kind, i) => writeWav(join(dir, `${kind}-${i}.wav`), [gameSound(kind, random)])),
    );
    const { stdout } = await run(['classify', '--json', '--model', 'game-sounds', ...files], env, dir);
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).verdict)).toEqual(kinds);
  });

  it('learns sounds, not how their clips were cut', async () => {
    const random = createRandom(7);
    const uneven = join(dir, 'uneven');
    await writeGameSounds(uneven, 12, ['jump', 'background']);
    mkdirSync(join(uneven, 'coin'));
    const short = (kind: string) => gameSound(kind, random).subarray(0, 3200);
    for (let i = 0; i < 12; i++) await writeWav(join(uneven, 'coin', `coin_${i}.wav`), [short('coin')]);
    const { code } = await run(
      ['train', uneven, 'short-coins', '--epochs', '8', '--hidden', '64', ...FEW],
      env,
      dir,
    );
    expect(code).toBe(0);

    const background = () => gameSound('background', random);
    const heard = [
      new Float32Array(8000),
      short('jump'),
      concatenate([background(), short('coin'), background()]),
    ];
    const files = await Promise.all(heard.map((sound, i) => writeWav(join(dir, `heard-${i}.wav`), [sound])));
    const { stdout } = await run(['classify', '--json', '--model', 'short-coins', ...files], env, dir);
    const [silence, jump, coin] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).windows)
      .map((windows: { scores: { coin: number } }[]) =>
        Math.max(...windows.map(({ scores }) => scores.coin)),
      );
    expect(silence).toBeLessThan(0.5);
    expect(jump).toBeLessThan(0.5);
    expect(coin).toBeGreaterThan(0.5);
  });

  it('gives the same weights for the same seed, to the last byte, and others for another', async () => {
    const few = join(dir, 'few');
    await writeGameSounds(few, 4, ['coin', 'jump']);
    const weights = async (out: string, ...args: string[]) => {
      const small = ['--epochs', '1', '--augment', '1', '--hidden', '16'];
      const { code, stderr } = await run(['train', few, out, ...small, ...args], env, dir);
      expect(code, stderr).toBe(0);
      return readFileSync(join(dir, out, 'weights.safetensors'));
    };
    const first = await weights('one');
    expect((await weights('two', '--no-cache')).equals(first)).toBe(true);
    expect((await weights('three', '--seed', '2')).equals(first)).toBe(false);
  });

  it('leaves copies under another name out: in validation they would be known from training', async () => {
    const copied = join(dir, 'copied');
    cpSync(clips, copied, { recursive: true });
    const [first] = readdirSync(join(copied, 'coin')) as [string];
    for (const name of ['another take.wav', 'one more.wav'])
      cpSync(join(copied, 'coin', first), join(copied, 'coin', name));
    const args = ['train', copied, 'of-copies', '--epochs', '1', ...FEW, '--json'];
    const { code, stdout, stderr } = await run(args, env, dir);
    expect(code).toBe(0);
    expect(stderr).toContain('warning: 2 exact copies of clips of the same class left out, for example ');
    const { classes, warnings } = JSON.parse(stdout);
    for (const { clips: count } of classes) expect(count).toBe(12);
    expect(warnings).toHaveLength(1);
  });

  it('refuses classes of a single clip, and names them', async () => {
    const lonely = join(dir, 'lonely');
    await writeGameSounds(lonely, 1, ['coin']);
    await writeGameSounds(lonely, 3, ['jump']);
    const { code, stderr } = await run(['train', lonely, 'never', ...FEW], env, dir);
    expect(code).toBe(65);
    expect(stderr).toMatch(/error: one clip is not a class: coin in .*\n {2}hint: Record more/);
    expect(existsSync(join(dir, 'never'))).toBe(false);
  });

  it('takes other layers, pooling, a name, and answers in one JSON line', async () => {
    const { code, stdout } = await train(
      ...['small', '--hidden', '16,16,16', '--pool', 'mean', '--name', 'games', '--epochs', '2', '--json'],
    );
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      head: 'games',
      alarmLabels: [],
      settings: { pool: 'mean', seed: 1 },
    });
    const { manifest } = await readBundle(join(dir, 'small'));
    expect(manifest.heads.games).toMatchObject({
      layers: [16, 16, 16, 4].map((units) => expect.objectContaining({ units })),
    });
    expect(manifest.metrics?.pool).toBe('mean');
  });

  it('keeps all heads of the base, and takes the name of none', async () => {
    const base = mappingOnly(await readBundle(MINI));
    const { labels } = base.manifest.heads.bathnet!;
    const parts = [{ head: 'bathnet', weight: 2 }];
    const pool = { type: 'blend' as const, labels, parts, bias: [0, 0, 0, 0] };
    const blending = join(dir, 'blending');
    const heads = { ...base.manifest.heads, pool };
    await writeBundle(blending, { ...base.manifest, heads, defaultHead: 'pool' }, base.tensors);
    const quick = ['--epochs', '1', '--hidden', 'none'];

    expect((await train('beside', ...quick, '--model', blending)).code).toBe(0);
    const beside = (await readBundle(join(dir, 'beside'))).manifest;
    expect(beside).toMatchObject({ defaultHead: 'custom', heads });

    for (const name of Object.keys(heads)) {
      const { code, stderr } = await train('instead', ...quick, '--model', blending, '--name', name);
      expect(code).toBe(64);
      expect(stderr).toMatch(
        new RegExp(`^error: --name ${name}: .*\n {2}hint: .*${Object.keys(heads).join(', ')}\\.\n$`),
      );
    }
    expect((await train('again-named', ...quick, '--model', './beside')).code).toBe(0);
    const again = (await readBundle(join(dir, 'again-named'))).manifest;
    expect(Object.keys(again.heads)).toEqual(Object.keys(beside.heads));

    const others = join(dir, 'other-classes');
    cpSync(join(dir, 'clips'), others, { recursive: true });
    renameSync(join(others, 'coin'), join(others, 'bell'));
    const unnamed = await run(['train', others, 'others', '--model', './beside', ...quick], {}, dir);
    expect(unnamed.code).toBe(64);
    expect(unnamed.stderr).toMatch(/^error: beside has a head of other classes already, custom: .*coin/);
    expect(unnamed.stderr).toMatch(/\n {2}hint: .*--name.*, custom\.\n$/);
  });

  it('touches nothing that is there without --force, and nothing but a model with it', async () => {
    const before = readFileSync(model('weights.safetensors'));
    for (const args of [['game-sounds'], ['clips'], ['clips', '--force']]) {
      const { code, stderr } = await train(...args);
      expect(code).toBe(73);
      expect(stderr).toMatch(/^error: .* already\n {2}hint: .*\n$/);
    }
    expect(readFileSync(model('weights.safetensors')).equals(before)).toBe(true);
    await train('again', '--epochs', '1', '--hidden', 'none');
    const { code } = await train('again', '--epochs', '1', '--hidden', '8', '--force');
    expect(code).toBe(0);
    expect((await readBundle(join(dir, 'again'))).manifest.heads.custom).toMatchObject({
      layers: [{ units: 8 }, {}],
    });
  });

  it('replaces no folder that holds more than a model, and none that holds the clips', async () => {
    const mixed = join(dir, 'mixed');
    cpSync(model(), mixed, { recursive: true });
    writeFileSync(join(mixed, 'notes.txt'), 'mine');
    const before = readFileSync(join(mixed, 'model.json'));
    const refused = await train('mixed', '--epochs', '1', '--force');
    expect(refused.code).toBe(73);
    expect(refused.stderr).toMatch(
      /^error: .*mixed: there is more than a model in it: notes\.txt\n {2}hint: /,
    );

    await writeGameSounds(join(mixed, 'sounds'), 2, ['coin', 'jump']);
    symlinkSync(mixed, join(dir, 'link'));
    const within = join('link', 'sounds');
    for (const out of [mixed, 'link']) {
      const { code, stderr } = await run(['train', within, out, ...FEW, '--force'], env, dir);
      expect(code).toBe(64);
      expect(stderr).toMatch(/^error: .*sounds lies in .*\n {2}hint: Choose a place outside/);
    }
    const { code } = await run(['train', join(mixed, 'sounds'), 'link/sounds/model', ...FEW], env, dir);
    expect(code).toBe(64);
    expect(readFileSync(join(mixed, 'notes.txt'), 'utf8')).toBe('mine');
    expect(readFileSync(join(mixed, 'model.json')).equals(before)).toBe(true);
  });

  it('says before it listens that a model cannot be written, and leaves nothing behind', async () => {
    symlinkSync(join(dir, 'nowhere'), join(dir, 'dangling'));
    writeFileSync(join(dir, 'file'), '');
    const before = readdirSync(dir).sort();
    for (const out of [
      '/proc/nowhere/model',
      'dangling',
      'dangling/model',
      'file/model',
      `${'x'.repeat(240)}`,
    ]) {
      const { code, stdout, stderr } = await train(out, '--epochs', '1');
      expect(code).toBe(73);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^error: .*\n {2}hint: Choose .*\n$/);
    }
    expect(readdirSync(dir).sort()).toEqual(before);
    expect((await train('missing/below/model', '--epochs', '1', '--hidden', 'none')).code).toBe(0);
    expect(readdirSync(join(dir, 'missing', 'below'))).toEqual(['model']);
    expect(readdirSync(dir).sort()).toEqual([...before, 'missing'].sort());
  });

  it.skipIf(lacksMount())('says that a disk is full, of the folder that was named', async () => {
    const disk = mountSmallDisk(dir);
    try {
      const { code, stderr } = await train('disk/model', '--epochs', '1', '--hidden', 'none');
      expect(code).toBe(73);
      expect(stderr).toMatch(
        /^error: .*\/disk\/model cannot be written: the disk is full\n {2}hint: Make room/m,
      );
      expect(readdirSync(disk.path)).toEqual([]);
    } finally {
      disk.unmount();
      rmSync(disk.path, { recursive: true });
    }
  });

  it('leaves everything as it was when it is interrupted', async () => {
    const before = readFileSync(model('weights.safetensors'));
    const training = new Program(
      ['train', clips, 'game-sounds', ...FEW, '--force', '--epochs', '100000', '--patience', '100000'],
      env,
      dir,
    );
    await until(
      () => training.stdout.includes('epoch      2/'),
      () => training.stderr,
      50_000,
    );
    const { stderr, code } = await training.kill('SIGINT');
    expect(code).not.toBe(0);
    expect(stderr).toContain('interrupted: game-sounds is as it was');
    expect(readFileSync(model('weights.safetensors')).equals(before)).toBe(true);
    expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('names a file that is no sound, and goes on without it if it is told to', async () => {
    const bad = join(clips, 'coin', 'bad.wav');
    writeFileSync(bad, 'this is no sound');
    try {
      const refused = await train('bad', '--epochs', '1');
      expect(refused.code).toBe(65);
      expect(refused.stderr).toMatch(/error: a file cannot be used:\n.*bad\.wav.*\n {2}hint: .*--skip-bad/);
      expect(existsSync(join(dir, 'bad'))).toBe(false);
      const { code, stderr } = await train('bad', '--epochs', '1', '--skip-bad');
      expect(stderr).toMatch(/warning: left out: .*bad\.wav/);
      expect(code).toBe(0);
    } finally {
      rmSync(bad);
    }
  });

  it.each<[string, string[], number, RegExp]>([
    ['an alarm label that is no class', ['--alarm', 'fire'], 64, /--alarm: there is no class fire/],
    ['layers that are no numbers', ['--hidden', '512,many'], 64, /--hidden many/],
    ['a share that leaves nothing to learn from', ['--validation', '0.9'], 64, /--validation 0\.9/],
    ['a name that no head can have', ['--name', 'Game Sounds'], 64, /--name Game Sounds/],
    ['a pattern that is none', ['--group-by', '('], 64, /--group-by \(/],
    [
      'a pattern that matches nothing',
      ['--group-by', 'xyz'],
      65,
      /xyz does not match background\/background_01/,
    ],
    ['a model that is not there', ['--model', 'nonesuch'], 66, /no model "nonesuch"/],
    ['another head to train on', ['--head', 'audioset'], 64, /unknown option '--head'/],
  ])('refuses %s', async (_, args, code, message) => {
    const refused = await train('refused', ...args);
    expect(refused.stderr).toMatch(message);
    expect(refused.code).toBe(code);
    expect(existsSync(join(dir, 'refused'))).toBe(false);
  });
});

describe('train --feedback', () => {
  it('learns from what people said of alarms, and leaves out what another backbone heard', async () => {
    const folder = join(dir, 'state', 'feedback');
    const backbone = backboneFingerprint(await readBundle(MINI));
    const sound = [new Float32Array(1024).fill(0.3)];
    const judge = async (
      episodeId: string,
      label: string,
      heardBy: string,
      verdict: Verdict,
      subjects = sound,
    ) => {
      const model = { name: 'm', backbone: heardBy };
      const store = new FeedbackStore(folder, model, undefined, silentLog, systemClock);
      store.window({ subjects, scored: { endAtMs: 0 } } as unknown as PipelineResult);
      store.event({ type: 'alarm_started', episodeId, label, atMs: 0, hits: [] } as unknown as DecisionEvent);
      store.give(verdict);
      await store.stop();
    };
    await judge('e1', 'game_over', backbone, 'false_alarm');
    await judge('e2', 'game_over', backbone, 'real_alarm');
    await judge('e3', 'game_over', 'another', 'real_alarm');
    await judge('e4', 'abnormal', backbone, 'real_alarm');
    await judge('e5', 'game_over', backbone, 'false_alarm', []);
    const settings = ['--alarm', 'game_over', '--epochs', '8'];
    const { code, stderr } = await train('judged', ...settings, '--feedback');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'feedback on 2 alarms is used, 3 of another backbone or class, or without a sound, left out',
    );
    const weights = (name: string) => readFileSync(join(dir, name, 'weights.safetensors'));
    expect(weights('judged').equals(weights('game-sounds'))).toBe(false);
    const refused = await train('refused', ...settings, '--feedback', 'nonesuch');
    expect(refused.code).toBe(64);
    expect(refused.stderr).toMatch(/--feedback: there is no class nonesuch/);
    rmSync(folder, { recursive: true });
  });
});

describe('--head with the path of a bundle', () => {
  it('puts its head on the backbone of the model', async () => {
    const classify = (...args: string[]) =>
      run(['classify', '--json', ...args, join(clips, 'jump', 'jump_01.wav')], env, dir);
    const borrowed = await classify('--model', 'bathnet-mini', '--head', './game-sounds');
    expect(borrowed.stderr).toBe('');
    expect(JSON.parse(borrowed.stdout)).toEqual(
      JSON.parse((await classify('--model', 'game-sounds')).stdout),
    );
    const none = await classify('--head', './nonesuch');
    expect(none.code).toBe(66);
    expect(none.stderr).toContain('no model "./nonesuch"');
  });

  it('refuses one that was trained on another backbone', async () => {
    const manifest = JSON.parse(readFileSync(model('model.json'), 'utf8'));
    const other = join(dir, 'small', 'model.json');
    writeFileSync(
      other,
      JSON.stringify({ ...JSON.parse(readFileSync(other, 'utf8')), frontEnd: 'librosa-db-mel' }),
    );
    const { code, stderr } = await run(
      ['classify', '--head', './small', join(clips, 'jump', 'jump_01.wav')],
      env,
      dir,
    );
    expect(manifest.frontEnd).toBe('yamnet-log-mel');
    expect(code).toBe(64);
    expect(stderr).toMatch(
      /^error: head "games" of small does not fit model bathnet-mini: its frontEnd is librosa-db-mel.*\n {2}hint: .*\n$/,
    );
  });
});

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');
describe.skipIf(skip)('the daemon with a trained head, and a real broker', () => {
  it('publishes its classes under their own names and alarms on the one that shall', async () => {
    const random = createRandom(7);
    const silence = () => gameSound('background', random);
    const scene = await writeWav(join(dir, 'scene.wav'), [
      concatenate(
        ['coin', 'jump', 'game_over'].flatMap((kind) => [
          ...Array.from({ length: 2 }, silence),
          ...Array.from({ length: 3 }, () => gameSound(kind, random)),
          ...Array.from({ length: 2 }, silence),
        ]),
      ),
    ]);
    const daemons = await Daemons.create();
    const broker = await Mosquitto.start();
    try {
      const seen = await broker.subscribe('#');
      const { code, stderr } = await daemons.start(broker.url, [
        ...['--model', model(), '--source', `file:${scene}`, '--speed', '2'],
        ...['--set', 'publish.scores=true'],
      ]).ended;
      expect(code, stderr).toBe(0);

      const { cmps } = JSON.parse(await seen.waitFor('homeassistant/device/test/config'));
      expect(cmps.sound.options).toEqual(['background', 'coin', 'game_over', 'jump']);
      expect(cmps.alarm.name).toMatch(/^Game[ _]over sound$/);

      const labels = seen.on('bathnet/test/class').map((payload) => JSON.parse(payload).label);
      for (const label of ['coin', 'jump', 'game_over']) expect(labels).toContain(label);
      const events = seen.on('bathnet/test/event').map((payload) => JSON.parse(payload));
      const started = events.filter(({ event_type }) => event_type === 'alarm_started');
      expect(started).toHaveLength(1);
      expect(started[0]).toMatchObject({ label: 'game_over', model: { name: 'game-sounds' } });
      expect(Object.keys(started[0].scores)).toEqual(['background', 'coin', 'game_over', 'jump']);
      await seen.waitFor('bathnet/test/availability', (payload) => payload === 'offline');
      expect(seen.on('bathnet/test/alarm')).toEqual(['OFF', 'ON', 'OFF']);
    } finally {
      await daemons.close();
      await broker.close();
    }
  });
});
