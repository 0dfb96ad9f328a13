import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FlacFrames } from '../../../src/audio/formats/flac.js';
import { SCENE } from '../../support/daemon.js';
import { decoded, id3 } from '../../support/decoded.js';
import { lacksPrograms } from '../../support/require.js';
import { chirp, concatenate, ffmpeg, writeWav } from '../../support/sound.js';

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flac-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What lies behind the metadata, whose last block has the highest bit set in its first byte. */
async function framesOf(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  let at = 4;
  for (let last = false; !last; at += 4 + bytes.readUIntBE(at + 1, 3)) last = bytes[at]! > 127;
  return bytes.subarray(at);
}

/** A chirp as 16 bits hold it; adding 0 makes −0 a plain 0. */
function sound(length: number): Float32Array {
  return chirp(100, 6000, length / 16_000).map((value) => Math.round(value * 32_768) / 32_768 + 0);
}

describe('the frames of a FLAC stream', () => {
  it.each([1, 7, 1000, 32_768])('are the same where they are read in pieces of %i bytes', async (size) => {
    const bytes = (await framesOf(SCENE)).subarray(0, 40_000);
    const whole = new FlacFrames().push(bytes).frames;
    expect(whole.length).toBeGreaterThan(5);
    const finder = new FlacFrames();
    const frames: Uint8Array[] = [];
    for (let from = 0; from < bytes.length; from += size) {
      const found = finder.push(bytes.subarray(from, from + size));
      expect(found.passedOver).toBe(0);
      frames.push(...found.frames);
    }
    expect(frames).toEqual(whole);
  });

  it('are found behind a damaged one, whose bytes are counted', async () => {
    const bytes = await framesOf(SCENE);
    const whole = new FlacFrames().push(bytes, 'last').frames;
    const damaged = Buffer.from(bytes);
    const begin = bytes.indexOf(whole[3]!);
    damaged.fill(0x55, begin + 20, begin + 30);
    const { frames, passedOver } = new FlacFrames().push(damaged, 'last');
    expect(Buffer.concat(frames).equals(Buffer.concat(whole.toSpliced(3, 1)))).toBe(true);
    expect(passedOver).toBe(whole[3]!.length);
  });
});

describe.skipIf(lacksPrograms('ffmpeg'))('FLAC files made by ffmpeg', () => {
  it.each([
    ['flac', 192],
    ['flac', 576],
    ['flac', 1152],
    ['flac', 4608],
    ['ogg', 1152],
  ])('are decoded to the last sample where they end in silence: .%s, blocks of %i', async (format, block) => {
    for (const rest of [1, 2, 15, 16, 17, 63]) {
      const expected = concatenate([sound(2 * block), new Float32Array(block + rest)]);
      await writeWav(at('silence.wav'), [expected]);
      const path = at(`silence.${format}`);
      ffmpeg('-i', at('silence.wav'), '-c:a', 'flac', '-frame_size', String(block), path);
      expect(await decoded(path)).toEqual({ samples: expected, warnings: [] });
    }
  });

  it('are decoded to the last sample where a tag or a long silence follows', async () => {
    const expected = concatenate([sound(5000), new Float32Array(100 * 192 + 1)]);
    await writeWav(at('tagged.wav'), [expected]);
    ffmpeg('-i', at('tagged.wav'), '-frame_size', '192', at('plain.flac'));
    const ape = `APETAGEX\xd0\x07\0\0\xa8\0\0\0\0\0\0\0\0\0\0\xa0${'\0'.repeat(8 + 168)}`;
    for (const tag of ['', 'TAG'.padEnd(128), ape]) {
      await writeFile(
        at('tagged.flac'),
        Buffer.concat([await readFile(at('plain.flac')), Buffer.from(tag, 'latin1')]),
      );
      expect(await decoded(at('tagged.flac'))).toEqual({ samples: expected, warnings: [] });
    }
  });

  it('are decoded to the last sample whatever is before, behind and between', async () => {
    const expected = sound(5000);
    await writeWav(at('sound.wav'), [expected]);
    ffmpeg('-i', at('sound.wav'), at('plain.flac'));
    const plain = await readFile(at('plain.flac'));
    const junk = Buffer.from(sound(3000).map((value) => value * 128 + 128));
    const metadata = plain.length - (await framesOf(at('plain.flac'))).length;
    for (const [parts, times, bytes] of [
      [[Buffer.alloc(999), plain], 1, 999],
      [[id3(99), plain, junk], 1, 3000],
      [[plain, plain], 2, metadata],
    ] as const) {
      await writeFile(at('junk.flac'), Buffer.concat(parts));
      expect(await decoded(at('junk.flac'))).toEqual({
        samples: concatenate(Array.from({ length: times }, () => expected)),
        warnings: [`${bytes} bytes in it were passed over`],
      });
    }
  });

  it('lose no more than the frame that is damaged, and nothing is written to the console', async () => {
    const expected = sound(10 * 1152);
    await writeWav(at('sound.wav'), [expected]);
    ffmpeg('-i', at('sound.wav'), '-frame_size', '1152', at('damaged.flac'));
    const bytes = await readFile(at('damaged.flac'));
    const frame = new FlacFrames().push(bytes, 'last').frames[4]!;
    bytes.fill(0x55, bytes.indexOf(frame) + 50, bytes.indexOf(frame) + 60);
    await writeFile(at('damaged.flac'), bytes);
    const written = vi.spyOn(console, 'error');
    expect(await decoded(at('damaged.flac'))).toEqual({
      samples: concatenate([expected.subarray(0, 4 * 1152), expected.subarray(5 * 1152)]),
      warnings: [
        ` is damaged: ${9 * 1152} of ${10 * 1152} samples could be decoded; ${frame.length} bytes in it were passed over`,
      ],
    });
    expect(written).not.toHaveBeenCalled();
    written.mockRestore();
  });
});
