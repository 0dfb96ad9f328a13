import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeFile } from '../../src/audio/decode.js';
import { WINDOW_SAMPLES } from '../../src/constants.js';
import { Program, run } from '../support/daemon.js';
import { PULSE_PROGRAMS, type Pulse, startPulse } from '../support/pulse.js';
import { lacksNaudiodon, lacksPrograms } from '../support/require.js';
import {
  bestCorrelation,
  chirp,
  collect,
  concatenate,
  isCompleteWav,
  tone,
  writeWav,
} from '../support/sound.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const silence = (seconds: number) => new Float32Array(seconds * 16_000);
const sweep = chirp(300, 6000, 0.8);
/** Four times 3 s of which the last second is for a clip; the sweep begins 0.4 s into it. */
const scene = (clip: Float32Array = sweep) =>
  concatenate(
    Array.from({ length: 4 }, () => {
      const part = silence(3);
      part.set(clip, 1.4 * 16_000);
      return part;
    }),
  );

let dir: string;
const at = (...names: string[]) => join(dir, ...names);
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bathnet-record-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Records clips of 2 s after pauses of 1 s from a file, much faster than real time. */
async function recordFrom(sound: Float32Array, ...args: string[]) {
  await writeWav(at('scene.wav'), [sound]);
  const input = ['--source', 'file:scene.wav', '--set', 'input.speed=50', '--interval', '1'];
  return run(['record', ...input, '--label', 'crash', ...args], {}, dir);
}

describe('record', () => {
  it('writes clips of the sound, trimmed to where it is, into the folder of its class', async () => {
    const { code, stdout, stderr } = await recordFrom(scene(), '--count', '3');
    expect(stderr).toMatch(
      /^clip 1 of 3 in 1 s\nclip 1 of 3: recording 2 s\nclip 1 of 3: .*crash_001\.wav \(/,
    );
    expect(stdout).toBe('3 of 3 clips recorded into clips/crash, 0 refused\n');
    expect(code).toBe(0);
    expect(await readdir(at('clips', 'crash'))).toEqual(['crash_001.wav', 'crash_002.wav', 'crash_003.wav']);
    for (const name of await readdir(at('clips', 'crash'))) {
      const clip = await collect(decodeFile(at('clips', 'crash', name)));
      const { correlation, offset } = bestCorrelation(clip, sweep);
      expect(correlation).toBeGreaterThan(0.9999);
      expect(offset).toBeCloseTo(1600, -2);
      expect(clip.length).toBeGreaterThanOrEqual(WINDOW_SAMPLES);
      expect(clip.length).toBeLessThan(1.2 * 16_000);
    }
  });

  it('goes on with the numbers, in another folder where one is given', async () => {
    await mkdir(at('own', 'crash'), { recursive: true });
    for (const name of ['crash_007.wav', 'crash_1204.wav', 'crash_x.wav', 'other_9999.wav'])
      await writeFile(at('own', 'crash', name), '');
    const { code, stdout } = await recordFrom(scene(), '--count', '2', '--out', 'own', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      label: 'crash',
      folder: 'own/crash',
      clips: ['own/crash/crash_1205.wav', 'own/crash/crash_1206.wav'].map((file) => ({
        file,
        seconds: expect.closeTo(1.1, 1),
        rmsDbfs: expect.any(Number),
        peakDbfs: expect.closeTo(-6, 0),
      })),
      refused: [],
    });
  });

  it.each([
    ['at once', {}],
    // As FAT does.
    ['at once where a file has one name', { NODE_OPTIONS: '--require ./one-name.cjs' }],
  ])('takes no clip from another that records the same class %s', async (_, env) => {
    await writeFile(
      at('one-name.cjs'),
      `require('node:fs/promises').link = async () => {
        throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
      };
      require('node:module').syncBuiltinESMExports();`,
    );
    await writeWav(at('scene.wav'), [scene()]);
    const input = ['--source', 'file:scene.wav', '--set', 'input.speed=4', '--interval', '1'];
    const all = [1, 2, 3].map(() => new Program(['record', ...input, '-l', 'crash', '-n', '3'], env, dir));
    const files: string[] = [];
    for (const { code, stdout, stderr } of await Promise.all(all.map(({ ended }) => ended))) {
      expect([code, stdout]).toEqual([0, '3 of 3 clips recorded into clips/crash, 0 refused\n']);
      files.push(...[...stderr.matchAll(/crash_\d+\.wav/g)].map(([name]) => name));
    }
    expect(files.toSorted()).toEqual(Array.from({ length: 9 }, (_, i) => `crash_00${i + 1}.wav`));
    expect((await readdir(at('clips', 'crash'))).toSorted()).toEqual(files.toSorted());
    for (const name of files) expect(await isCompleteWav(at('clips', 'crash', name))).toBe(true);
  });

  it('does not keep what is silent or clipped, says why, and tries again', async () => {
    const clipped = sweep.map((x) => Math.max(-1, Math.min(1, x * 4)));
    const sound = concatenate([silence(3), scene(clipped).subarray(0, 48_000), scene()]);
    const { code, stdout, stderr } = await recordFrom(sound, '--count', '1', '--json');
    expect(code).toBe(0);
    const { clips, refused } = JSON.parse(stdout);
    expect(clips).toHaveLength(1);
    expect(refused).toEqual([expect.stringMatching(/^silent/), expect.stringMatching(/^clipped/)]);
    expect(stderr).toMatch(/clip 1 of 1: not kept, silent: its loudest moment has -120\.0 dBFS/);
    expect(stderr).toMatch(/clip 1 of 1: not kept, clipped: /);
  });

  it('takes quiet sound where that is wanted', async () => {
    const quiet = scene().map((x) => x / 2000);
    expect((await recordFrom(quiet, '--count', '1', '--min-level', '-90')).code).toBe(0);
  });

  it('gives up where nothing but silence comes and nobody is there to ask', async () => {
    const { code, stdout, stderr } = await recordFrom(silence(40));
    expect(code).toBe(65);
    expect(stderr).toMatch(/error: 10 clips in a row were refused, the last as silent.*\n {2}hint: .*doctor/);
    expect(stdout).toBe('0 of 20 clips recorded into clips/crash, 10 refused\n');
    expect(await readdir(dir)).toEqual(['scene.wav']);
  });

  it('keeps what it has where the sound ends before all is recorded', async () => {
    const { code, stdout, stderr } = await recordFrom(scene());
    expect(code).toBe(66);
    expect(stdout).toMatch(/^4 of 20 clips/);
    expect(stderr).toMatch(/error: file scene\.wav ended after 4 of 20 clips\n/);
    expect(await readdir(at('clips', 'crash'))).toHaveLength(4);
  });

  it('says what is wrong with a command that fails, and with one that is silent', async () => {
    const failing = await run(['record', '-l', 'a', '-s', 'command:echo no card >&2; exit 3'], {}, dir);
    expect(failing.code).toBe(69);
    expect(failing.stderr).toMatch(/failed: exit code 3: no card\n {2}hint: /);
    const patience = ['noDataTimeoutSeconds', 'firstSoundTimeoutSeconds'].flatMap((name) => [
      '--set',
      `input.${name}=0.5`,
    ]);
    const silent = await run(['record', '-l', 'a', '-s', 'command:sleep 60', ...patience], {}, dir);
    expect(silent.code).toBe(66);
    expect(silent.stderr).toMatch(/error: no sound from command "sleep 60" for 0\.5 s\n {2}hint: /);
    expect(await readdir(dir)).toEqual([]);
  });

  it('ends with a summary on Ctrl-C, and ends the command it listens to', async () => {
    await writeFile(at('tone.raw'), new Int16Array(tone(440, 60).map((x) => x * 32_767)));
    const pidFile = at('pid');
    const command = `command:echo $$ > ${pidFile}; while :; do head -c 3200; sleep 0.02; done < tone.raw`;
    const program = new Program(['record', '-l', 'a', '-s', command, '--interval', '0.5'], {}, dir);
    await vi.waitFor(() => expect(program.stderr).toContain('a_002.wav'), { timeout: 30_000 });
    const { code, stdout } = await program.kill('SIGINT');
    expect(code).toBe(0);
    const names = await readdir(at('clips', 'a'));
    expect(stdout).toBe(`${names.length} of 20 clips recorded into clips/a, 0 refused\n`);
    for (const name of names) expect(await isCompleteWav(at('clips', 'a', name))).toBe(true);
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it.each(['../up', 'a/b', '.hidden', '', ' ', 'a b', '-x', 'a'.repeat(65), 'a\nb'])(
    'refuses the label %j',
    async (label) => {
      const { code, stdout, stderr } = await recordFrom(silence(1), `--label=${label}`);
      expect(code).toBe(64);
      expect(stdout).toBe('');
      expect(stderr).toMatch(
        /^error: --label .* cannot be the name of a class and its folder\n {2}hint: .*\n$/,
      );
    },
  );

  it('takes letters of every language', async () => {
    const { code } = await recordFrom(scene(), '--label', 'Stürze-2_浴室', '--count', '1');
    expect(code).toBe(0);
    expect(await readdir(at('clips', 'Stürze-2_浴室'))).toEqual(['Stürze-2_浴室_001.wav']);
  });

  it.each([
    ['--count', '0'],
    ['--count', '1.5'],
    ['--seconds', '0.5'],
    ['--interval', 'soon'],
    ['--interval', ''],
    ['--min-level', '3'],
  ])('refuses %s %s', async (flag, value) => {
    const { code, stderr } = await recordFrom(silence(1), flag, value);
    expect(code).toBe(64);
    expect(stderr).toMatch(
      new RegExp(`^error: ${flag} ${value}: expected a .*number from .*\\n {2}hint: .*\\n$`),
    );
  });
});

describe.skipIf(lacksPrograms('script'))('record at a terminal', () => {
  it('shows the level, waits for Enter before each clip, and ends with q', async () => {
    await writeFile(at('tone.raw'), new Int16Array(tone(440, 120).map((x) => x * 32_767)));
    // Paced like a microphone.
    const command = 'while :; do head -c 3200; sleep 0.1; done < tone.raw';
    const line = `"${process.execPath}" "${MAIN}" record -l a -s 'command:${command}' --seconds 1`;
    const terminal = spawn('script', ['-qec', line, '/dev/null'], { cwd: dir, stdio: 'pipe' });
    let screen = '';
    terminal.stdout.on('data', (data) => {
      screen += data;
    });
    const shows = (text: string | RegExp) =>
      vi.waitFor(() => expect(screen).toMatch(text), { timeout: 30_000 });
    try {
      await shows(/clip 1 of 20: Enter to record/);
      await shows(/█+·+ {3}-6 dBFS {2}clip 1 of 20/);
      expect(screen).not.toContain('recording');
      terminal.stdin.write('\n');
      await shows(/in 2 s[\s\S]*● recording 0\.\d s[\s\S]*clips\/a\/a_001\.wav \(1\.00 s/);
      await shows(/clip 2 of 20: Enter to record/);
      terminal.stdin.write('q\n');
      const [code] = await once(terminal, 'close');
      expect(code).toBe(0);
      expect(screen).toMatch(/1 of 20 clips recorded/);
    } finally {
      terminal.kill('SIGKILL');
    }
  });
});

const noNaudiodon = lacksNaudiodon();

const skipped = lacksPrograms(...PULSE_PROGRAMS);

describe.skipIf(skipped)('record from a sound server', () => {
  const sources: [string, string][] = [
    ['PortAudio', 'portaudio'],
    ['a command', 'command:parec --raw --format=s16le --rate=16000 --channels=1 --latency-msec=50'],
  ];
  let pulse: Pulse;
  beforeEach(async () => {
    pulse = await startPulse();
  });
  afterEach(() => pulse.close());

  it.each(sources.filter(([name]) => name !== 'PortAudio' || !noNaudiodon))(
    'through %s hears what is played',
    async (_, source) => {
      // Begins with silence, because a sound server may swallow the first hundredths of a second.
      const clip = await writeWav(at('clip.wav'), [concatenate([silence(0.3), sweep])]);
      const args = ['--source', source, '--interval', '0.5', '--seconds', '6', '--count', '2'];
      const program = new Program(['record', '--label', 'sweep', ...args], pulse.env, dir);
      for (const number of [1, 2]) {
        await vi.waitFor(() => expect(program.stderr).toContain(`clip ${number} of 2: recording`), {
          timeout: 30_000,
        });
        await pulse.play(clip);
      }
      const { code, stdout, stderr } = await program.ended;
      expect(code, stderr).toBe(0);
      expect(stdout).toBe('2 of 2 clips recorded into clips/sweep, 0 refused\n');
      for (const name of ['sweep_001.wav', 'sweep_002.wav']) {
        const heard = await collect(decodeFile(at('clips', 'sweep', name)));
        expect(bestCorrelation(heard, sweep).correlation).toBeGreaterThan(0.99);
        expect(heard.length).toBeLessThan(2 * 16_000);
      }
    },
  );
});
