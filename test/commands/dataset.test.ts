import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/training/random.js';
import { run } from '../support/daemon.js';
import { wavBytes } from '../support/sound.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-dataset-'));
  for (const [c, label] of ['door', 'tap'].entries()) {
    mkdirSync(join(dir, label));
    for (let i = 0; i < 20; i++) write(`${label}/${'abcde'[i % 5]}take${i}.wav`, c * 100 + i);
  }
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(path: string, seed: number, gain = 0.5) {
  const random = createRandom(seed);
  const beats = Array.from({ length: 10 }, () => random() ** 2);
  const samples = Float32Array.from(
    { length: 8000 },
    (_, i) => gain * (2 * random() - 1) * beats[Math.floor(i / 800)]!,
  );
  writeFileSync(join(dir, path), wavBytes([samples]));
}

describe('dataset check', () => {
  it('passes clean data', async () => {
    const { code, stdout } = await run(['dataset', 'check', dir]);
    expect(stdout).toMatch(/^class +clips +recordings +seconds\ndoor +20 /);
    expect(stdout).toContain('Nothing to mend.');
    expect(code).toBe(0);
  });

  it('names what must be mended and what to do, and exits with 65', async () => {
    write('door/copy.wav', 3);
    write('tap/strayed.wav', 4, 0.25);
    writeFileSync(join(dir, 'tap', 'broken.wav'), 'no sound');
    const { code, stdout, stderr } = await run(['dataset', 'check', dir]);
    expect(stdout).toMatch(/FAULT {2}1 clip cannot be read\n +→ Remove .*\n +tap\/broken\.wav/);
    expect(stdout).toMatch(/FAULT {2}2 clips in more than one class.*\n.*\n.*tap\/strayed\.wav/);
    expect(stdout).toMatch(/FAULT {2}2 clips exact copies.*\n.*\n.*door\/copy\.wav/);
    expect(stdout).toContain('3 kinds of faults to mend');
    expect(stderr).not.toContain('error');
    expect(code).toBe(65);
  });

  it('exits with 0 where there are warnings alone, and gives all of it as JSON', async () => {
    mkdirSync(join(dir, 'bell'));
    write('bell/ring.wav', 500);
    writeFileSync(join(dir, 'notes.md'), 'about');
    const { code, stdout } = await run(['dataset', 'check', dir, '--json']);
    const { classes, findings, ignored } = JSON.parse(stdout);
    expect(classes).toContainEqual({ label: 'bell', clips: 1, recordings: 1, seconds: 0.5 });
    expect(findings.map(({ kind }: { kind: string }) => kind)).toEqual(['too-few', 'imbalance']);
    expect(ignored).toEqual([join(dir, 'notes.md')]);
    expect(code).toBe(0);
  });

  it.each<[string, string[], number, RegExp]>([
    ['a folder that is not there', ['/nonesuch'], 66, /\/nonesuch: cannot be read/],
    ['a pattern that is none', ['.', '--group-by', '('], 64, /--group-by \(: /],
  ])('refuses %s', async (_, args, exitCode, message) => {
    const { code, stderr } = await run(['dataset', 'check', ...args]);
    expect(stderr).toMatch(message);
    expect(code).toBe(exitCode);
  });
});
