import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.js';
import { writeWav } from '../../src/audio/wav-writer.js';
import { ExitCode } from '../../src/errors.js';
import { chirp, collect, isCompleteWav, tone, wavBytes } from '../support/sound.js';

let folder: string;
const at = (name: string) => join(folder, name);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wav-writer-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeWav', () => {
  it('keeps every bit of every 16-bit value', async () => {
    const every = Float32Array.from({ length: 65_536 }, (_, i) => (i - 32_768) / 32_768);
    expect(await writeWav(at('every.wav'), [every.subarray(0, 999), every.subarray(999)])).toBe(65_536);
    expect(await collect(decodeFile(at('every.wav')))).toEqual(every);
  });

  it('writes what any other writer of plain WAV files writes', async () => {
    const samples = chirp(100, 5000, 5);
    await writeWav(at('a.wav'), [samples]);
    expect((await readFile(at('a.wav'))).equals(wavBytes([samples]))).toBe(true);
    await writeWav(at('none.wav'), []);
    expect((await readFile(at('none.wav'))).equals(wavBytes([[]]))).toBe(true);
  });

  it('saturates beyond full scale and rounds to the nearest value', async () => {
    const samples = Float32Array.of(
      1,
      1.5,
      40,
      -1,
      -1.5,
      Number.POSITIVE_INFINITY,
      1.4 / 32_768,
      1.6 / 32_768,
    );
    await writeWav(at('loud.wav'), [samples]);
    const bytes = (await readFile(at('loud.wav'))).subarray(44);
    const written = Array.from({ length: 8 }, (_, i) => bytes.readInt16LE(2 * i));
    expect(written).toEqual([32_767, 32_767, 32_767, -32_768, -32_768, 32_767, 1, 2]);
  });

  it('makes the folders it needs, and takes the longest name there can be', async () => {
    const path = join(folder, 'a', 'b', `${'x'.repeat(251)}.wav`);
    await writeWav(path, [tone(440, 0.1)]);
    expect(await isCompleteWav(path)).toBe(true);
  });

  it('leaves what was there, and nothing else, where the sound breaks off', async () => {
    await writeFile(at('old.wav'), 'old');
    const breaking = async function* () {
      for (let i = 0; i < 100; i++) yield tone(440, 0.1);
      throw new Error('broken');
    };
    await expect(writeWav(at('old.wav'), breaking())).rejects.toThrow('broken');
    expect(await readdir(folder)).toEqual(['old.wav']);
    expect(await readFile(at('old.wav'), 'utf8')).toBe('old');
  });

  it('leaves nothing, and throws its reason, where the signal aborts', async () => {
    const stop = new AbortController();
    const endless = async function* () {
      for (let i = 0; ; i++) {
        if (i === 100) stop.abort(new Error('enough'));
        yield tone(440, 0.1);
      }
    };
    await expect(writeWav(at('a.wav'), endless(), { signal: stop.signal })).rejects.toThrow('enough');
    expect(await readdir(folder)).toEqual([]);
  });

  it('makes no folder for sound that never comes', async () => {
    // biome-ignore lint/correctness/useYield: it breaks before the first block
    const broken = async function* (): AsyncGenerator<Float32Array> {
      throw new Error('no sound');
    };
    await expect(writeWav(join(folder, 'a', 'b.wav'), broken())).rejects.toThrow('no sound');
    expect(await readdir(folder)).toEqual([]);
  });

  it('says where it cannot write, and leaves nothing there', async () => {
    await writeFile(at('file'), '');
    const failure = { code: ExitCode.cannotCreate, message: expect.stringContaining(join('file', 'a.wav')) };
    await expect(writeWav(join(folder, 'file', 'a.wav'), [tone(440, 0.1)])).rejects.toMatchObject(failure);
    expect(await readdir(folder)).toEqual(['file']);
  });
});

describe('isCompleteWav', () => {
  it('knows a file that was written to its end from any other', async () => {
    await writeWav(at('a.wav'), [tone(440, 0.5)]);
    expect(await isCompleteWav(at('a.wav'))).toBe(true);
    await truncate(at('a.wav'), 10_000);
    expect(await isCompleteWav(at('a.wav'))).toBe(false);
    await truncate(at('a.wav'), 20);
    expect(await isCompleteWav(at('a.wav'))).toBe(false);
    await writeFile(at('b.wav'), wavBytes([tone(440, 0.5, 8000)], { rateHz: 8000 }));
    expect(await isCompleteWav(at('b.wav'))).toBe(false);
    expect(await isCompleteWav(at('none.wav'))).toBe(false);
    expect(await isCompleteWav(folder)).toBe(false);
  });
});
