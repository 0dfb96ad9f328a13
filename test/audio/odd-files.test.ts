import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandSource } from '../../src/audio/command.js';
import { decodeFile } from '../../src/audio/decode.js';
import { FileSource } from '../../src/audio/file.js';
import { UserError } from '../../src/errors.js';
import { ManualClock } from '../support/clock.js';
import { SCENE } from '../support/daemon.js';
import { collect, silentLog, wavBytes } from '../support/sound.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odd-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('odd files', () => {
  it('a WAV whose sound is empty before other chunks holds no sound, whatever follows', async () => {
    const path = join(folder, 'empty-data.wav');
    const list = Buffer.concat([Buffer.from('LIST'), Buffer.from([200, 0, 0, 0]), Buffer.alloc(200, 0x55)]);
    await writeFile(path, Buffer.concat([wavBytes([[]]), list]));
    await expect(collect(decodeFile(path))).rejects.toBeInstanceOf(UserError);
  });

  it('a WAV from a pipe, with a length of 0, is read to its end', async () => {
    const path = join(folder, 'piped.wav');
    await writeFile(path, wavBytes([new Float32Array(500).fill(0.5)], { promisedBytes: 0 }));
    expect(await collect(decodeFile(path))).toEqual(new Float32Array(500).fill(0.5));
  });

  it('a FLAC behind an ID3 tag is a FLAC', async () => {
    const path = join(folder, 'tagged.flac');
    const tag = Buffer.concat([Buffer.from('ID3\x04\x00\x00\x00\x00\x02\x00', 'latin1'), Buffer.alloc(256)]);
    await writeFile(path, Buffer.concat([tag, await readFile(SCENE)]));
    expect(await collect(decodeFile(path))).toEqual(await collect(decodeFile(SCENE)));
  });

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
