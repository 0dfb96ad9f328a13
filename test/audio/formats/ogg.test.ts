import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, id3, refusal } from '../../support/decoded.js';
import { type OggPage, packetPages, readPages, writePages } from '../../support/ogg-file.js';
import { lacksPrograms } from '../../support/require.js';
import { chirp, ffmpeg, snrDb, writeWav } from '../../support/sound.js';

const CODECS = ['libopus', 'libvorbis', 'flac'] as const;
type Codec = (typeof CODECS)[number];

let folder: string;
const files = {} as Record<Codec, Buffer>;
const samples = {} as Record<Codec, Float32Array>;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ogg-'));
  if (lacksPrograms('ffmpeg')) return;
  await writeWav(at('clip.wav'), [chirp(200, 5000, 1)]);
  // Pages of 0.1 s.
  const outputs = CODECS.flatMap((codec) => ['-c:a', codec, '-page_duration', '100000', at(`${codec}.ogg`)]);
  ffmpeg('-i', at('clip.wav'), ...outputs);
  for (const codec of CODECS) {
    files[codec] = await readFile(at(`${codec}.ogg`));
    samples[codec] = (await decoded(at(`${codec}.ogg`))).samples;
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(...parts: Buffer[]): Promise<string> {
  await writeFile(at('a.ogg'), Buffer.concat(parts));
  return at('a.ogg');
}

/** A file with its pages changed, or left out. */
function changed(bytes: Buffer, change: (page: OggPage, i: number) => OggPage | undefined): Buffer {
  return writePages(readPages(bytes).flatMap((page, i) => change(page, i) ?? []));
}

describe.skipIf(lacksPrograms('ffmpeg')).each(CODECS)('OGG files of %s', (codec) => {
  it('are decoded to the last sample', async () => {
    expect(samples[codec]).toHaveLength(16_000);
    expect((await decoded(at(`${codec}.ogg`))).warnings).toEqual([]);
  });

  it('may begin at any time, as that of who joined a stream late', async () => {
    const bytes = changed(files[codec], (page) =>
      page.granule > 0n
        ? { ...page, granule: page.granule + 518_400_000n, number: page.number + 1000 }
        : page,
    );
    const late = await decoded(await file(bytes));
    expect(late).toEqual({ samples: samples[codec], warnings: [] });
  });

  it.each(CODECS)('may be followed by one of %s', async (next) => {
    const { samples: heard, warnings } = await decoded(await file(files[codec], files[next]));
    expect(heard).toHaveLength(32_000);
    // What is resampled goes on from one to the other.
    expect(snrDb(heard, samples[codec], 200)).toBeGreaterThan(60);
    expect(snrDb(heard.subarray(16_000), samples[next], 200)).toBeGreaterThan(60);
    expect(warnings).toEqual([]);
  });

  it('may have other streams between its pages, which are not heard', async () => {
    const other = readPages(files[codec === 'flac' ? 'libopus' : 'flac']).map((page) => ({
      ...page,
      serial: 7,
    }));
    const pages = readPages(files[codec]);
    const [first, ...rest] = pages;
    const mixed = rest.flatMap((page, i) => [page, ...other.slice(i + 1, i + 2)]);
    const { samples: heard, warnings } = await decoded(await file(writePages([first!, other[0]!, ...mixed])));
    expect(heard).toEqual(samples[codec]);
    expect(warnings).toEqual([
      `${writePages(other.slice(0, pages.length)).length} bytes in it were passed over`,
    ]);
  });

  it('may have anything before and behind their pages', async () => {
    const tagged = await decoded(await file(id3(77), files[codec]));
    expect(tagged).toEqual({ samples: samples[codec], warnings: [] });
    const junk = await decoded(
      await file(Buffer.alloc(999, 'Og'), files[codec], Buffer.alloc(5000, 'OggS\0')),
    );
    expect(junk).toEqual({ samples: samples[codec], warnings: ['5999 bytes in it were passed over'] });
  });

  it('lose what is in a damaged page, and say so', async () => {
    const bytes = Buffer.from(files[codec]);
    const pages = readPages(bytes);
    const page = pages[6]!;
    const length = 27 + page.segments.length + page.body.length;
    bytes[bytes.indexOf(page.body)]! ^= 1;
    const { samples: heard, warnings } = await decoded(await file(bytes));
    expect(heard.length).toBeGreaterThan(16_000 - 3 * 1600);
    expect(heard.length).toBeLessThan(16_000);
    expect(warnings[0]).toMatch(
      new RegExp(`^ is damaged: [12] errors while decoding; ${length} bytes in it were passed over$`),
    );
  });

  it('say that their end is missing', async () => {
    const bytes = changed(files[codec], (page, i) => (i < 8 ? page : undefined));
    const { samples: heard, warnings } = await decoded(await file(bytes));
    expect(heard.length).toBeGreaterThan(1600);
    expect(warnings).toEqual([' is damaged: its end is cut off']);
  });

  it('are refused where their beginning is missing', async () => {
    const bytes = changed(files[codec], (page, i) => (i > 0 ? page : undefined));
    expect((await refusal(await file(bytes))).reason).toBe('is an OGG file whose beginning is missing');
  });
});

describe.skipIf(lacksPrograms('ffmpeg'))('OGG files', () => {
  it('with damage that the library did not foresee are called damaged, not by the slip that shows it', async () => {
    const unframed = changed(files.libvorbis, (page, i) =>
      i === 0 ? { ...page, body: Buffer.concat([page.body.subarray(0, 29), Buffer.alloc(1)]) } : page,
    );
    expect((await refusal(await file(unframed))).reason).toBe('is damaged');
  });

  it('with a picture in the tags of Opus have no noise of it', async () => {
    const pages = readPages(files.libopus);
    const tags = Buffer.concat([pages[1]!.body, Buffer.alloc(200_000, 0x55)]);
    const tagPages = packetPages(pages[1]!, tags);
    const rest = pages.slice(2).map((page) => ({ ...page, number: page.number + tagPages.length - 1 }));
    const { samples: heard, warnings } = await decoded(
      await file(writePages([pages[0]!, ...tagPages, ...rest])),
    );
    expect({ samples: heard, warnings }).toEqual({ samples: samples.libopus, warnings: [] });
  });

  it('that change their rate from one stream to the next keep it right', async () => {
    ffmpeg('-i', at('clip.wav'), '-ar', '44100', '-ac', '2', at('other.ogg'));
    const { samples: heard, warnings } = await decoded(
      await file(files.libvorbis, await readFile(at('other.ogg'))),
    );
    expect(heard).toHaveLength(32_000);
    expect(heard.some((value) => Math.abs(value) > 1.5)).toBe(false);
    const other = (await decoded(at('other.ogg'))).samples;
    expect(snrDb(heard.subarray(16_000), other)).toBeGreaterThan(60);
    expect(warnings).toEqual([]);
  });

  it('of another codec, or of more channels than are known, are refused by name', async () => {
    const [head, ...rest] = readPages(files.libopus);
    const speex = { ...head!, body: Buffer.concat([Buffer.from('Speex   '), head!.body.subarray(8)]) };
    expect((await refusal(await file(writePages([speex, ...rest])))).reason).toBe(
      'is an OGG file with neither Vorbis, Opus nor FLAC in it, which is not supported',
    );
    const many = { ...head!, body: Buffer.from(head!.body) };
    many.body[9] = 255;
    expect((await refusal(await file(writePages([many, ...rest])))).reason).toContain('255 channels');
  });
});
