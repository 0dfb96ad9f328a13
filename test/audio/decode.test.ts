import { execFileSync } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.js';
import { ExitCode, UserError } from '../../src/errors.js';
import { lacksPrograms } from '../support/require.js';
import {
  chirp,
  collect,
  correlate,
  ffmpeg,
  readPlainWav,
  snrDb,
  tone,
  wavBytes,
  writeWav,
} from '../support/sound.js';

let folder: string;
const at = (name: string) => join(folder, name);
/** Loud, with both rails reached, 1.5 s. */
const original = chirp(100, 6000, 1.5).map((value, i) =>
  i === 7 ? -1 : i === 9 ? 32_767 / 32_768 : value * 1.9,
);
/** As integers of so many bits hold it; adding 0 makes −0 a plain 0, as integers have no other. */
function asInteger(bits: number): Float32Array {
  const scale = 2 ** (bits - 1);
  return original.map((value) => Math.min(Math.round(value * scale), scale - 1) / scale + 0);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'decode-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function failure(path: string): Promise<UserError> {
  const error = await collect(decodeFile(path)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe('WAV', () => {
  it.each([
    [8, false],
    [16, false],
    [24, false],
    [32, false],
    [32, true],
  ] as const)(
    'decodes %i bits (float: %s) to the last bit of a float, plain and extensible',
    async (bits, float) => {
      for (const extensible of [false, true]) {
        const path = await writeWav(at('bits.wav'), [original], { bits, float, extensible });
        const samples = await collect(decodeFile(path));
        if (bits === 32) expect(snrDb(samples, original)).toBeGreaterThan(140);
        else expect(samples).toEqual(asInteger(bits));
      }
    },
  );

  it('decodes the golden clips bit by bit, in blocks of at most 1600 samples', async () => {
    const golden = new URL('../golden/', import.meta.url).pathname;
    for (const name of (await readdir(golden)).filter((file) => file.endsWith('.wav'))) {
      const path = join(golden, name);
      for await (const block of decodeFile(path)) expect(block.length).toBeLessThanOrEqual(1600);
      expect(await collect(decodeFile(path))).toEqual(await readPlainWav(path));
    }
  });

  it('mixes six channels down to their mean', async () => {
    const path = await writeWav(at('six.wav'), [
      original,
      original.map((v) => -v),
      original,
      original,
      original,
      original,
    ]);
    expect(
      snrDb(
        await collect(decodeFile(path)),
        asInteger(16).map((v) => (v * 4) / 6),
      ),
    ).toBeGreaterThan(90);
  });

  it('skips chunks before the sound, the padding of odd ones and what follows it', async () => {
    const path = at('chunks.wav');
    const bytes = wavBytes([original], { chunk: { id: 'LIST', data: Buffer.from('odd') } });
    await writeFile(path, Buffer.concat([bytes, Buffer.from('LIST\x04\0\0\0tail')]));
    expect(await collect(decodeFile(path))).toEqual(asInteger(16));
  });

  it('reads to the end where a pipe did not know the length', async () => {
    const warnings: string[] = [];
    for (const promisedBytes of [0, 0xffff_ffff, 0x7fff_ffff]) {
      const path = await writeWav(at('piped.wav'), [original], { promisedBytes });
      expect(await collect(decodeFile(path, (message) => warnings.push(message)))).toEqual(asInteger(16));
    }
    expect(warnings).toEqual([]);
  });

  it('decodes what is there of a file that is cut off, and says so', async () => {
    const path = at('cut.wav');
    await writeFile(path, wavBytes([original]).subarray(0, 44 + 2001));
    const warnings: string[] = [];
    expect(await collect(decodeFile(path, (message) => warnings.push(message)))).toEqual(
      asInteger(16).subarray(0, 1000),
    );
    expect(warnings).toEqual([
      `${path} is damaged: ${original.length * 2 - 2001} of ${original.length * 2} bytes are missing`,
    ]);
  });

  it('turns values that are no numbers into silence', async () => {
    const path = await writeWav(at('nan.wav'), [[0.5, Number.NaN, Number.POSITIVE_INFINITY, -0.25]], {
      bits: 32,
      float: true,
    });
    expect([...(await collect(decodeFile(path)))]).toEqual([0.5, 0, 0, -0.25]);
  });

  it('resamples 8, 22.05, 44.1, 48, 96 and 192 kHz with at least 60 dB signal to noise and the right length', async () => {
    for (const rateHz of [8_000, 22_050, 44_100, 48_000, 96_000, 192_000]) {
      const path = await writeWav(at('rate.wav'), [chirp(200, 3500, 1, rateHz)], { rateHz, bits: 24 });
      const samples = await collect(decodeFile(path));
      expect(samples).toHaveLength(16_000);
      expect(snrDb(samples, chirp(200, 3500, 1), 400)).toBeGreaterThan(60);
    }
  });

  it('reads only as much of the file as is taken', async () => {
    const path = at('long.wav');
    await writeFile(path, wavBytes([[]], { promisedBytes: 16_000 * 2 * 3600 }));
    const file = await open(path, 'r+');
    await file.truncate(44 + 16_000 * 2 * 3600);
    await file.close();
    const before = process.memoryUsage();
    const blocks = decodeFile(path);
    for (let i = 0; i < 10; i++) expect((await blocks.next()).value).toHaveLength(1600);
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(4 * 2 ** 20);
    await blocks.return();
  });
});

describe.skipIf(lacksPrograms('ffmpeg'))('formats, against files made by ffmpeg', () => {
  beforeAll(() => writeWav(at('original.wav'), [original]));

  it.each([
    ['s16.flac', ['-c:a', 'flac']],
    ['s24.flac', ['-c:a', 'flac', '-sample_fmt', 's32']],
    ['flac.ogg', ['-c:a', 'flac']],
    ['other.wav', ['-c:a', 'pcm_s24le']],
  ])('decodes lossless %s exactly', async (name, args) => {
    ffmpeg('-i', at('original.wav'), ...args, at(name));
    expect(await collect(decodeFile(at(name)))).toEqual(asInteger(16));
  });

  it.each([
    ['stereo.flac', 60, ['-c:a', 'flac']],
    ['vorbis.ogg', 20, ['-c:a', 'libvorbis', '-q:a', '8']],
    ['opus.ogg', 20, ['-c:a', 'libopus', '-b:a', '160k']],
    ['layer3.mp3', 20, ['-c:a', 'libmp3lame', '-b:a', '192k']],
  ])('decodes %s of 44.1 or 48 kHz, stereo, aligned with its original', async (name, leastDb, args) => {
    const clip = chirp(200, 5000, 1.5);
    await writeWav(at('clip.wav'), [clip]);
    ffmpeg(
      '-i',
      at('clip.wav'),
      '-ac',
      '2',
      '-ar',
      name === 'opus.ogg' ? '48000' : '44100',
      ...args,
      at(name),
    );
    const samples = await collect(decodeFile(at(name)));
    expect(Math.abs(samples.length - clip.length)).toBeLessThanOrEqual(20);
    // ffmpeg lowers mono by 3 dB for each of two channels, or not, depending on its version.
    const gain = correlate(samples, clip) * Math.sqrt(power(samples) / power(clip));
    expect(
      snrDb(
        samples,
        clip.map((value) => value * gain),
        800,
      ),
    ).toBeGreaterThan(leastDb);
  });

  it.each(['flac', 'ogg', 'opus', 'mp3'])(
    'says so when the end of a %s file is missing',
    async (extension) => {
      // Noise, so that the file is long enough to have many pages.
      ffmpeg('-f', 'lavfi', '-i', 'anoisesrc=d=20:r=44100:a=0.3:seed=1', at(`whole.${extension}`));
      const bytes = await readFile(at(`whole.${extension}`));
      const warnings: string[] = [];
      const whole = await collect(decodeFile(at(`whole.${extension}`), (message) => warnings.push(message)));
      expect(whole.length / 16_000).toBeCloseTo(20, 1);
      expect(warnings).toEqual([]);
      await writeFile(at(`cut.${extension}`), bytes.subarray(0, Math.round(bytes.length * 0.6)));
      const samples = await collect(decodeFile(at(`cut.${extension}`), (message) => warnings.push(message)));
      expect(samples.length).toBeGreaterThan(16_000 * 5);
      expect(samples.length).toBeLessThan(16_000 * 14);
      expect(warnings).toHaveLength(1);
    },
  );

  it.each(['flac', 'ogg', 'opus', 'mp3', 'wav'])(
    'refuses every cut-off header of a %s file as bad data',
    async (extension) => {
      ffmpeg('-i', at('original.wav'), at(`head.${extension}`));
      const bytes = await readFile(at(`head.${extension}`));
      for (let length = 0; length <= 43; length++) {
        await writeFile(at('short'), bytes.subarray(0, length));
        expect((await failure(at('short'))).code).toBe(ExitCode.badData);
      }
    },
  );
});

describe('bad input', () => {
  it.each([
    ['empty', Buffer.alloc(0), 'is empty'],
    ['text', Buffer.from('just a text, with more than four bytes\n'), 'no audio file'],
    ['zeros', Buffer.alloc(100_000), 'no audio file'],
    ['utf16', Buffer.from('\ufefftext with a byte order mark', 'utf16le'), 'no audio file'],
    ['no sound', wavBytes([[]]), 'no sound'],
    ['id3 only', Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\x01\0'), Buffer.alloc(400)]), 'no sound'],
    ['rate 0', wavBytes([tone(440, 0.1)], { rateHz: 0 }), 'sample rate of 0 Hz'],
    ['rate 4 GHz', wavBytes([tone(440, 0.1)], { rateHz: 4_000_000_001 }), 'sample rate of 4000000001 Hz'],
    ['no channels', patched(wavBytes([tone(440, 0.1)]), 22, 0), 'contradicts itself'],
    ['more bits than bytes', patched(wavBytes([tone(440, 0.1)]), 34, 20), 'contradicts itself'],
    ['unknown format', patched(wavBytes([tone(440, 0.1)]), 20, 0x1234), 'format 0x1234'],
    ['rate 1 kHz', wavBytes([tone(440, 0.1)], { rateHz: 1000 }), 'sample rate of 1000 Hz'],
  ])('refuses a file that is %s, says which and why', async (name, bytes, what) => {
    const path = at(`bad ${name}`);
    await writeFile(path, bytes);
    const error = await failure(path);
    expect(error.code).toBe(ExitCode.badData);
    expect(error.message).toContain(path);
    expect(error.message).toContain(what);
    expect(error.hint).not.toBe('');
  });

  it('says no input of a missing file, a folder and a pipe', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    for (const path of [at('missing.wav'), folder, at('pipe')]) {
      const error = await failure(path);
      expect(error.code).toBe(ExitCode.noInput);
      expect(error.message).toContain(path);
    }
  });
});

function patched(bytes: Buffer, offset: number, value: number): Buffer {
  bytes.writeUInt16LE(value, offset);
  return bytes;
}

function power(samples: Float32Array): number {
  return samples.reduce((sum, value) => sum + value * value, 0);
}
