import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { audioBelow } from '../../src/commands/support/audio-files.js';
import { filesBelow } from '../../src/system/files-below.js';
import { scanDataset } from '../../src/training/dataset.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-files-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), '');
  }
}
const below = (paths: readonly string[]) => paths.map((path) => path.slice(dir.length + 1));

describe('the files below a folder', () => {
  it('are given once each, in order, wherever links lead', async () => {
    put('in/b/2.wav', 'in/b/x/1.wav', 'in/a.txt', 'in/.hidden/3.wav', 'in/.4.wav', 'out/5.wav', 'out/6.wav');
    symlinkSync('..', join(dir, 'in', 'b', 'back'));
    symlinkSync('b', join(dir, 'in', 'again'));
    symlinkSync('../in', join(dir, 'out', 'in'));
    symlinkSync('../out', join(dir, 'in', 'linked'));
    symlinkSync('../../out', join(dir, 'in', 'b', 'linked'));
    symlinkSync('b/2.wav', join(dir, 'in', '2.wav'));
    symlinkSync('../out/5.wav', join(dir, 'in', '5.wav'));
    symlinkSync('nowhere', join(dir, 'in', 'broken.wav'));
    const { files, unreadable } = await filesBelow(join(dir, 'in'));
    expect(below(files)).toEqual([
      'in/a.txt',
      'in/b/2.wav',
      'in/b/linked/5.wav',
      'in/b/linked/6.wav',
      'in/b/x/1.wav',
      'in/broken.wav',
    ]);
    expect(unreadable).toEqual([]);
    expect(below((await filesBelow(join(dir, 'in'), join(dir, 'out'))).files)).toEqual([
      'in/5.wav',
      'in/a.txt',
      'in/b/2.wav',
      'in/b/x/1.wav',
      'in/broken.wav',
    ]);
  });

  it('are the same to every command, but for what each takes', async () => {
    put('set/a/1.wav', 'set/b/2.wav', 'set/b/note.txt');
    symlinkSync('..', join(dir, 'set', 'a', 'up'));
    symlinkSync('1.wav', join(dir, 'set', 'a', 'same.wav'));
    symlinkSync('.', join(dir, 'set', 'b', 'b'));
    expect(below(await audioBelow(join(dir, 'set')))).toEqual(['set/a/1.wav', 'set/b/2.wav']);
    symlinkSync('.', join(dir, 'set', 'a', 'a'));
    rmSync(join(dir, 'set', 'a', 'up'));
    const { clips, ignored } = await scanDataset(join(dir, 'set'));
    expect(below(clips.map(({ path }) => path))).toEqual(['set/a/1.wav', 'set/b/2.wav']);
    expect(below(ignored)).toEqual(['set/b/note.txt']);
  });

  it('are found beside a folder that cannot be read', async () => {
    put('in/a.wav', 'file');
    const { files, unreadable } = await filesBelow(join(dir, 'file'));
    expect([files, unreadable.map(({ folder }) => folder)]).toEqual([[], [join(dir, 'file')]]);
    await expect(audioBelow(join(dir, 'none'))).rejects.toThrow(/none: cannot be read: ENOENT/);
  });
});
