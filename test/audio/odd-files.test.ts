import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandSource } from '../../src/audio/command.js';
import { FileSource } from '../../src/audio/file.js';
import { ManualClock } from '../support/clock.js';
import { silentLog, wavBytes } from '../support/sound.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odd-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('odd files', () => {
  it('a damaged file that is repeated is complained about once', async () => {
    const path = join(folder, 'damaged.wav');
    await writeFile(path, wavBytes([new Float32Array(1600)], { promisedBytes: 9999 }));
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
    const source = new FileSource(
      { path, loop: true, speed: Number.POSITIVE_INFINITY },
      log,
      new ManualClock(),
    );
    let chunks = 0;
    for await (const _ of source.chunks(new AbortController().signal)) if (++chunks === 5) break;
    expect(warnings).toHaveLength(1);
  });
});

it.each([
  'ffmpeg -i rtsp://user:p@ss/word@cam/1 -f s16le -',
  'curl http://cam/audio?user=x&password=secret1&x=1',
  'curl https://cam/audio?token=secret2',
])('a command’s passwords are not shown: %s', (command) => {
  const layout = { format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;
  const { description } = new CommandSource(command, layout, silentLog, new ManualClock());
  expect(description).not.toMatch(/word@|secret/);
  expect(description).toContain('***');
});
