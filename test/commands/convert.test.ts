import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeFile } from '../../src/audio/decode.js';
import { Program, run, SCENE } from '../support/daemon.js';
import { GOLDEN } from '../support/golden.js';
import { lacksPrograms } from '../support/require.js';
import { chirp, collect, ffmpeg, isCompleteWav, snrDb, tone, writeWav } from '../support/sound.js';

const CHIRP = join(GOLDEN, 'chirp-60-7900hz.wav');

let dir: string;
const at = (...names: string[]) => join(dir, ...names);
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bathnet-convert-'));
  await mkdir(at('in', 'sub', 'deep'), { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const convert = (...args: string[]) => run(['convert', ...args], {}, dir);
/** The JSON summary of a run that is expected to end with this code. */
async function summaryOf(args: string[], exitCode = 0) {
  const { code, stdout, stderr } = await convert('--json', ...args);
  expect(code, stderr).toBe(exitCode);
  return JSON.parse(stdout);
}
/** Every file below a folder, temporary ones as well. */
async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(at(folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(at(folder).length + 1))
    .sort();
}

describe('convert', () => {
  it('brings a tree to 16 kHz mono 16-bit, keeps its structure, and tells how many', async () => {
    const left = chirp(100, 6000, 2, 44_100);
    await writeWav(at('in', 'stereo.wav'), [left, left], { rateHz: 44_100, bits: 24 });
    await copyFile(SCENE, at('in', 'sub', 'deep', 'scene.flac'));
    const { code, stdout } = await convert('in', 'out');
    expect(code).toBe(0);
    expect(stdout).toBe('2 converted, 0 skipped, 0 failed\n');
    expect(await tree('out')).toEqual(['stereo.wav', 'sub/deep/scene.wav']);
    const stereo = await collect(decodeFile(at('out', 'stereo.wav')));
    expect(snrDb(stereo, chirp(100, 6000, 2), 800)).toBeGreaterThan(60);
    // 16-bit FLAC at 16 kHz: nothing is lost.
    expect(await collect(decodeFile(at('out', 'sub', 'deep', 'scene.wav')))).toEqual(
      await collect(decodeFile(SCENE)),
    );
    expect(await isCompleteWav(at('out', 'stereo.wav'))).toBe(true);
  });

  it.skipIf(lacksPrograms('ffmpeg'))('reads what else there is: MP3, Vorbis, Opus', async () => {
    for (const name of ['a.mp3', 'b.ogg', 'c.opus'])
      ffmpeg('-f', 'lavfi', '-i', 'sine=440:d=1:r=48000', '-af', 'volume=4', at('in', name));
    expect(await summaryOf(['in', 'out'])).toMatchObject({ converted: 3, failed: [], warnings: [] });
    for (const name of await tree('out')) {
      const samples = await collect(decodeFile(at('out', name)));
      expect(samples.length).toBeGreaterThanOrEqual(16_000);
      expect(snrDb(samples.slice(4000, 12_000), fittedTone(samples.slice(4000, 12_000)))).toBeGreaterThan(20);
    }
  });

  it('passes 16 kHz mono 16-bit sound through bit by bit, be it to a file or into a folder', async () => {
    expect((await convert(CHIRP, 'new/name.wav')).code).toBe(0);
    expect((await convert(CHIRP, 'folder')).code).toBe(0);
    const original = await readFile(CHIRP);
    expect((await readFile(at('new', 'name.wav'))).equals(original)).toBe(true);
    expect((await readFile(at('folder', 'chirp-60-7900hz.wav'))).equals(original)).toBe(true);
  });

  it('skips what is done, and does again what was changed, replaced by an older file, cut short, or is forced', async () => {
    await copyFile(CHIRP, at('in', 'a.wav'));
    await copyFile(join(GOLDEN, 'sine-1000hz.wav'), at('in', 'b.wav'));
    expect(await summaryOf(['in', 'out'])).toMatchObject({ converted: 2, skipped: 0 });
    expect(await summaryOf(['in', 'out'])).toMatchObject({ converted: 0, skipped: 2 });

    await writeWav(at('in', 'a.wav'), [tone(440, 1)]);
    expect(await summaryOf(['in', 'out'])).toMatchObject({ converted: 1, skipped: 1 });
    expect((await stat(at('out', 'a.wav'))).size).toBe(44 + 32_000);

    await copyFile(CHIRP, at('in', 'a.wav'));
    await utimes(at('in', 'a.wav'), 1_000_000_000, 1_000_000_000);
    expect(await summaryOf(['in', 'out'])).toMatchObject({ converted: 1, skipped: 1 });
    expect((await readFile(at('out', 'a.wav'))).equals(await readFile(CHIRP))).toBe(true);

    const { mtime } = await stat(at('out', 'a.wav'));
    await truncate(at('out', 'a.wav'), 1000);
    await utimes(at('out', 'a.wav'), mtime, mtime);
    expect(await summaryOf(['in', 'out'])).toMatchObject({ converted: 1, skipped: 1 });
    expect(await summaryOf(['in', 'out', '--force'])).toMatchObject({ converted: 2, skipped: 0 });
  });

  it('gives every file a result of its own where names would collide', async () => {
    await writeWav(at('in', 'a.wav'), [tone(440, 0.1)]);
    await copyFile(SCENE, at('in', 'a.flac'));
    await copyFile(SCENE, at('in', 'deep.flac'));
    await mkdir(at('in', 'deep.wav'));
    await copyFile(SCENE, at('in', 'deep.wav', 'b.flac'));
    expect(await summaryOf(['in', 'out'])).toMatchObject({ converted: 4, failed: [] });
    expect(await tree('out')).toEqual(['a.flac.wav', 'a.wav', 'deep.flac.wav', 'deep.wav/b.wav']);
    expect((await stat(at('out', 'a.wav'))).size).toBe(44 + 3200);
  });

  it('refuses a file whose result would still overwrite another, and does the rest', async () => {
    await copyFile(SCENE, at('in', 'a.flac'));
    for (const name of ['a.wav', 'a.flac.wav']) await writeWav(at('in', name), [tone(440, 0.1)]);
    const { converted, failed } = await summaryOf(['in', 'out'], 73);
    expect(converted).toBe(2);
    expect(failed).toEqual([
      { file: 'in/a.flac.wav', reason: expect.stringMatching(/out\/a\.flac\.wav is made from in\/a\.flac$/) },
    ]);
  });

  it('replaces nothing that no earlier run has made, does the rest, and replaces it where it is told to', async () => {
    await mkdir(at('out'));
    const left = tone(440, 0.1);
    const others = {
      stereo: () => writeWav(at('out', 'stereo.wav'), [left, left], { bits: 24 }),
      text: () => writeFile(at('out', 'text.wav'), 'no sound at all'),
      own: () => writeWav(at('out', 'own.wav'), [left]), // as a result is written, but recorded there
    };
    for (const name of ['free', ...Object.keys(others)]) {
      await copyFile(CHIRP, at('in', `${name}.wav`));
      await utimes(at('in', `${name}.wav`), 1_000_000_000, 1_000_000_000);
    }
    for (const write of Object.values(others)) await write();
    // Neither does its time make a recording a result.
    await utimes(at('out', 'stereo.wav'), 1_000_000_000, 1_000_000_000);
    const contents = () => Promise.all(Object.keys(others).map((name) => readFile(at('out', `${name}.wav`))));
    const before = await contents();
    const { converted, failed } = await summaryOf(['in', 'out'], 73);
    expect(converted).toBe(1);
    expect(failed).toEqual(
      ['own', 'stereo', 'text'].map((name) => ({
        file: `in/${name}.wav`,
        reason: `in/${name}.wav: its result would replace out/${name}.wav, of which it cannot be told that an earlier run has made it`,
      })),
    );
    expect(await contents()).toEqual(before);
    const { code, stderr } = await convert('in/text.wav', 'out/text.wav');
    expect(code).toBe(73);
    expect(stderr).toMatch(/failed: .* would replace out\/text\.wav.*\n {2}hint: .*--force\.\n$/);
    expect(await summaryOf(['in', 'out', '--force'])).toMatchObject({ converted: 4, failed: [] });
  });

  it('lists what is no sound at the end, with the reason, and does the others', async () => {
    await copyFile(CHIRP, at('in', 'sub', 'a.wav'));
    await writeFile(at('in', 'readme.txt'), 'this is no sound');
    await writeFile(at('in', 'sub', 'empty.wav'), '');
    await writeFile(at('in', '.hidden'), 'nobody asked for this');
    await symlink('nowhere', at('in', 'broken.wav'));
    const { code, stdout, stderr } = await convert('in', 'out');
    expect(code).toBe(65);
    expect(stdout).toBe('1 converted, 0 skipped, 3 failed\n');
    expect(stderr).toMatch(
      /\nfailed: in\/broken\.wav: there is no such file\nfailed: in\/readme\.txt: is no audio file.*\nfailed: in\/sub\/empty\.wav: is empty\n {2}hint: /,
    );
    expect(await tree('out')).toEqual(['sub/a.wav']);
  });

  it('converts what is left of a damaged file and warns of it', async () => {
    await writeWav(at('in', 'cut.wav'), [tone(440, 1)], { promisedBytes: 1_000_000 });
    const { converted, warnings } = await summaryOf(['in', 'out']);
    expect(converted).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/in\/cut\.wav is damaged: .* missing/)]);
  });

  it('follows links once, and never into its own results', async () => {
    await mkdir(at('elsewhere'));
    await copyFile(CHIRP, at('elsewhere', 'linked.wav'));
    await copyFile(CHIRP, at('in', 'sub', 'a.wav'));
    await symlink('..', at('in', 'sub', 'deep', 'up'));
    await symlink('sub', at('in', 'again'));
    await symlink('../elsewhere', at('in', 'link'));
    await symlink('../elsewhere/linked.wav', at('in', 'file.wav'));
    expect(await summaryOf(['in', 'in/out'])).toMatchObject({ converted: 2, failed: [] });
    expect(await tree('in/out')).toEqual(['link/linked.wav', 'sub/a.wav']);
    expect(await summaryOf(['in', 'in/out'])).toMatchObject({ converted: 0, skipped: 2 });
  });

  it('never overwrites a source', async () => {
    await mkdir(at('in', 'in'));
    await copyFile(CHIRP, at('in', 'a.wav'));
    await copyFile(SCENE, at('in', 'in', 'a.flac'));
    const before = await readFile(at('in', 'a.wav'));
    const { failed } = await summaryOf(['in', '.'], 73);
    expect(failed).toEqual([
      { file: 'in/in/a.flac', reason: expect.stringMatching(/its result in\/a\.wav is a source itself$/) },
    ]);
    expect(await readFile(at('in', 'a.wav'))).toEqual(before);
  });

  it.each<[string, string[], number, RegExp]>([
    ['a folder into itself', ['in', './in'], 64, /in would be converted into itself/],
    ['a folder into itself by a link', ['in', 'link'], 64, /in would be converted into itself/],
    ['a file into itself', ['in/a.wav', 'in'], 64, /a\.wav would be converted into itself/],
    ['what is not there', ['none', 'out'], 66, /none cannot be read/],
    ['a folder without files', ['in/sub', 'out'], 66, /in\/sub holds no files/],
    ['a folder into a file', ['in', 'in/a.wav'], 73, /a\.wav is a file/],
    ['a file into one of another kind', ['in/a.wav', 'out.mp3'], 64, /out\.mp3: the result is a WAV file/],
    ['a number of jobs that is none', ['in', 'out', '--jobs', '0'], 64, /--jobs 0: expected a whole number/],
  ])('refuses %s', async (_, args, exitCode, message) => {
    await copyFile(CHIRP, at('in', 'a.wav'));
    await symlink('in', at('link'));
    const { code, stdout, stderr } = await convert(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error: .*\n {2}hint: .*\n$/);
    expect(code).toBe(exitCode);
    expect(stdout).toBe('');
    expect(existsSync(at('out'))).toBe(false);
    expect((await readFile(at('in', 'a.wav'))).equals(await readFile(CHIRP))).toBe(true);
  });

  it('clears away what a run that was killed has left, a day later', async () => {
    await writeWav(at('in', 'sub', 'long.wav'), [chirp(100, 6000, 300)]);
    const program = new Program(['convert', 'in', 'out'], {}, dir);
    const left = async () => (await tree('out').catch(() => [])).filter((name) => name.endsWith('.part'));
    await vi.waitFor(async () => expect(await left()).toHaveLength(1), { timeout: 30_000, interval: 2 });
    await program.kill('SIGKILL');
    const [part = ''] = await left();
    expect(part).toMatch(/^sub\/\./);
    // Nobody else's.
    await writeFile(at('out', 'sub', '.film.part'), 'of a download');
    expect(await summaryOf(['in', 'out'])).toMatchObject({ converted: 1 });
    expect(await left()).toEqual([part, 'sub/.film.part'].sort());
    await writeFile(
      at('later.cjs'),
      'const { now } = Date; Date.now = () => now() + 25 * 3_600_000; // the same clock, a day on',
    );
    const { code } = await run(['convert', 'in', 'out'], { NODE_OPTIONS: '--require ./later.cjs' }, dir);
    expect(code).toBe(0);
    expect(await tree('out')).toEqual(['sub/.film.part', 'sub/long.wav']);
  });

  it('ends cleanly on Ctrl-C with whole files only, and goes on from there', async () => {
    await writeWav(at('long.wav'), [chirp(100, 6000, 3, 44_100)], { rateHz: 44_100 });
    for (let i = 0; i < 24; i++) await copyFile(at('long.wav'), at('in', `${i}.wav`));
    const program = new Program(['convert', 'in', 'out', '--jobs', '2'], {}, dir);
    const done = async () =>
      (await readdir(at('out')).catch(() => [])).filter((name) => /^\d+\.wav$/.test(name));
    await vi.waitFor(async () => expect((await done()).length).toBeGreaterThan(1), { timeout: 30_000 });
    const { code, stdout } = await program.kill('SIGINT');
    expect(code).toBe(null); // ended by the signal, as a shell expects it
    const finished = await done();
    expect(finished.length).toBeLessThan(24);
    expect(stdout).toBe(
      `${finished.length} converted, 0 skipped, 0 failed, interrupted: run it again for the rest\n`,
    );
    expect((await tree('out')).length).toBe(finished.length);
    for (const name of finished) expect(await isCompleteWav(at('out', name))).toBe(true);
    const rest = { converted: 24 - finished.length, skipped: finished.length };
    expect(await summaryOf(['in', 'out'])).toMatchObject(rest);
  });
});

const mountable = (() => {
  const mounted = process.getuid?.() === 0 && !lacksPrograms('mount', 'umount') && canMount();
  if (!mounted) console.warn('SKIPPED: a full disk, because only root can mount a small one');
  return mounted;
})();

describe.skipIf(!mountable)('convert to a full disk', () => {
  it('gives one error, stops, and leaves only whole files', async () => {
    await mkdir(at('small'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', at('small')]);
    try {
      await writeWav(at('clip.wav'), [tone(440, 5)]);
      for (let i = 0; i < 12; i++) await copyFile(at('clip.wav'), at('in', `${i}.wav`));
      const { code, stdout, stderr } = await convert('in', 'small/out');
      expect(code).toBe(73);
      expect(stderr).toMatch(
        /error: small\/out\/\d+\.wav cannot be written: the disk is full\n {2}hint: Make room.*\n$/,
      );
      expect(stderr.match(/error:/g)).toHaveLength(1);
      const whole = await tree('small/out');
      expect(whole.length).toBeGreaterThan(0);
      expect(stdout).toBe(`${whole.length} converted, 0 skipped, 0 failed\n`);
      for (const name of whole) expect(await isCompleteWav(at('small', 'out', name))).toBe(true);
    } finally {
      execFileSync('umount', [at('small')]);
    }
  });
});

/** The tone of 440 Hz that is nearest to what is given. */
function fittedTone(samples: Float32Array): Float32Array {
  const wave = (phase: number) =>
    Float32Array.from(samples, (_, i) => Math.sin((2 * Math.PI * 440 * i) / 16_000 + phase));
  const project = (basis: Float32Array) =>
    samples.reduce((sum, x, i) => sum + x * basis[i]!, 0) / (samples.length / 2);
  const [sine, cosine] = [wave(0), wave(Math.PI / 2)];
  const [a, b] = [project(sine), project(cosine)];
  return sine.map((x, i) => a * x + b * cosine[i]!);
}

/** Root in a container may not. */
function canMount(): boolean {
  const folder = join(tmpdir(), `bathnet-mount-${process.pid}`);
  try {
    execFileSync('mkdir', [folder]);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync('rmdir', [folder]);
  }
}
