/** The decoder takes no more at once; stereo of 24 bits stays below it with the longest blocks there are. */
const MAX_FRAME_BYTES = 65_535 * 8;
const MAX_HEADER_BYTES = 16;

const CRC8 = crcTable(8, 0x07);
const CRC16 = crcTable(16, 0x8005);

/**
 * Decodes a FLAC stream without a container, in pieces of any length. The library finds frames, too, but where
 * the last one has less than 14 bytes, as silence has, it takes the last two for one and loses it.
 */
export async function createFlacDecoder() {
  const decoder = await createLibrary();
  const finder = new FlacFrames();

  const decode = async (bytes: Uint8Array, last?: 'last') => {
    const { frames, errors } = finder.push(bytes, last);
    const decoded = await quietly(() => decoder.decodeFrames(frames));
    return { ...decoded, errors: [...decoded.errors, ...errors] };
  };
  return {
    decode: (bytes: Uint8Array) => decode(bytes),
    flush: () => decode(new Uint8Array(), 'last'),
    free: () => decoder.free(),
  };
}

/** Decodes FLAC in an OGG container, which says where each frame ends. */
export async function createOggFlacDecoder() {
  const decoder = await createLibrary();
  return {
    decode: (bytes: Uint8Array) => quietly(() => decoder.decode(bytes)),
    flush: () => quietly(() => decoder.flush()),
    free: () => decoder.free(),
  };
}

async function createLibrary() {
  const decoder = new (await import('@wasm-audio-decoders/flac')).FLACDecoder();
  await decoder.ready;
  return decoder;
}

/** The library returns its errors and writes them to the console, too; it does so before its promise is there. */
function quietly<T>(call: () => Promise<T>): Promise<T> {
  const { error } = console;
  console.error = () => {};
  try {
    return call();
  } finally {
    console.error = error;
  }
}

/**
 * Finds the frames of a FLAC stream. Their length is written nowhere: a frame is what begins with a header, has
 * the right checksum, and has the next header, a tag or the end of the file behind it.
 * https://www.rfc-editor.org/rfc/rfc9639#name-frame-structure
 */
export class FlacFrames {
  /** Not handed out yet; begins with a header where `inFrame`. */
  private rest: Uint8Array = new Uint8Array();
  private inFrame = false;
  /** How much of the rest has been looked at, and the checksum of that. */
  private seen = 0;
  private crc = 0;
  private found = false;

  /** The frames that are complete by now, as views; an error for each that was begun and is damaged. */
  push(bytes: Uint8Array, last?: 'last'): { readonly frames: Uint8Array[]; readonly errors: string[] } {
    const data = Buffer.concat([this.rest, bytes]);
    const frames: Uint8Array[] = [];
    const errors: string[] = [];
    let { inFrame, seen: at, crc } = this;
    let start = 0;
    const end = last ? data.length : data.length - MAX_HEADER_BYTES;
    for (; at <= end; at++) {
      // A frame together with its checksum has the checksum 0.
      const complete = inFrame && crc === 0 && at > start;
      const header = (complete || !inFrame) && isHeader(data, at);
      if (header || (complete && (at === data.length || isTag(data, at)))) {
        if (complete) frames.push(data.subarray(start, at));
        [start, inFrame, crc] = [at, header, 0];
      } else if (inFrame && (at === data.length || at - start > MAX_FRAME_BYTES)) {
        // Pictures may hold what looks like a header, too.
        if (this.found || frames.length > 0) errors.push('a frame is damaged');
        [at, inFrame] = [start, false];
      }
      crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >> 8) ^ data[at]!]!;
    }
    this.rest = data.subarray(inFrame ? start : at);
    this.seen = inFrame ? at - start : 0;
    this.inFrame = inFrame;
    this.crc = crc;
    this.found ||= frames.length > 0;
    return { frames, errors };
  }
}

/** https://www.rfc-editor.org/rfc/rfc9639#name-frame-header */
function isHeader(data: Uint8Array, at: number): boolean {
  if (data[at] !== 0xff) return false;
  const [, sync = 0, block = 0, layout = 0, number = 0] = data.subarray(at, at + 5);
  if ((sync & 0xfe) !== 0xf8 || block >> 4 === 0 || (block & 15) === 15) return false;
  if (layout >> 4 > 10 || (layout & 0b1110) === 0b0110 || (layout & 1) !== 0) return false;
  const numberBytes = Math.clz32(~(number << 24)) || 1;
  const blockBytes = { 6: 1, 7: 2 }[block >> 4] ?? 0;
  const rateBytes = { 12: 1, 13: 2, 14: 2 }[block & 15] ?? 0;
  const header = data.subarray(at, at + 4 + numberBytes + blockBytes + rateBytes + 1);
  return header.reduce((crc, byte) => CRC8[crc ^ byte]!, 0) === 0;
}

/** ID3v1 or APE, which some programs put behind the sound. */
function isTag(data: Buffer, at: number): boolean {
  return /^(TAG|APETAGEX)/.test(data.toString('latin1', at, at + 8));
}

function crcTable(bits: number, polynomial: number): Uint16Array {
  const [top, mask] = [1 << (bits - 1), (1 << bits) - 1];
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << (bits - 8);
    for (let i = 0; i < 8; i++) crc = ((crc << 1) ^ (crc & top ? polynomial : 0)) & mask;
    return crc;
  });
}
