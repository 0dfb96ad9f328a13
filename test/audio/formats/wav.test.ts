import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, id3, refusal } from '../../support/decoded.js';
import { lacksPrograms } from '../../support/require.js';
import { chirp, ffmpeg, wavBytes, writeWav } from '../../support/sound.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wav-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** As 16 bits hold it; adding 0 makes −0 a plain 0. */
const sound = chirp(100, 6000, 0.1).map((value) => Math.round(value * 32_768) / 32_768 + 0);
const plain = wavBytes([sound]);
const FORMAT = plain.subarray(20, 36);
const DATA = plain.subarray(44);

async function file(...parts: (Buffer | string)[]): Promise<string> {
  const path = join(folder, 'a.wav');
  const bytes = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part));
  await writeFile(path, Buffer.concat(bytes));
  return path;
}

function chunk(id: string, data: Buffer, length = data.length): Buffer {
  const header = Buffer.alloc(8);
  header.write(id, 'latin1');
  header.writeUInt32LE(length, 4);
  return Buffer.concat([header, data]);
}

function riff(...chunks: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE'), ...chunks]);
}

/** 64-bit lengths in front; 32 bits of ones where they would be. */
function rf64(magic: string, dataBytes: bigint, ...chunks: Buffer[]): Buffer {
  const ds64 = Buffer.alloc(28);
  ds64.writeBigUInt64LE(dataBytes, 8);
  return Buffer.concat([
    Buffer.from(`${magic}\xff\xff\xff\xffWAVE`, 'latin1'),
    chunk('ds64', ds64),
    ...chunks,
  ]);
}

/** Sony's: GUIDs, and lengths that count the header and are padded to 8 bytes. */
function wave64(...chunks: (readonly [string, Buffer])[]): Buffer {
  const rest = { riff: '2e91cf11a5d628db04c10000', other: 'f3acd3118cd100c04f8edb8a' };
  const guid = (id: string, tail: string) => Buffer.concat([Buffer.from(id), Buffer.from(tail, 'hex')]);
  const u64 = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const body = chunks.map(([id, data]) =>
    Buffer.concat([guid(id, rest.other), u64(24 + data.length), data, Buffer.alloc(-data.length & 7)]),
  );
  return Buffer.concat([guid('riff', rest.riff), u64(0), guid('wave', rest.other), ...body]);
}

describe('the chunks of a WAV file', () => {
  it.each([
    ['behind tags', () => [id3(501), id3(0), plain]],
    [
      'in two',
      () => [
        riff(
          chunk('fmt ', FORMAT),
          chunk('data', DATA.subarray(0, 1000)),
          chunk('data', DATA.subarray(1000)),
        ),
      ],
    ],
    [
      'behind an odd one without padding',
      () => [riff(chunk('fmt ', FORMAT), chunk('junk', Buffer.alloc(7)), chunk('data', DATA))],
    ],
    ['before others', () => [plain, chunk('LIST', Buffer.alloc(6)), chunk('abcd', Buffer.alloc(4))]],
    [
      'in RF64',
      () => [
        rf64(
          'RF64',
          BigInt(DATA.length),
          chunk('fmt ', FORMAT),
          chunk('data', DATA, 0xffff_ffff),
          chunk('LIST', Buffer.alloc(6)),
        ),
      ],
    ],
    [
      'in BW64',
      () => [rf64('BW64', BigInt(DATA.length), chunk('fmt ', FORMAT), chunk('data', DATA, 0xffff_ffff))],
    ],
    [
      'in RF64 out of a pipe',
      () => [rf64('RF64', 0n, chunk('fmt ', FORMAT), chunk('data', DATA, 0xffff_ffff))],
    ],
    [
      'in Wave64',
      () => [wave64(['fmt ', FORMAT], ['junk', Buffer.alloc(3)], ['data', DATA], ['LIST', Buffer.alloc(9)])],
    ],
    ['in Wave64 behind a tag', () => [id3(7), wave64(['fmt ', FORMAT], ['data', DATA])]],
  ])('are found, and all of its sound: %s', async (_, parts) => {
    expect(await decoded(await file(...parts()))).toEqual({ samples: sound, warnings: [] });
  });

  it.each([
    [
      'a length that is too small',
      1000,
      () => [riff(chunk('fmt ', FORMAT), chunk('data', DATA, 1000))],
      2200,
    ],
    ['zeros', 1600, () => [plain, Buffer.alloc(50)], 50],
    ['a chunk that is cut off', 1600, () => [plain, chunk('LIST', Buffer.alloc(50), 100)], 58],
    ['another file', 1600, () => [plain, plain], plain.length],
    ['half a sample', 1599, () => [riff(chunk('fmt ', FORMAT), chunk('data', DATA.subarray(1)))], 1],
  ])('say in bytes what is passed over: %s', async (_, __, parts, bytes) => {
    const { warnings } = await decoded(await file(...parts()));
    expect(warnings).toEqual([`${bytes} bytes in it were passed over`]);
  });

  it.each([
    ['a chunk', chunk('abcd', Buffer.alloc(100, 0x55))],
    ['a chunk that is cut off', chunk('LIST', Buffer.alloc(100, 0x55), 200)],
    ['nothing', Buffer.alloc(0)],
  ])('are never heard: an empty one before %s holds no sound', async (_, behind) => {
    const path = await file(riff(chunk('fmt ', FORMAT), chunk('data', Buffer.alloc(0)), behind));
    expect((await refusal(path)).reason).toContain('holds no sound');
  });

  it('say how much is missing of more than 4 GB', async () => {
    const path = await file(
      rf64('RF64', 5_000_000_000n, chunk('fmt ', FORMAT), chunk('data', DATA, 0xffff_ffff)),
    );
    expect((await decoded(path)).warnings).toEqual([
      ` is damaged: ${5_000_000_000 - DATA.length} of 5000000000 bytes are missing`,
    ]);
  });
});

describe('the format of a WAV file', () => {
  it('may have samples of fewer bits than their bytes hold', async () => {
    const path = await writeWav(join(folder, 'bits.wav'), [sound], { bits: 24 });
    const bytes = wavBytes([sound], { bits: 24 });
    for (const bits of [17, 20, 24]) {
      bytes.writeUInt16LE(bits, 34);
      await writeFile(path, bytes);
      expect(await decoded(path)).toEqual({ samples: sound, warnings: [] });
    }
  });

  it.each([
    ['GSM 6.10', (format: Buffer) => format.writeUInt16LE(49, 0)],
    ['format 0x1234', (format: Buffer) => format.writeUInt16LE(0x1234, 0)],
    ['65 channels', (format: Buffer) => format.writeUInt16LE(65, 2)],
    ['64 bits', (format: Buffer) => format.writeUInt32LE(0x40_0008, 12)],
  ])('is named where it is not supported: %s', async (name, change) => {
    const format = Buffer.from(FORMAT);
    change(format);
    const { reason, hint } = await refusal(await file(riff(chunk('fmt ', format), chunk('data', DATA))));
    expect(reason).toMatch(new RegExp(`is a WAV file of .*${name}.*, which is not supported`));
    expect(hint).toContain('ffmpeg -i');
  });

  it('makes no memory of numbers that nothing in the file bears out', async () => {
    // IMA ADPCM, whose blocks of 36 bytes hold 65 samples and not 65 535.
    const format = Buffer.from('11000100803e000000000000240004000200ffff', 'hex');
    const before = process.memoryUsage().arrayBuffers;
    const { samples } = await decoded(
      await file(riff(chunk('fmt ', format), chunk('data', Buffer.alloc(36 * 900)))),
    );
    expect(samples).toHaveLength(65 * 900);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
  });

  it('may be that of MP3, whose frames follow', async () => {
    const format = Buffer.from(FORMAT);
    format.writeUInt16LE(0x55, 0);
    // Layer III, 32 kbit/s, 32 kHz: 144 bytes of silence each.
    const frame = Buffer.concat([Buffer.from('fffb18c4', 'hex'), Buffer.alloc(140)]);
    const frames = Buffer.concat(Array.from({ length: 20 }, () => frame));
    const { samples, warnings } = await decoded(
      await file(riff(chunk('fmt ', format), chunk('data', frames))),
    );
    expect(samples.length).toBeGreaterThan(18 * 576);
    expect(warnings).toEqual([]);
  });

  it('of floats goes with values around one, and no louder than anything is', async () => {
    const path = join(folder, 'float.wav');
    await writeWav(path, [sound.map((value) => value * 20)], { bits: 32, float: true });
    expect((await decoded(path)).samples).toHaveLength(1600);
    await writeWav(path, [sound.map((value) => value * 32_768)], { bits: 32, float: true });
    const { reason, hint } = await refusal(path);
    expect(reason).toMatch(/^has samples like -?\d+, where sound lies between −1 and 1$/);
    expect(hint).toContain('volume=1/32768');
  });
});

describe.skipIf(lacksPrograms('ffmpeg'))('float WAV files that reach ±32,767', () => {
  it('are mended by what the error says', async () => {
    const path = await writeWav(join(folder, 'loud.wav'), [sound.map((value) => value * 32_768)], {
      bits: 32,
      float: true,
    });
    const command = (await refusal(path)).hint.match(/ffmpeg (.*)$/)![1]!;
    ffmpeg(...command.replace('FILE', path).replace('out.wav', join(folder, 'out.wav')).split(' '));
    expect((await decoded(join(folder, 'out.wav'))).samples).toEqual(sound);
  });
});
