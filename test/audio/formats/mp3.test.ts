import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, id3, refusal } from '../../support/decoded.js';
import { lacksPrograms } from '../../support/require.js';
import { chirp, correlate, ffmpeg, writeWav } from '../../support/sound.js';

const clip = chirp(200, 5000, 1);
/** Bytes that are no frame, and hold what looks like the header of one. */
const JUNK = Buffer.from(
  Array.from({ length: 5000 }, (_, i) => (i % 1000 < 3 ? [0xff, 0xfb, 0x90][i % 1000]! : (i * 7919) & 127)),
);
const APE = Buffer.concat([
  Buffer.from('APETAGEX\xd0\x07\0\0\x40\0\0\0\x01\0\0\0\0\0\0\xa0', 'latin1'),
  Buffer.alloc(8 + 64),
]);

let folder: string;
let plain: Buffer;
let untagged: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mp3-'));
  if (lacksPrograms('ffmpeg')) return;
  await writeWav(at('clip.wav'), [clip]);
  const bare = ['-id3v2_version', '0', '-b:a', '64k'];
  ffmpeg('-i', at('clip.wav'), ...bare, at('plain.mp3'), ...bare, '-write_xing', '0', at('bare.mp3'));
  plain = await readFile(at('plain.mp3'));
  untagged = await readFile(at('bare.mp3'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

async function file(...parts: Buffer[]): Promise<string> {
  await writeFile(at('a.mp3'), Buffer.concat(parts));
  return at('a.mp3');
}

describe.skipIf(lacksPrograms('ffmpeg'))('MP3 files', () => {
  it.each([
    ['tags on both sides', () => [id3(300), id3(20), plain, APE, Buffer.from('TAG'.padEnd(128))], 0],
    ['zeros before it', () => [Buffer.alloc(1024), plain], 1024],
    ['junk before it', () => [id3(40), JUNK, plain], 5000],
    ['junk behind it', () => [plain, JUNK], 5000],
    ['a tag larger than what is read at once', () => [id3(100_000), plain], 0],
  ])('with %s are decoded whole', async (_, parts, bytes) => {
    const { samples, warnings } = await decoded(await file(...parts()));
    expect(samples).toHaveLength(16_000);
    expect(correlate(samples, clip)).toBeGreaterThan(0.99);
    expect(warnings).toEqual(bytes ? [`${bytes} bytes in it were passed over`] : []);
  });

  it('that begin within a frame lose no more than that', async () => {
    const { samples, warnings } = await decoded(await file(untagged.subarray(100)));
    const whole = await decoded(await file(untagged));
    expect(whole.samples.length - samples.length).toBe(576);
    expect(correlate(samples.subarray(2000), whole.samples.subarray(2576))).toBeGreaterThan(0.99);
    expect(warnings[0]).toMatch(/^\d{3} bytes in it were passed over$/);
  });

  it('with junk in the middle lose nothing of what is before and behind', async () => {
    const middle = untagged.length >> 1;
    const frame = untagged.indexOf(untagged.subarray(0, 2), middle);
    const { samples, warnings } = await decoded(
      await file(untagged.subarray(0, frame), JUNK, untagged.subarray(frame)),
    );
    expect(samples).toHaveLength((await decoded(await file(untagged))).samples.length);
    expect(warnings).toEqual(['5000 bytes in it were passed over']);
  });

  it('that change their rate on the way keep their length', async () => {
    ffmpeg('-i', at('clip.wav'), '-ar', '44100', '-write_xing', '0', '-id3v2_version', '0', at('other.mp3'));
    const other = await readFile(at('other.mp3'));
    const [first, second] = [await decoded(await file(untagged)), await decoded(await file(other))];
    const { samples, warnings } = await decoded(await file(untagged, other));
    expect(Math.abs(samples.length - first.samples.length - second.samples.length)).toBeLessThan(1152);
    expect(warnings).toEqual([]);
  });

  it('of layer II are decoded, too', async () => {
    ffmpeg('-i', at('clip.wav'), '-c:a', 'mp2', at('layer2.mp2'));
    const { samples, warnings } = await decoded(at('layer2.mp2'));
    expect(Math.abs(samples.length - 16_000)).toBeLessThan(1152);
    expect(warnings).toEqual([]);
  });

  it('of free format are refused by name', async () => {
    const frames = Buffer.concat(
      Array.from({ length: 20 }, () => Buffer.from('fffb04c4'.padEnd(2000, '0'), 'hex')),
    );
    expect((await refusal(await file(frames))).reason).toBe(
      'is an MP3 file of free format, which is not supported',
    );
  });
});
