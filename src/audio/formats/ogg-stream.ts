import { integerBits, openFrames } from './flac.js';
import { type Decoded, fromLibrary, quietly, release } from './format.js';
import type { Page } from './ogg.js';

/** One stream of sound in an OGG file. */
export interface Stream {
  readonly serial: number;
  /** Whether its last page has been there. */
  readonly complete: () => boolean;
  readonly push: (page: Page) => AsyncGenerator<Decoded>;
  /** The rest; it needs no `free` any more. */
  readonly end: () => Generator<Decoded>;
  readonly free: () => void;
}

/** What decodes the pages of a stream, of which the first is known. */
interface PageDecoder {
  decode(page: Page): AsyncIterable<Decoded> | Iterable<Decoded>;
  flush(): Iterable<Decoded>;
  free(): void;
}

/** What decodes one packet of sound. */
interface PacketDecoder {
  /** Samples that are decoded, but belong to no sound. */
  readonly preSkip: number;
  /** Undefined where it is a header. */
  decode(packet: Buffer): Promise<Decoded> | Decoded | undefined;
  free(): void;
}

const HEADS = { opus: 'OpusHead', vorbis: '\x01vorbis', flac: '\x7fFLAC' } as const;
/** More than any picture in the tags has. */
const MAX_PACKET_BYTES = 2 ** 25;
const MAX_CHANNELS = 8;
/** Where the channels of a WAV file lie in those of an Opus file, by their number. */
const CHANNEL_ORDER: Record<number, readonly number[]> = {
  3: [0, 2, 1],
  5: [0, 2, 1, 3, 4],
  6: [0, 2, 1, 5, 3, 4],
  7: [0, 2, 1, 6, 5, 3, 4],
  8: [0, 2, 1, 7, 5, 6, 3, 4],
};
const NOTHING = { channelData: [], sampleRate: 0 };

/** The codec of the stream that begins so. */
export function codecOf(body: Buffer): keyof typeof HEADS | undefined {
  const names = Object.keys(HEADS) as (keyof typeof HEADS)[];
  return names.find((name) => body.toString('latin1', 0, HEADS[name].length) === HEADS[name]);
}

/**
 * Undefined where it is no stream of sound that can be decoded.
 *
 * @param first its first page
 */
export async function openStream(first: Page): Promise<Stream | undefined> {
  const codec = codecOf(first.body);
  if (!codec) return undefined;
  const decoder =
    codec === 'vorbis'
      ? await openVorbis(first.body)
      : overPackets(codec === 'opus' ? await openOpus(first.body) : await openFlac(first.body));
  let complete = false;
  let freed = false;
  let next: number | undefined;
  let unfinishedBytes = 0;
  const free = () => {
    if (!freed) release(decoder);
    freed = true;
  };
  return {
    serial: first.serial,
    complete: () => complete,
    async *push(page) {
      if (next !== undefined && page.number !== next) yield { ...NOTHING, errors: 1 };
      // Behind the headers there may be a gap: whoever joins a stream late gets them and what is sent just now.
      if (page.granule !== 0) next = page.number + 1;
      complete ||= page.last;
      unfinishedBytes = page.segments.every((length) => length === 255)
        ? unfinishedBytes + page.body.length
        : 0;
      if (unfinishedBytes > MAX_PACKET_BYTES) throw new Error('a packet has more than 32 MiB');
      yield* decoder.decode(page);
    },
    *end() {
      yield* decoder.flush();
      free();
    },
    free,
  };
}

/** libvorbis, which is to be had for pages only. */
async function openVorbis(head: Buffer): Promise<PageDecoder> {
  checkChannels(head[11]);
  const library = await (await import('@audio/decode-vorbis')).decoder();
  return {
    decode: (page) => [fromLibrary(quietly(() => library.decode(page.bytes)))],
    flush: () => [fromLibrary(quietly(() => library.flush()))],
    free: () => library.free(),
  };
}

/** https://www.rfc-editor.org/rfc/rfc7845#section-5.1 */
async function openOpus(head: Buffer): Promise<PacketDecoder> {
  const channels = checkChannels(head[9]);
  const family = head[18];
  if (head.length < (family === 0 ? 19 : 21 + channels)) throw new Error('its header is cut off');
  const mapping = [...head.subarray(21, 21 + channels)];
  const preSkip = head.readUInt16LE(10);
  const decoder = await (await import('@audio/decode-opus/core')).createOpusDecoder();
  decoder.configure({
    channels,
    preSkip,
    outputGain: head.readInt16LE(16),
    ...(family !== 0 && {
      streamCount: head[19]!,
      coupledStreamCount: head[20]!,
      channelMappingTable:
        family === 1 && CHANNEL_ORDER[channels] ? CHANNEL_ORDER[channels].map((i) => mapping[i]!) : mapping,
    }),
  });
  return {
    preSkip,
    decode(packet) {
      if (/^Opus(Head|Tags)/.test(packet.toString('latin1', 0, 8))) return undefined;
      return fromLibrary(decoder.decodeFrames([packet]));
    },
    free: () => decoder.free(),
  };
}

/** https://www.rfc-editor.org/rfc/rfc9639#name-ogg-mapping */
async function openFlac(head: Buffer): Promise<PacketDecoder> {
  const info = head.subarray(17);
  if (info.length < 34) throw new Error('its header is cut off');
  const bits = integerBits(info);
  const decodeFrame = await openFrames();
  return {
    preSkip: 0,
    decode: (packet) => (packet[0] === 0xff ? decodeFrame(packet, bits) : undefined),
    free: () => decodeFrame.free(),
  };
}

/**
 * Hands over packets out of pages, and cuts off what is decoded beyond the end. Where a stream begins that was
 * joined late is what the first page with sound says. https://www.rfc-editor.org/rfc/rfc7845#section-4.5
 */
function overPackets(decoder: PacketDecoder): PageDecoder {
  const packets = createPackets();
  let begin: number | undefined;
  let total = 0;
  return {
    async *decode(page) {
      const end = page.last ? page.granule - (begin ?? decoder.preSkip) : total;
      const most = end > total ? end : Number.POSITIVE_INFINITY;
      for (const packet of packets(page)) {
        const decoded = packet.length > 0 && (await decoder.decode(packet));
        if (!decoded) continue;
        const channelData = decoded.channelData.map((channel) => channel.subarray(0, most - total));
        total += channelData[0]?.length ?? 0;
        yield { ...decoded, channelData };
      }
      if (total > 0 && page.granule > 0) begin ??= page.granule - total;
    },
    flush: () => [],
    free: () => decoder.free(),
  };
}

/** Puts together the segments of packets, which may go over several pages. */
function createPackets(): (page: Page) => Buffer[] {
  let parts: Buffer[] = [];
  let lastNumber = -1;
  return ({ segments, body, continued, number }) => {
    const packets: Buffer[] = [];
    // A packet of which a part is missing is none.
    const fits = parts.length > 0 ? continued && number === lastNumber + 1 : !continued;
    if (!fits) parts = [];
    let whole = fits || !continued;
    lastNumber = number;
    let start = 0;
    let at = 0;
    for (const length of segments) {
      at += length;
      if (length === 255) continue;
      if (whole) packets.push(Buffer.concat([...parts, body.subarray(start, at)]));
      [parts, whole, start] = [[], true, at];
    }
    if (whole && start < at) parts.push(body.subarray(start, at));
    return packets;
  };
}

function checkChannels(channels = 0): number {
  if (channels < 1 || channels > MAX_CHANNELS) throw new Error(`${channels} channels are not supported`);
  return channels;
}
