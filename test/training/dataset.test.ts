import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { type Clip, scanDataset } from '../../src/training/dataset.js';
import { splitByGroup } from '../../src/training/split.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-dataset-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function files(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), '');
  }
}

/** `[path below dir, group]` of every clip. */
async function groups(groupBy?: RegExp): Promise<[string, string][]> {
  const { clips } = await scanDataset(dir, groupBy && { groupBy });
  return clips.map(({ path, group }) => [path.slice(dir.length + 1), group]);
}

describe('scanning a dataset', () => {
  it('takes a class from each folder, sorted, with all audio files below it', async () => {
    files('water/tap/a.WAV', 'water/b.flac', 'doorbell/c.ogg', 'doorbell/d.mp3', 'doorbell/e.opus');
    const { labels, clips, ignored } = await scanDataset(dir);
    expect(labels).toEqual(['doorbell', 'water']);
    expect(clips.map(({ label, path }) => [label, path.slice(dir.length + 1)])).toEqual([
      ['doorbell', 'doorbell/c.ogg'],
      ['doorbell', 'doorbell/d.mp3'],
      ['doorbell', 'doorbell/e.opus'],
      ['water', 'water/b.flac'],
      ['water', 'water/tap/a.WAV'],
    ]);
    expect(ignored).toEqual([]);
  });

  it('leaves hidden files alone and names those that are no clips', async () => {
    files('.git/x.wav', 'a/.b.wav', 'a/1.wav', 'a/notes.txt', 'b/2.wav', 'README.md', 'stray.wav');
    const { clips, ignored } = await scanDataset(dir);
    expect(clips).toHaveLength(2);
    expect(ignored).toEqual(['README.md', 'a/notes.txt', 'stray.wav'].map((name) => join(dir, name)));
  });

  it.each<[string, string[], RegExp]>([
    ['no class folder', ['stray.wav'], /no class folder/],
    ['a class without clips', ['a/1.wav', 'b/notes.txt', 'c/.hidden.wav'], /no audio file in b, c/],
    ['a single class', ['a/1.wav', 'a/2.wav'], /only one class, a/],
  ])('refuses a folder with %s', async (_, names, message) => {
    files(...names);
    const error = await scanDataset(dir).catch((reason) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ code: 65, message: expect.stringMatching(message) });
  });

  it('refuses a folder that is not there', async () => {
    await expect(scanDataset(join(dir, 'none'))).rejects.toMatchObject({ code: 66 });
  });

  it('takes consecutive numbers of one stem for cuts of one recording, in the order of their numbers', async () => {
    files('a/x_9.wav', 'a/x_10.wav', 'a/x_11.wav', 'a/y_12.wav', 'b/x_13.wav');
    expect(await groups()).toEqual([
      ['a/x_9.wav', 'a/x_9'],
      ['a/x_10.wav', 'a/x_9'],
      ['a/x_11.wav', 'a/x_9'],
      ['a/y_12.wav', 'a/y_12'],
      ['b/x_13.wav', 'b/x_13'],
    ]);
  });

  it('begins another recording where numbers leap by more than ten, and with every name without a number', async () => {
    files(
      'a/100.wav',
      'a/110.wav',
      'a/121.wav',
      'a/scream.wav',
      'a/yell.wav',
      'b/tap 3 (2).wav',
      'b/tap 3 (1).wav',
    );
    expect(await groups()).toEqual([
      ['a/100.wav', 'a/100'],
      ['a/110.wav', 'a/100'],
      ['a/121.wav', 'a/121'],
      ['a/scream.wav', 'a/scream'],
      ['a/yell.wav', 'a/yell'],
      ['b/tap 3 (1).wav', 'b/tap 3 (1)'],
      ['b/tap 3 (2).wav', 'b/tap 3 (1)'],
    ]);
  });

  it('takes recordings from a pattern: its first group, else the whole match', async () => {
    files('a/anna_kitchen_1.wav', 'a/bert_bath_2.wav', 'b/anna_bath_1.wav');
    expect((await groups(/(anna|bert)_/)).map(([, group]) => group)).toEqual(['anna', 'bert', 'anna']);
    expect((await groups(/kitchen|bath/g)).map(([, group]) => group)).toEqual(['bath', 'kitchen', 'bath']);
    await expect(groups(/kitchen/)).rejects.toMatchObject({
      message: expect.stringContaining('a/bert_bath_2'),
    });
  });
});

describe('splitting a dataset', () => {
  const run = (label: string, group: string, count: number): Clip[] =>
    Array.from({ length: count }, (_, cut) => ({ path: `${label}/${group}_${cut}`, label, group, cut }));
  const named = (label: string, group: string, count: number): Clip[] =>
    run(label, group, count).map(({ cut: _, ...clip }) => clip);
  const many = [...Array(40).keys()].flatMap((i) => run('a', `a${i}`, 1 + (i % 5)));
  const paths = (clips: readonly Clip[]) => clips.map(({ path }) => path);

  it('keeps every recording on one side and comes near to the share', () => {
    const { training, validation, leftOut } = splitByGroup(many, 0.2, 1);
    const there = new Set(validation.map(({ group }) => group));
    expect(training.filter(({ group }) => there.has(group))).toEqual([]);
    expect(leftOut).toEqual([]);
    expect(training.length + validation.length).toBe(many.length);
    expect(Math.abs(validation.length - many.length * 0.2)).toBeLessThanOrEqual(2);
  });

  it('depends on the seed alone', () => {
    const split = (seed: number) => paths(splitByGroup(many, 0.2, seed).validation);
    expect(split(7)).toEqual(split(7));
    expect(split(8)).not.toEqual(split(7));
  });

  it('cuts one long recording in two, with a margin that belongs to neither', () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const clips = run('a', 'long', 100);
      const { training, validation, leftOut, warnings } = splitByGroup(clips, 0.2, seed);
      expect([training.length, validation.length, leftOut.length]).toEqual([78, 20, 2]);
      const cuts = validation.map(({ cut }) => cut as number);
      expect(Math.max(...cuts) - Math.min(...cuts)).toBe(19);
      const distance = Math.min(
        ...training.flatMap(({ cut = 0 }) => cuts.map((other) => Math.abs(other - cut))),
      );
      expect(distance).toBe(3);
      expect(warnings).toEqual([]);
    }
  });

  it('never cuts a recording that a person has named, and says what that costs', () => {
    const { training, validation, warnings } = splitByGroup(
      [...named('a', 'only', 10), ...named('b', 'one', 5), ...named('b', 'two', 5)],
      0.4,
      1,
    );
    expect(new Set(validation.map(({ label }) => label))).toEqual(new Set(['b']));
    expect(training.filter(({ label }) => label === 'a')).toHaveLength(10);
    expect(warnings).toEqual([expect.stringContaining('class a has one recording')]);
  });

  it('keeps a named recording on one side in all classes', () => {
    const clips = [...Array(10).keys()].flatMap((i) => [
      ...named('a', `r${i}`, 3),
      ...named('b', `r${i}`, 2),
    ]);
    const { training, validation } = splitByGroup(clips, 0.3, 5);
    const there = new Set(validation.map(({ group }) => group));
    expect(training.filter(({ group }) => there.has(group))).toEqual([]);
    expect(validation.filter(({ label }) => label === 'b')).toHaveLength(6);
  });

  it('always leaves something of a class to learn from', () => {
    const { training, validation } = splitByGroup([...run('a', 'x', 1), ...run('b', 'y', 2)], 0.5, 1);
    expect(paths(training)).toContain('a/x_0');
    expect(training.filter(({ label }) => label === 'b')).toHaveLength(1);
    expect(validation).toHaveLength(1);
  });

  it('validates a class of a few long recordings with the shortest, however long that is', () => {
    for (const seed of [1, 2, 3, 4]) {
      const equal = ['x', 'y', 'z'].flatMap((group) => named('a', group, 10));
      const three = splitByGroup(equal, 0.2, seed);
      expect([three.training.length, three.validation.length]).toEqual([20, 10]);
      expect(three.warnings).toEqual([]);
      const two = splitByGroup([...named('b', 'long', 30), ...named('b', 'short', 20)], 0.2, seed);
      expect(new Set(two.validation.map(({ group }) => group))).toEqual(new Set(['short']));
    }
  });

  it('takes from no class the last recording that it learns from, whatever class it is split for', () => {
    const shared = [
      ...['r1', 'r2'].flatMap((group) => named('a', group, 5)),
      ...['r3', 'r4'].flatMap((group) => named('b', group, 5)),
      ...['r1', 'r3'].flatMap((group) => named('c', group, 5)),
    ];
    const labelsOf = (clips: readonly Clip[]) => [...new Set(clips.map(({ label }) => label))].sort();
    for (let seed = 1; seed <= 16; seed++) {
      const { training, validation, warnings } = splitByGroup(shared, 0.4, seed);
      expect(labelsOf(training)).toEqual(['a', 'b', 'c']);
      const unvalidated = ['a', 'b', 'c'].filter((label) => !labelsOf(validation).includes(label));
      expect(
        warnings.map((warning) => /^class (\w) has 2 recordings, all needed/.exec(warning)?.[1]),
      ).toEqual(unvalidated);
    }
  });

  it('keeps everything in training without a share', () => {
    expect(splitByGroup(many, 0, 1)).toEqual({ training: many, validation: [], leftOut: [], warnings: [] });
  });
});
