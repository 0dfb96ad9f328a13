import type { FileHandle } from 'node:fs/promises';
import { type AudioFile, type Decoded, type Decoder, fromLibrary, quietly, readAt } from './format.js';
import { tagBytes } from './tags.js';

/** Thousands of bits per second, by the version and the layer of a header and the number in it. */
const LAYER_1 = [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
const LAYER_2 = [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const LAYER_3 = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const LOW_LAYER_1 = [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const LOW_LAYER_2 = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const RATES_HZ = [44_100, 48_000, 32_000];

/** A frame is taken for one where so many more follow; chance does not make that many. */
const FOLLOWERS = 2;
/** Layer II at 160 kbit/s and 8 kHz: the longest frame there is. */
const MAX_FRAME_BYTES = 2881;
const LOOK_AHEAD_BYTES = (FOLLOWERS + 1) * MAX_FRAME_BYTES + 32;

interface Header {
  /** Version, layer and sample rate: what stays the same from frame to frame. */
  readonly kind: number;
  readonly frameBytes: number;
}

/**
 * Looks into the encoder's first frame, where there is one, for the number of bytes there
 * should be. http://gabriel.mp3-tech.org/mp3infotag.html
 *
 * @param first where the first frame is
 */
export async function mp3(file: FileHandle, size: number, start: number, first: number): Promise<AudioFile> {
  const frame = await readAt(file, first, 200);
  const tag = Math.max(frame.indexOf('Xing'), frame.indexOf('Info'));
  const flags = frame[tag + 7] ?? 0;
  const knowsBytes = tag > 0 && (flags & 2) !== 0 && frame.length >= tag + 16;
  const bytes = knowsBytes ? frame.readUInt32BE(tag + 8 + (flags & 1) * 4) : 0;
  const damage = first + bytes > size ? 'its end is cut off' : undefined;
  return { parts: [{ start, end: size }], open: openMp3, damage };
}

/** Where the first frame is, −1 where none is found. */
export function findMp3(data: Buffer, last: boolean): number {
  for (let at = data.indexOf(0xff); at >= 0; at = data.indexOf(0xff, at + 1))
    if (isFrame(data, at, last)) return at;
  return -1;
}

/** Whether this is the header of a frame that does not say how long it is. */
export function isFreeFormat(head: Buffer): boolean {
  return head.length >= 3 && (head[2]! & 0xf0) === 0 && readHeader(withBitRate(head), 0) !== undefined;
}

/** Decodes MPEG audio, layers I to III. The library stumbles over whatever is no frame, so it gets none of it. */
export async function openMp3(): Promise<Decoder> {
  const library = await (await import('@audio/decode-mp3')).decoder();
  const finder = new Mp3Frames();
  function* decode(bytes: Uint8Array, last = false): Generator<Decoded> {
    const { runs, passedOver } = finder.push(bytes, last);
    yield { channelData: [], sampleRate: 0, passedOver };
    for (const run of runs) yield fromLibrary(quietly(() => library.decode(run)));
  }
  return {
    decode: (bytes) => decode(bytes),
    flush: () => decode(new Uint8Array(), true),
    free: () => library.free(),
  };
}

/** Finds the frames of a stream that may begin within one, has tags in it, or was joined out of several. */
class Mp3Frames {
  /** Not handed out yet. */
  #rest: Uint8Array = new Uint8Array();
  /** Of the last frame, where the next is expected right behind it. */
  #kind: number | undefined;
  /** So much of a tag is still to come. */
  #tagBytes = 0;

  /** The frames that are complete by now, those of one kind together; and how many bytes were none. */
  push(bytes: Uint8Array, last: boolean): { readonly runs: Buffer[]; readonly passedOver: number } {
    const data = Buffer.concat([this.#rest, bytes]);
    const end = last ? data.length : data.length - LOOK_AHEAD_BYTES;
    const runs: Buffer[] = [];
    let passedOver = 0;
    let runStart = 0;
    let at = Math.min(this.#tagBytes, data.length);
    this.#tagBytes -= at;
    const endRun = (next: number | undefined) => {
      if (this.#kind !== undefined && at > runStart) runs.push(data.subarray(runStart, at));
      [this.#kind, runStart] = [next, at];
    };
    runStart = at;
    while (at < end) {
      const header = readHeader(data, at);
      const follows =
        header !== undefined && header.kind === this.#kind && at + header.frameBytes <= data.length;
      if (header && (follows || isFrame(data, at, last))) {
        if (!follows) endRun(header.kind);
        at += header.frameBytes;
        continue;
      }
      endRun(undefined);
      const tag = tagBytes(data, at);
      if (tag === 0) passedOver++;
      this.#tagBytes = Math.max(0, at + tag - data.length);
      at = Math.min(data.length, at + (tag || 1));
    }
    const kind = this.#kind;
    endRun(kind);
    this.#rest = data.subarray(at);
    return { runs, passedOver };
  }
}

/** Whether a frame begins here: more of its kind, a tag or the end follow. */
function isFrame(data: Buffer, at: number, last: boolean): boolean {
  const first = readHeader(data, at);
  if (!first) return false;
  let next = at + first.frameBytes;
  for (let i = 0; i < FOLLOWERS; i++) {
    if ((last && next === data.length) || tagBytes(data, next) > 0) return true;
    const header = readHeader(data, next);
    if (header?.kind !== first.kind) return false;
    next += header.frameBytes;
  }
  return true;
}

/** http://www.mp3-tech.org/programmer/frame_header.html */
function readHeader(data: Uint8Array, at: number): Header | undefined {
  if (data[at] !== 0xff || at + 4 > data.length) return undefined;
  const [kinds, rates] = [data[at + 1]!, data[at + 2]!];
  const version = (kinds >> 3) & 3;
  const layer = 4 - ((kinds >> 1) & 3);
  const rate = RATES_HZ[(rates >> 2) & 3];
  if (kinds < 0xe0 || version === 1 || layer === 4 || !rate) return undefined;
  const table = version === 3 ? [LAYER_1, LAYER_2, LAYER_3] : [LOW_LAYER_1, LOW_LAYER_2, LOW_LAYER_2];
  const bitRate = table[layer - 1]![(rates >> 4) - 1];
  if (!bitRate) return undefined;
  const rateHz = rate >> (version === 3 ? 0 : version === 2 ? 1 : 2);
  const padding = (rates >> 1) & 1;
  const kind = ((kinds & 0x1e) << 8) | (rates & 0x0c);
  // Samples in a frame / 8, or / 32 in units of 4 bytes.
  if (layer === 1) return { kind, frameBytes: (Math.floor((12_000 * bitRate) / rateHz) + padding) * 4 };
  const samples = layer === 3 && version !== 3 ? 576 : 1152;
  return { kind, frameBytes: Math.floor((samples * 125 * bitRate) / rateHz) + padding };
}

function withBitRate(head: Buffer): Buffer {
  const copy = Buffer.from(head.subarray(0, 4));
  copy[2]! |= 0x10;
  return copy;
}
