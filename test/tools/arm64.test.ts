import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  dockerStages,
  readCopy,
  readEnvironment,
  readSteps,
  shellBlock,
} from '../../tools/arm64/read-steps.js';
import { compare } from '../../tools/arm64/try-program.js';

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe("README's steps for arm64, as tools/arm64 runs them", () => {
  const readme = text('README.md');

  const steps = readSteps(readme);

  it('install Node, pack the clone, and install what was packed', () => {
    expect(steps.node).toBe('sudo apt-get install nodejs npm');
    expect([...steps.demo, ...steps.pack]).toEqual(['npm install && npm run demo', 'npm pack']);
    expect(steps.install.at(-1)).toMatch(/^sudo ln -s .+ \/usr\/local\/bin\/bathnet2mqtt$/);
    const { name, version } = JSON.parse(text('package.json'));
    expect(steps.install.join('\n')).toContain(`~/${name}-${version}.tgz`);
  });

  it('build naudiodon with the PortAudio of the distribution', () => {
    expect(steps.naudiodon.join('\n')).toContain('/usr/lib/aarch64-linux-gnu/libportaudio.so.2');
    // Without <string> naudiodon 2.3.6 does not compile with g++ 14, and npm drops it without a word.
    for (const line of [...steps.install, ...steps.naudiodon].filter((text) =>
      /npm (install(?!.*--ignore-scripts)|rebuild)/.test(text),
    ))
      expect(line).toContain("CXXFLAGS='-include string'");
    expect(steps.naudiodon.at(-1)).toMatch(/ npm rebuild naudiodon segfault-handler$/);
  });

  it('are refused where README has them no more, or twice', () => {
    expect(() => shellBlock(readme, 'Install it', 'make install')).toThrow(
      'in "Install it" nothing begins with "make install"',
    );
    expect(() => shellBlock(readme, 'No such heading', 'npm')).toThrow(
      'there is no section "No such heading"',
    );
    const twice = '# Page\n## A\n```sh\nls # comment\n```\n### B\n```sh\n# what\nls -l\n```\n## C\n';
    expect(() => shellBlock(twice, 'A', 'ls')).toThrow('in "A" more than one begins with "ls"');
    expect(shellBlock(twice, 'B', 'ls')).toEqual(['ls -l']);
  });
});

describe("the Dockerfile's steps, as tools/arm64 runs them", () => {
  const stages = dockerStages(text('Dockerfile'));

  it('are two stages on one base, each instruction whole', () => {
    expect(stages.map(({ base, name }) => [base, name])).toEqual([
      ['node:22-bookworm-slim', 'build'],
      ['node:22-bookworm-slim', undefined],
    ]);
    const instructions = stages.flatMap((stage) => stage.instructions);
    for (const { text } of instructions) expect(text).not.toMatch(/\\|\n|#/);
    const rebuilt = instructions.find(({ text }) => text.includes('npm rebuild'));
    expect(rebuilt?.text).toMatch(
      /^npm pkg delete .+ && npm install .+ && npm rebuild naudiodon segfault-handler$/,
    );
  });

  it('copy and set what it says', () => {
    expect(readCopy('package.json package-lock.json ./')).toEqual({
      from: undefined,
      sources: ['package.json', 'package-lock.json'],
      target: './',
    });
    expect(readCopy('--from=build /opt/dist dist')).toEqual({
      from: 'build',
      sources: ['/opt/dist'],
      target: 'dist',
    });
    expect(readEnvironment('A=1 B_=x=y')).toEqual({ A: '1', B_: 'x=y' });
  });

  it('are refused where they are of a kind that is not run', () => {
    expect(() => dockerStages('FROM x\nADD a b\n')).toThrow('the Dockerfile\'s "ADD a b" is not known here');
    expect(() => readCopy('--chown=node a b')).toThrow('is not known here');
    expect(() => readEnvironment('A="1 2"')).toThrow('is not known here');
  });
});

describe('what is compared with the answers of this machine', () => {
  const heard = (abnormal: number, verdict = 'abnormal', alarms = [{ kind: 'scream', startSeconds: 3 }]) => ({
    verdict,
    windows: [{ label: verdict, scores: { abnormal, water: 0.1 } }],
    alarms,
  });

  it('is the same within the tolerance, or said', () => {
    expect(compare(heard(0.9), heard(0.9001), 0.0002)).toContain('differ by at most 0.0001');
    expect(() => compare(heard(0.9), heard(0.91), 0.0002)).toThrow('scores differ by up to 0.01');
    expect(() => compare(heard(0.9), heard(Number.NaN), 0.0002)).toThrow('NaN');
    expect(() => compare(heard(0.9), heard(0.9, 'water'), 0.0002)).toThrow('water instead of abnormal');
    expect(() => compare(heard(0.9), heard(0.9, 'abnormal', []), 0.0002)).toThrow('alarms [] instead of');
    expect(() => compare(heard(0.9), { ...heard(0.9), windows: [] }, 0.0002)).toThrow(
      '0 windows instead of 1',
    );
  });
});
