import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readPieces } from '../../src/commands/support/surroundings.js';
import { SCENE } from '../support/daemon.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-surroundings-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the sound that clips are laid into', () => {
  it('is read without the files that are none, which are named, as long as there is any', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    try {
      writeFileSync(join(dir, 'bad.wav'), 'no sound');
      const read = () => readPieces([dir], 1, new AbortController().signal);
      await expect(read()).rejects.toThrow(/there is no recording of a second or more in it/);
      copyFileSync(SCENE, join(dir, 'good.flac'));
      expect((await read()).length).toBeGreaterThan(0);
      expect(said.mock.lastCall).toEqual([expect.stringMatching(/^warning: left out: .*bad\.wav: /)]);
    } finally {
      said.mockRestore();
    }
  });
});
