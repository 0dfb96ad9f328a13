import { crcTable } from './crc.js';
import { type AudioFile, badAudio, type Decoded, type Decoder, notSupported, SearchLimit } from './format.js';
import { codecOf, openStream, type Stream } from './ogg-stream.js';

/** https://www.rfc-editor.org/rfc/rfc3533#section-6 */
export interface Page {
  readonly bytes: Buffer;
  readonly serial: number;
  /** Where in its stream it lies, without a gap. */
  readonly number: number;
  /** Begins with the rest of a packet. */
  readonly continued: boolean;
  readonly first: boolean;
  readonly last: boolean;
  /** Samples up to its end; −1 where no packet ends in it. */
  readonly granule: number;
  /** Lengths of its segments; a packet ends with one of less than 255 bytes. */
  readonly segments: Buffer;
  readonly body: Buffer;
}

const HEADER_BYTES = 27;
const MARK = Buffer.from('OggS\0');
const CRC32 = crcTable(32, 0x04c11db7);

/** Whether there is a page in this. */
export function findOgg(data: Buffer): boolean {
  return firstPages(data).length > 0;
}

function firstPages(data: Buffer): Page[] {
  try {
    return new OggPages().push(data).pages;
  } catch {
    return []; // too much of it is damaged
  }
}

/**
 * Looks whether there is a stream that can be decoded.
 *
 * @param head the first pages, at least
 * @throws UserError bad data, where there is none
 */
export function ogg(head: Buffer, start: number, end: number, path: string): AudioFile {
  const pages = firstPages(head);
  if (!pages[0]) throw badAudio(path, 'is an OGG file whose header is cut off or damaged');
  if (!pages[0].first) throw badAudio(path, 'is an OGG file whose beginning is missing');
  if (!pages.some((page) => page.first && codecOf(page.body)))
    throw notSupported(path, 'an OGG file with neither Vorbis, Opus nor FLAC in it');
  return { parts: [{ start, end }], open: openOgg };
}

/**
 * Decodes the first stream of sound of an OGG file, and of each that was put behind it. The libraries read pages,
 * too, but of one stream only, and believe that none is missing or damaged.
 */
async function openOgg(): Promise<Decoder> {
  const pages = new OggPages();
  let stream: Stream | undefined;
  /** Since the last beginning of streams, all of which begin before the first of them goes on. */
  let begun = false;

  async function* decode(bytes: Uint8Array, last?: 'last'): AsyncGenerator<Decoded> {
    const found = pages.push(bytes, last);
    let { passedOver } = found;
    for (const page of found.pages) {
      if (page.first && begun) {
        if (stream) yield* stream.end();
        stream = undefined;
      }
      begun = !page.first;
      if (page.first && !stream) stream = await openStream(page);
      if (stream?.serial === page.serial) yield* stream.push(page);
      else passedOver += page.bytes.length;
    }
    yield { channelData: [], sampleRate: 0, passedOver };
    if (!last) return;
    if (stream) yield* stream.end();
    const damage = stream && !stream.complete() ? 'its end is cut off' : undefined;
    yield { channelData: [], sampleRate: 0, damage };
  }
  return {
    decode: (bytes) => decode(bytes),
    flush: () => decode(new Uint8Array(), 'last'),
    free: () => stream?.free(),
  };
}

/** Cuts an OGG file into its pages, and finds the next one behind what is damaged. */
class OggPages {
  /** Not handed out yet. */
  #rest: Buffer = Buffer.alloc(0);
  readonly #limit = new SearchLimit();

  /**
   * The pages that are complete by now, as views; and how many bytes are in none.
   *
   * @throws Error where too much is damaged
   */
  push(bytes: Uint8Array, last?: 'last'): { readonly pages: Page[]; readonly passedOver: number } {
    this.#limit.give(bytes.length);
    const data = Buffer.concat([this.#rest, bytes]);
    const pages: Page[] = [];
    let passedOver = 0;
    let at = 0;
    while (at < data.length) {
      const mark = data.indexOf(MARK, at);
      // The beginning of one may be at the end.
      const next = mark >= 0 ? mark : last ? data.length : Math.max(at, data.length - MARK.length + 1);
      passedOver += next - at;
      at = next;
      const length = mark < 0 ? Number.POSITIVE_INFINITY : pageBytes(data, at);
      if (at + length <= data.length) {
        const page = data.subarray(at, at + length);
        if (checksum(page) === page.readUInt32LE(22)) {
          pages.push(readPage(page));
          at += length;
          continue;
        }
        this.#limit.search(length);
      } else if (!last || mark < 0) break;
      passedOver++;
      at++;
    }
    this.#rest = data.subarray(at);
    return { pages, passedOver };
  }
}

/** Infinite where its header is not there yet. */
function pageBytes(data: Buffer, at: number): number {
  const segments = data.subarray(at + HEADER_BYTES, at + HEADER_BYTES + (data[at + 26] ?? 0));
  if (at + HEADER_BYTES > data.length || segments.length < data[at + 26]!) return Number.POSITIVE_INFINITY;
  return segments.reduce((sum, length) => sum + length, HEADER_BYTES + segments.length);
}

/** Of a page in which the place of the checksum is empty. */
function checksum(page: Buffer): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++)
    crc = (crc << 8) ^ CRC32[(crc >>> 24) ^ (i >= 22 && i < 26 ? 0 : page[i]!)]!;
  return crc >>> 0;
}

function readPage(bytes: Buffer): Page {
  const flags = bytes[5]!;
  const body = HEADER_BYTES + bytes[26]!;
  return {
    bytes,
    continued: (flags & 1) !== 0,
    first: (flags & 2) !== 0,
    last: (flags & 4) !== 0,
    granule: Number(bytes.readBigInt64LE(6)),
    serial: bytes.readUInt32LE(14),
    number: bytes.readUInt32LE(18),
    segments: bytes.subarray(HEADER_BYTES, body),
    body: bytes.subarray(body),
  };
}
