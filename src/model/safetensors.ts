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

const BYTES_PER_VALUE: Record<string, number> = { F32: 4, F16: 2 };

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
    const size = BYTES_PER_VALUE[entry?.dtype];
    if (size === undefined) throw broken(`tensor ${key} has type ${entry?.dtype}, not F32 or F16`);
    if (!isShape(entry.shape) || !isShape(entry.data_offsets) || entry.data_offsets.length !== 2)
      throw broken(`tensor ${key} has no valid shape and offsets`);
    const count = entry.shape.reduce((product, extent) => product * extent, 1);
    const [begin, end] = entry.data_offsets;
    if (end - begin !== count * size || dataStart + end > file.byteLength)
      throw broken(`tensor ${key} lies outside the file or does not have its shape's size`);
    const bytes = new Uint8Array(file.subarray(dataStart + begin, dataStart + end)); // a copy, so aligned
    tensors.set(key, {
      shape: entry.shape,
      data:
        entry.dtype === 'F32' ? new Float32Array(bytes.buffer) : fromFloat16(new Uint16Array(bytes.buffer)),
    });
  }
  return tensors;
}

/** Writes float32 tensors as a safetensors file. */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const header: Record<string, Entry> = {};
  let offset = 0;
  for (const [key, { shape, data }] of tensors) {
    header[key] = { dtype: 'F32', shape: [...shape], data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  // The header is padded with spaces so that the data starts 8-byte aligned.
  let json = JSON.stringify(header);
  json = json.padEnd(Math.ceil(json.length / 8) * 8, ' ');
  const headerBytes = new TextEncoder().encode(json);
  const file = new Uint8Array(LENGTH_BYTES + headerBytes.byteLength + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes.byteLength), true);
  file.set(headerBytes, LENGTH_BYTES);
  let position = LENGTH_BYTES + headerBytes.byteLength;
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
}

/** IEEE 754 half to single precision, exact. */
export function fromFloat16(halves: Uint16Array): Float32Array {
  const out = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) out[i] = sign * 2 ** -24 * fraction;
    else if (exponent === 31) out[i] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else out[i] = sign * 2 ** (exponent - 25) * (1024 + fraction);
  }
  return out;
}
