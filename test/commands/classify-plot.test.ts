import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program, run, SCENE } from '../support/daemon.js';
import { GOLDEN } from '../support/golden.js';
import { lacksTerminal, runOnTerminal } from '../support/terminal.js';

const SILENCE = join(GOLDEN, 'silence.wav');
const NOISE = join(GOLDEN, 'white-noise.wav');
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-plot-'));
  mkdirSync(join(dir, 'other'));
  copyFileSync(NOISE, join(dir, 'other', 'silence.wav'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('classify --plot', () => {
  it('draws what it says, as SVG', async () => {
    const path = join(dir, 'scene.svg');
    const { code, stdout, stderr } = await run(['classify', '--json', '--plot', path, SCENE]);
    expect(code, stderr).toBe(0);
    const { alarms, verdict } = JSON.parse(stdout);
    const svg = readFileSync(path, 'utf8');
    expect(svg).toContain(`taken for ${verdict}`);
    for (const { kind, startSeconds } of alarms)
      expect(svg).toContain(`${kind} ${Number(startSeconds.toFixed(1))} s to`);
    // Every class is heard in it, and so every colour is in the waveform.
    for (const colour of [0, 1, 2, 3]) expect(svg).toMatch(new RegExp(`<path class="f${colour}" d="M`));
  });

  it('draws PNG without a browser', async () => {
    const path = join(dir, 'scene.png');
    const { code, stderr } = await run(['classify', '--plot', path, SILENCE]);
    expect(code).toBe(0);
    expect(stderr).toBe(`plot: ${path}\n`);
    const { width, data } = decode(readFileSync(path));
    expect(width).toBe(2400);
    expect(new Set(data).size).toBeGreaterThan(50); // there is something on it
  });

  it('draws all of a folder into a folder, called as the recordings are', async () => {
    const sounds = join(dir, 'sounds');
    mkdirSync(join(sounds, 'below'), { recursive: true });
    copyFileSync(SILENCE, join(sounds, 'a.wav'));
    copyFileSync(NOISE, join(sounds, 'below', 'a.wav'));
    const plots = join(dir, 'plots', 'of today');
    const { code } = await run(['classify', '--plot', plots, '--plot-format', 'svg', sounds, SILENCE]);
    expect(code).toBe(0);
    expect(readdirSync(plots, { recursive: true }).sort()).toEqual([
      'a.wav.svg',
      'below',
      'below/a.wav.svg',
      'silence.wav.svg',
    ]);
    const html = await run(['classify', '--plot', `${plots}/`, SILENCE]);
    expect(html.code).toBe(0);
    expect(readFileSync(join(plots, 'silence.wav.html'), 'utf8')).toContain('src="data:audio/wav;base64,');
  });

  it('goes on past a bad file', async () => {
    const sounds = join(dir, 'some bad');
    mkdirSync(sounds);
    copyFileSync(SILENCE, join(sounds, 'good.wav'));
    copyFileSync(join(GOLDEN, 'event.json'), join(sounds, 'bad.wav'));
    const plots = join(dir, 'bad plots');
    const { code } = await run(['classify', '--plot', plots, '--plot-format', 'svg', sounds]);
    expect(code).toBe(65);
    expect(readdirSync(plots)).toEqual(['good.wav.svg']);
  });

  it.each<[string, string[], number, RegExp]>([
    [
      'a kind that there is not',
      ['--plot', 'x.jpg', SILENCE],
      64,
      /no such picture as \.jpg\n {2}hint: .*\.svg, \.png or \.html/,
    ],
    [
      'two recordings in one picture',
      ['--plot', 'x.png', SILENCE, NOISE],
      64,
      /one picture for 2 recordings\n {2}hint: .*--plot plots\/ --plot-format png/,
    ],
    ['a name that contradicts', ['--plot', 'x.png', '--plot-format', 'svg', SILENCE], 64, /x\.png is no svg/],
    ['a kind of nothing', ['--plot-format', 'svg', SILENCE], 64, /there is no --plot/],
    [
      'a folder that is not there',
      ['--plot', '/nonesuch/x.svg', SILENCE],
      73,
      /\/nonesuch\/x\.svg cannot be written/,
    ],
    [
      'two recordings of one name',
      ['--plot', 'x/', SILENCE, 'other/silence.wav'],
      64,
      /would have the same picture/,
    ],
  ])('refuses %s before it listens', async (_, args, exitCode, message) => {
    const { code, stdout, stderr } = await run(['classify', ...args], {}, dir);
    expect(stderr).toMatch(message);
    expect(code).toBe(exitCode);
    expect(stdout).toBe('');
    expect(existsSync(join(dir, 'x.png'))).toBe(false);
  });
});

describe('classify --plot without the packages that draw PNG', () => {
  it('says so before it listens, and draws the others', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const folder = join(dir, 'without');
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    for (const path of ['dist', 'package.json'])
      cpSync(join(root, path), join(folder, path), { recursive: true });
    symlinkSync(join(root, 'models'), join(folder, 'models'));
    for (const name of readdirSync(join(root, 'node_modules')))
      if (name !== '@resvg')
        symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
    const classify = (place: string) =>
      new Program(['classify', '--plot', place, SILENCE], {}, folder, join(folder, 'dist/main.js')).ended;
    const { code, stdout, stderr } = await classify('x.png');
    expect(stderr).toMatch(
      /^error: a PNG cannot be drawn: .*@resvg\/resvg-js.*\n {2}hint: Install .*\.svg or \.html\.\n$/,
    );
    expect(code).toBe(69);
    expect(stdout).toBe('');
    expect((await classify('x.svg')).code).toBe(0);
  });
});

describe.skipIf(lacksTerminal())('classify on a terminal', () => {
  const lines = (screen: string) => screen.trimEnd().split(/\r?\n/);

  it('shows each file in one line, in colours', async () => {
    const { screen } = await runOnTerminal(['classify', SCENE]);
    const strip = lines(screen).at(-2) ?? '';
    expect(stripVTControlCharacters(strip)).toMatch(/^[▁▂▃▄▅▆▇█]{40,79}$/);
    for (const colour of [90, 34, 33, 31, 41]) expect(strip).toContain(`\x1b[${colour}m`);
    expect(lines(screen).at(-1)).toContain('\x1b[31mabnormal\x1b[39m');
  });

  it('does without them where none are wanted, and says the classes by letters', async () => {
    const { screen } = await runOnTerminal(['classify', SCENE], { NO_COLOR: '1' });
    expect(screen).not.toContain('\x1b');
    expect(lines(screen).at(-2)).toMatch(/^b+w+s+a+A+B+b.*W+$/);
  });

  it('leaves JSON, and what is no terminal, as they are', async () => {
    const { screen } = await runOnTerminal(['classify', '--json', SILENCE]);
    expect(JSON.parse(screen).verdict).toBe('background');
    const { stdout } = await run(['classify', SILENCE]);
    expect(stdout).not.toMatch(/[▁-█]/);
    expect(stdout).not.toContain('\x1b');
  });
});
