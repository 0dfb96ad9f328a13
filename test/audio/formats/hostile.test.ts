import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../../src/audio/decode.js';
import { UserError } from '../../../src/errors.js';
import { packetPages, readPages, writePages } from '../../support/ogg-file.js';
import { lacksPrograms } from '../../support/require.js';
import { ffmpeg, tone, wavBytes, writeWav } from '../../support/sound.js';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Decodes what there is; anything but an error that a person can mend is a bug. */
async function attempt(bytes: Buffer): Promise<{ samples: number; cpuSeconds: number; reason: string }> {
  await writeFile(at('file'), bytes);
  const before = process.cpuUsage();
  let samples = 0;
  let reason = '';
  try {
    for await (const block of decodeFile(at('file'))) {
      for (const sample of block) if (!(Math.abs(sample) <= 100)) throw new Error(`a sample is ${sample}`);
      samples += block.length;
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    reason = error.message;
  }
  return { samples, cpuSeconds: process.cpuUsage(before).user / 1e6, reason };
}

/** The same numbers in every run. */
function createRandom(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe.skipIf(lacksPrograms('ffmpeg'))('a file that is cut off or damaged anywhere', () => {
  it.each([
    ['pcm_s16le', 'wav'],
    ['adpcm_ms', 'wav'],
    ['pcm_f32le', 'w64'],
    ['flac', 'flac'],
    ['libmp3lame', 'mp3'],
    ['libvorbis', 'ogg'],
    ['libopus', 'ogg'],
    ['flac', 'ogg'],
  ])('is decoded as far as it goes, or refused: %s in %s', async (codec, extension) => {
    await writeWav(at('tone.wav'), [tone(700, 0.06)]);
    ffmpeg('-i', at('tone.wav'), '-c:a', codec, at(`whole.${extension}`));
    const whole = await readFile(at(`whole.${extension}`));
    const { samples } = await attempt(whole);
    expect(samples).toBeGreaterThan(900);
    const random = createRandom();
    for (let i = 0; i < 24; i++) {
      const cut = whole.subarray(0, i < 12 ? random(120) : random(whole.length));
      expect((await attempt(cut)).samples).toBeLessThanOrEqual(samples + 1152);
      const damaged = Buffer.from(whole);
      for (let n = random(8); n >= 0; n--) damaged[random(i < 12 ? 120 : whole.length)]! ^= 1 << random(8);
      // Behind a right checksum, it is the decoder that sees the damage.
      await attempt(extension === 'ogg' && i % 2 ? withChecksums(damaged) : damaged);
    }
  });
});

/** Only where the lengths of the pages have not been hit. */
function withChecksums(bytes: Buffer): Buffer {
  try {
    return writePages(readPages(bytes));
  } catch {
    return bytes;
  }
}

function filled(pattern: string | Buffer): Buffer {
  return Buffer.alloc(2 ** 20, typeof pattern === 'string' ? Buffer.from(pattern, 'latin1') : pattern);
}

/** The checksum of FLAC's headers and frames. */
function crc(bits: 8 | 16, bytes: Buffer): Buffer {
  const [top, polynomial] = bits === 8 ? [0x80, 0x07] : [0x8000, 0x8005];
  let value = 0;
  for (const byte of bytes)
    for (let i = 7; i >= 0; i--) {
      const carry = ((value & top) !== 0) !== ((byte >> i) % 2 === 1);
      value = ((value << 1) ^ (carry ? polynomial : 0)) & (2 * top - 1);
    }
  return Buffer.from(value.toString(16).padStart(bits / 4, '0'), 'hex');
}

function withCrc(bits: 8 | 16, bytes: Buffer): Buffer {
  return Buffer.concat([bytes, crc(bits, bytes)]);
}

/** Of 65 535 samples at 16 kHz, eight channels, 16 bits. */
const FLAC_HEADER = withCrc(8, Buffer.from('fff8757800fffe', 'hex'));

/** "fLaC", a header that says nothing, and what follows. */
function flacOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from('fLaC\x80\0\0\x22', 'latin1'), Buffer.alloc(34), bytes]);
}

function opusOf(bytes: Buffer): Buffer {
  const page = { flags: 2, granule: 0n, serial: 1, number: 0 };
  const head = Buffer.from('OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0', 'latin1');
  return Buffer.concat([writePages(packetPages(page, head)), bytes]);
}

describe('a file that was made to cost', () => {
  it.each([
    ['headers of FLAC frames', () => flacOf(filled(FLAC_HEADER))],
    [
      'pages that are as long as can be',
      () => opusOf(filled(`OggS${'\0'.repeat(22)}\xff${'\xff'.repeat(9)}`)),
    ],
    ['headers of MP3 frames', () => filled('\xff\xfb\x90\x64')],
    ['synchronisation', () => filled('\xff')],
    ['chunks', () => Buffer.concat([wavBytes([tone(700, 0.1)]), filled('LIST\0\0\0\0')])],
    ['sound in chunks', () => Buffer.concat([wavBytes([tone(700, 0.1)]), filled('data\x02\0\0\0ab')])],
    ['tags', () => filled('ID3\x03\0\0\0\0\0\0')],
    ['the beginnings of FLAC files', () => filled('fLaC')],
    [
      'channels',
      () =>
        wavBytes(
          Array.from({ length: 64 }, () => new Float32Array(8192)),
          { bits: 8 },
        ),
    ],
  ])('takes no longer than another of its size: %s', async (_, bytes) => {
    expect((await attempt(bytes())).cpuSeconds).toBeLessThan(3);
  });

  it('costs no open file, where it spoils the memory of a library so that it cannot even be freed', async () => {
    const bytes = await readFile(new URL('../../../tools/fuzz/samples/tone-vorbis.ogg', import.meta.url));
    // Codebooks of Vorbis, of which the decoder believes whatever they say.
    bytes[413] = 1;
    Buffer.from('80ffffffff', 'hex').copy(bytes, 416);
    const { reason } = await attempt(writePages(readPages(bytes)));
    expect(reason).toMatch('is damaged');
    const open = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    expect(open).not.toContain(at('file'));
  });

  it('keeps no packet that has no end', async () => {
    const page = { flags: 1, granule: -1n, serial: 1, number: 1 };
    const full = { ...page, segments: Buffer.alloc(255, 255), body: Buffer.alloc(255 * 255) };
    const { reason } = await attempt(opusOf(Buffer.alloc(2 ** 25 + 2 ** 20, writePages([full]))));
    expect(reason).toMatch('a packet has more than 32 MiB');
  });

  it('makes no more memory than it has sound: frames of FLAC with 65 535 samples in a few bytes', async () => {
    // Each channel is a type and a constant.
    const frame = withCrc(16, Buffer.concat([FLAC_HEADER, Buffer.alloc(8 * 3)]));
    const before = process.memoryUsage().arrayBuffers;
    await writeFile(at('file'), flacOf(Buffer.concat(Array.from({ length: 1000 }, () => frame))));
    const blocks = decodeFile(at('file'));
    expect((await blocks.next()).value).toHaveLength(1600);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26);
    await blocks.return();
  });
});
