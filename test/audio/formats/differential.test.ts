import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, refusal } from '../../support/decoded.js';
import { lacksPrograms } from '../../support/require.js';
import { chirp, ffmpeg, snrDb, tone, writeWav } from '../../support/sound.js';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sox-'));
  // Of an odd length, and different on both sides.
  await writeWav(at('two.wav'), [chirp(100, 5000, 0.4001), tone(440, 0.4001)]);
  await writeWav(at('one.wav'), [chirp(100, 5000, 0.4001)]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function sox(...args: string[]): Buffer {
  return execFileSync('sox', ['-V1', '-D', ...args], { maxBuffer: 2 ** 26 });
}

describe.skipIf(lacksPrograms('sox'))('what sox writes', () => {
  it.each([
    ['u8.wav', ['-b', '8', '-e', 'unsigned-integer']],
    ['s24.wav', ['-b', '24']],
    ['s32.wav', ['-b', '32']],
    ['f32.wav', ['-b', '32', '-e', 'floating-point']],
    ['f64.wav', ['-b', '64', '-e', 'floating-point']],
    ['a-law.wav', ['-e', 'a-law']],
    ['mu-law.wav', ['-e', 'mu-law']],
    ['ima.wav', ['-e', 'ima-adpcm']],
    ['ms.wav', ['-e', 'ms-adpcm']],
    ['extensible.wav', ['-c', '3', '-b', '24']],
    ['channels.wav', ['-c', '64']],
    ['s16.w64', ['-b', '16']],
    ['s24.flac', ['-b', '24']],
    ['vorbis.ogg', ['-C', '8']],
  ])('is decoded as sox does, to the last sample: %s', async (name, args) => {
    for (const source of ['one.wav', 'two.wav']) {
      sox(at(source), ...args, at(name));
      const raw = sox(at(name), '-t', 'raw', '-e', 'floating-point', '-b', '32', '-', 'remix', '-');
      const expected = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
      const { samples, warnings } = await decoded(at(name));
      expect(warnings).toEqual([]);
      expect(samples).toHaveLength(expected.length);
      expect(snrDb(samples, expected)).toBeGreaterThan(60);
    }
  });

  it.each([
    ['a.aiff', 'an AIFF file'],
    ['a.au', 'an AU file'],
    ['a.voc', 'a VOC file'],
    ['a.sph', 'a SPHERE file'],
  ])('is refused by name where it is no kind that is read: %s', async (name, kind) => {
    sox(at('one.wav'), at(name));
    const { reason, hint } = await refusal(at(name));
    expect(reason).toBe(`is ${kind}, which is not supported`);
    expect(hint).toBe('Convert it: ffmpeg -i FILE out.wav');
  });
});

describe.skipIf(lacksPrograms('ffmpeg'))('what ffmpeg writes', () => {
  it.each([
    ['adpcm_ima_wav.wav', ['-c:a', 'adpcm_ima_wav']],
    ['rf64.wav', ['-rf64', 'always']],
    ['in.wav', ['-c:a', 'libmp3lame']],
    ['s24.w64', ['-c:a', 'pcm_s24le']],
    ['layer2.mp2', []],
    ['layer3.mp3', ['-ar', '11025']],
    ['flac.oga', []],
    ['six.opus', ['-ac', '6']],
    ['f32.w64', ['-c:a', 'pcm_f32le']],
  ])('is as long as ffmpeg says: %s', async (name, args) => {
    ffmpeg('-i', at('two.wav'), ...args, at(name));
    ffmpeg('-i', at(name), '-ar', '16000', '-ac', '1', '-f', 's16le', at('raw'));
    const { size } = await stat(at('raw'));
    const { samples, warnings } = await decoded(at(name));
    expect(warnings).toEqual([]);
    expect(Math.abs(samples.length - size / 2)).toBeLessThanOrEqual(2);
  });

  it.each([
    ['a.m4a', 'an M4A file'],
    ['a.aac', 'an AAC file'],
    ['a.webm', 'a WebM or Matroska file'],
    ['a.wma', 'a WMA file'],
    ['a.caf', 'a CAF file'],
    ['a.wv', 'a WavPack file'],
    ['a.ac3', 'an AC-3 file'],
  ])('is refused by name where it is no kind that is read: %s', async (name, kind) => {
    ffmpeg('-i', at('one.wav'), at(name));
    expect((await refusal(at(name))).reason).toBe(`is ${kind}, which is not supported`);
  });
});
