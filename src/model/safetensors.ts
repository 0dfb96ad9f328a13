import { ExitCode, UserError } from '../errors.js';

/** A named array with its shape, float32 whatever it was stored as. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** 8 bytes of header length, a JSON header, then raw little-endian data: https://github.com/huggingface/safetensors */
const LENGTH_BYTES = 8;
/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const BYTES_PER_VALUE = new Map([
  ['F32', 4],
  ['F16', 2],
]);

/**
 * Reads F32 and F16 tensors out of a safetensors file.
 *
 * @param file the whole file
 * @param name what to call the file in errors
 * @throws UserError (bad data) for a header that is not within the file, not JSON or not consistent
 */
export function readSafetensors(file: Uint8Array, name: string): Map<string, Tensor> {
  const broken = (what: string) =>
    new UserError(ExitCode.badData, `${name}: ${what}`, 'Get the model again: the file is damaged.');
  if (file.byteLength < LENGTH_BYTES) throw broken(`${file.byteLength} bytes are no safetensors file`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || LENGTH_BYTES + headerBytes > file.byteLength)
    throw broken(`its header claims ${headerBytes} bytes, the file has ${file.byteLength}`);

  let header: Record<string, Entry>;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(LENGTH_BYTES, LENGTH_BYTES + headerBytes)));
  } catch {
    throw broken('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null) throw broken('its header is not a JSON object');

  const dataStart = LENGTH_BYTES + headerBytes;
  const tensors = new Map<string, Tensor>();
  for (const [key, entry] of Object.entries(header)) {
    if (key === '__metadata__') continue;
    if (typeof entry?.dtype !== 'string') throw broken(`tensor ${key} has no type`);
    const size = BYTES_PER_VALUE.get(entry.dtype);
    if (size === undefined) throw broken(`tensor ${key} has type ${entry.dtype}, not F32 or F16`);
    if (!isShape(entry.shape) || !isShape(entry.data_offsets) || entry.data_offsets.length !== 2)
      throw broken(`tensor ${key} has no valid shape and offsets`);
    const count = entry.shape.reduce((product, extent) => product * extent, 1);
    const [begin, end] = entry.data_offsets;
    if (end - begin !== count * size || dataStart + end > file.byteLength)
      throw broken(`tensor ${key} lies outside the file or does not have its shape's size`);
    const bytes = file.subarray(dataStart + begin, dataStart + end);
    // All threads see it: copies of a model would add up.
    const data = new Float32Array(new SharedArrayBuffer(4 * count));
    if (entry.dtype === 'F32') new Uint8Array(data.buffer).set(bytes);
    else fromFloat16(new Uint16Array(new Uint8Array(bytes).buffer), data); // a copy, so aligned
    tensors.set(key, { shape: entry.shape, data });
  }
  return tensors;
}

/**
 * Writes a safetensors file. A tensor is stored as F16 where every value of it is a half, so nothing is lost.
 *
 * @param options.float32 stores all as F32, for readers that know no halves
 * @param options.metadata texts that the header carries for people and programs
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  { float32 = false, metadata }: { float32?: boolean; metadata?: Record<string, string> } = {},
): Uint8Array {
  const stored = [...tensors].map(([key, { shape, data }]) => ({
    key,
    shape,
    values: (float32 ? undefined : toFloat16(data)) ?? data,
  }));
  const header: Record<string, Entry | Record<string, string>> = metadata ? { __metadata__: metadata } : {};
  let offset = 0;
  // The wider type lies first, so that every tensor starts at a multiple of its width.
  for (const { key, shape, values } of stored.toSorted((a, b) => widthOf(b.values) - widthOf(a.values))) {
    const end = offset + values.byteLength;
    header[key] = {
      dtype: widthOf(values) === 4 ? 'F32' : 'F16',
      shape: [...shape],
      data_offsets: [offset, end],
    };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // The header is padded with spaces so that the data starts 8-byte aligned.
  const headerBytes = Math.ceil(json.byteLength / 8) * 8;
  const dataStart = LENGTH_BYTES + headerBytes;
  const file = new Uint8Array(dataStart + offset).fill(0x20, 0, dataStart);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, LENGTH_BYTES);
  for (const { key, values } of stored) {
    const [begin] = (header[key] as Entry).data_offsets;
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), dataStart + begin);
  }
  return file;
}

function widthOf(values: Float32Array | Uint16Array): number {
  return values.BYTES_PER_ELEMENT;
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
}

/** IEEE 754 half to single precision, exact. */
export function fromFloat16(
  halves: Uint16Array,
  out: Float32Array = new Float32Array(halves.length),
): Float32Array {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    const exponent = half & 0x7c00;
    const sign = (half & 0x8000) << 16;
    // Most are of the usual kind: another bias of the exponent, and zeros behind the fraction.
    if (exponent !== 0 && exponent !== 0x7c00) bits[i] = sign | (((half & 0x7fff) << 13) + (112 << 23));
    else if (exponent === 0) out[i] = (sign < 0 ? -1 : 1) * 2 ** -24 * (half & 0x3ff);
    else bits[i] = sign | 0x7f800000 | ((half & 0x3ff) << 13); // infinite, or no number
  }
  return out;
}

const ODD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Whether every value is a number. By what V8 has compiled beforehand: a loop would start slowly, on millions of weights. */
export function allFinite(values: Float32Array): boolean {
  return !ODD.some((odd) => values.includes(odd));
}

/** Single precision to IEEE 754 halves; undefined where one value is no half. The reverse of `fromFloat16`. */
function toFloat16(values: Float32Array): Uint16Array | undefined {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000;
    const exponent = ((bits[i]! >>> 23) & 0xff) - 127;
    const fraction = bits[i]! & 0x7fffff;
    if (values[i] === 0) out[i] = sign;
    else if (exponent === 128 && fraction === 0) out[i] = sign | 0x7c00;
    else if (exponent >= -14 && exponent <= 15) {
      if (fraction & 0x1fff) return undefined;
      out[i] = sign | ((exponent + 15) << 10) | (fraction >>> 13);
    } else if (exponent >= -24 && exponent < -14) {
      // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴ without the leading one that is not stored.
      const shift = -1 - exponent;
      const significand = fraction | 0x800000;
      if (significand & ((1 << shift) - 1)) return undefined;
      out[i] = sign | (significand >>> shift);
    } else return undefined;
  }
  return out;
}
