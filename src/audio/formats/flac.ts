import type { FileHandle } from 'node:fs/promises';
import { crcTable } from './crc.js';
import {
  type AudioFile,
  badAudio,
  type Decoded,
  type Decoder,
  fromLibrary,
  quietly,
  readAt,
  SearchLimit,
  straighten,
} from './format.js';
import { tagBytes } from './tags.js';

/** The decoder takes no more at once; stereo of 24 bits stays below it with the longest blocks there are. */
const MAX_FRAME_BYTES = 65_535 * 8;
/** Enough for the header of a frame and for that of a tag. */
const LOOK_AHEAD_BYTES = 32;
/** Of metadata; a picture has one. */
const MAX_BLOCKS = 1000;
const STREAM_INFO_BYTES = 34;

const CRC8 = crcTable(8, 0x07);
const CRC16 = crcTable(16, 0x8005);

/**
 * Reads what the header says, and finds the first frame behind the metadata.
 * https://www.rfc-editor.org/rfc/rfc9639#name-streaminfo
 *
 * @throws UserError bad data
 */
export async function flac(file: FileHandle, size: number, begin: number, path: string): Promise<AudioFile> {
  const head = await readAt(file, begin, 8 + STREAM_INFO_BYTES);
  if (head.length < 8 + STREAM_INFO_BYTES) throw badAudio(path, 'is a FLAC file whose header is cut off');
  const info = head.subarray(8);
  const promisedSamples = (info[13]! & 0x0f) * 2 ** 32 + info.readUInt32BE(14);
  let start = begin + 4;
  for (let i = 0, last = false; i < MAX_BLOCKS && !last && start < size; i++) {
    const block = await readAt(file, start, 4);
    if (block.length < 4 || block[0] === 0xff) break;
    last = (block[0]! & 0x80) !== 0;
    start += 4 + block.readUIntBE(1, 3);
  }
  return {
    parts: [{ start: Math.min(start, size), end: size }],
    open: () => openFlac(integerBits(info)),
    ...(promisedSamples > 0 && { promisedSamples }),
  };
}

/** Bits of a sample, as STREAMINFO says. */
export function integerBits(info: Uint8Array): number {
  return (((info[12]! & 1) << 4) | (info[13]! >> 4)) + 1;
}

/**
 * Decodes a FLAC stream without a container, in pieces of any length. The library finds frames, too, but where
 * the last one has less than 14 bytes, as silence has, it takes the last two for one and loses it.
 */
async function openFlac(bits: number): Promise<Decoder> {
  const decodeFrame = await openFrames();
  const finder = new FlacFrames();
  async function* decode(bytes: Uint8Array, last?: 'last'): AsyncGenerator<Decoded> {
    const { frames, passedOver } = finder.push(bytes, last);
    yield { channelData: [], sampleRate: 0, passedOver };
    // One after the other: a few bytes may hold 65 535 samples of silence.
    for (const frame of frames) yield decodeFrame(frame, bits);
  }
  return {
    decode: (bytes) => decode(bytes),
    flush: () => decode(new Uint8Array(), 'last'),
    free: () => decodeFrame.free(),
  };
}

/** libFLAC, for whole frames. */
export async function openFrames() {
  const library = new (await import('@wasm-audio-decoders/flac')).FLACDecoder();
  await library.ready;
  const decode = async (frame: Uint8Array, bits: number): Promise<Decoded> => {
    const decoded = fromLibrary(await quietly(() => library.decodeFrames([frame])));
    for (const channel of decoded.channelData) straighten(channel, bits, 'all');
    return decoded;
  };
  return Object.assign(decode, { free: () => library.free() });
}

/**
 * Finds the frames of a FLAC stream. Their length is written nowhere: a frame is what begins with a header, has
 * the right checksum, and has the next header, a tag or the end of the file behind it; or where there is none of
 * these, the first part that has the right checksum.
 * https://www.rfc-editor.org/rfc/rfc9639#name-frame-structure
 */
export class FlacFrames {
  /** Not handed out yet; begins with a header where `inFrame`. */
  #rest: Uint8Array = new Uint8Array();
  #inFrame = false;
  /** How much of the rest has been looked at, and the checksum of that. */
  #seen = 0;
  #crc = 0;
  /** How long the frame may be. */
  #most = 0;
  /** How much of it is a frame if nothing shows where it ends; 0 for none. */
  #likely: number | undefined;
  /** So much of a tag is still to come. */
  #tagBytes = 0;
  readonly #limit = new SearchLimit();

  /**
   * The frames that are complete by now, as views; and how many bytes are in none, nor in a tag.
   *
   * @throws Error where too much is damaged
   */
  push(bytes: Uint8Array, last?: 'last'): { readonly frames: Uint8Array[]; readonly passedOver: number } {
    this.#limit.give(bytes.length);
    const data = Buffer.concat([this.#rest, bytes]);
    const end = last ? data.length : data.length - LOOK_AHEAD_BYTES;
    const frames: Uint8Array[] = [];
    let passedOver = 0;
    let start = Math.min(this.#tagBytes, data.length);
    let at = start + this.#seen;
    this.#tagBytes -= start;
    while (at <= end) {
      if (!this.#inFrame) {
        if (at === data.length) break;
        this.#most = mostBytes(data, at);
        if (this.#most === 0) {
          const tag = tagBytes(data, at);
          if (tag === 0) passedOver++;
          this.#tagBytes = Math.max(0, at + tag - data.length);
          at = Math.min(data.length, at + (tag || 1));
          continue;
        }
        this.#inFrame = true;
        [start, this.#crc, this.#likely] = [at, 0, undefined];
      }
      // A frame together with its checksum has the checksum 0.
      const complete = this.#crc === 0 && at > start;
      const header = at > start && mostBytes(data, at) > 0;
      if (complete && (header || at === data.length || tagBytes(data, at) > 0)) {
        frames.push(data.subarray(start, at));
        this.#inFrame = false;
        continue;
      }
      // Behind the next header, a right checksum is chance.
      if (header) this.#likely ??= 0;
      else if (complete) this.#likely ??= at - start;
      if (at === data.length || at - start > this.#most) {
        this.#limit.search(at - start);
        if (this.#likely) frames.push(data.subarray(start, start + this.#likely));
        else passedOver++;
        at = start + (this.#likely || 1);
        this.#inFrame = false;
        continue;
      }
      this.#crc = ((this.#crc << 8) & 0xffff) ^ CRC16[(this.#crc >> 8) ^ data[at]!]!;
      at++;
    }
    if (!this.#inFrame) start = at;
    this.#seen = at - start;
    this.#rest = data.subarray(start);
    return { frames, passedOver };
  }
}

/**
 * The most bytes that a frame has whose header begins here: twice what its samples have as they are; 0 where
 * none begins. https://www.rfc-editor.org/rfc/rfc9639#name-frame-header
 */
function mostBytes(data: Uint8Array, at: number): number {
  if (data[at] !== 0xff) return 0;
  const [sync = 0, codes = 0, layout = 0, number = 0] = [
    data[at + 1],
    data[at + 2],
    data[at + 3],
    data[at + 4],
  ];
  const [block, rate] = [codes >> 4, codes & 15];
  if ((sync & 0xfe) !== 0xf8 || block === 0 || rate === 15) return 0;
  if (layout >> 4 > 10 || (layout & 0b1110) === 0b0110 || (layout & 1) !== 0) return 0;
  const numberBytes = Math.clz32(~(number << 24)) || 1;
  const blockBytes = block === 6 ? 1 : block === 7 ? 2 : 0;
  const rateBytes = rate === 12 ? 1 : rate === 13 || rate === 14 ? 2 : 0;
  const checksumAt = at + 4 + numberBytes + blockBytes + rateBytes;
  let crc = 0;
  for (let i = at; i <= checksumAt; i++) crc = CRC8[crc ^ (data[i] ?? 0)]!;
  if (crc !== 0) return 0;
  const samples = block < 6 ? 4608 : block === 6 ? 256 : block === 7 ? 65_536 : 1 << block;
  const channels = layout >> 4 < 8 ? (layout >> 4) + 1 : 2;
  return Math.min(MAX_FRAME_BYTES, 2 * (64 + samples * channels * 4));
}
