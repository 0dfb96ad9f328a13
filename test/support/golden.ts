import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Reference vectors of synthetic sounds that are part of the project. */
export const GOLDEN = fileURLToPath(new URL('../golden', import.meta.url));

export const SYNTHETIC = [
  'silence',
  'sine-1000hz',
  'chirp-60-7900hz',
  'white-noise',
  'impulse',
  'quiet-noise-minus-70dbfs',
  'clipped-square-200hz',
  'decaying-thud',
] as const;

/** Little-endian float32 values. */
export function readFloats(folder: string, name: string): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(join(folder, name))).buffer);
}

/** Samples of a golden WAV: 44 bytes of header, then 15 600 of int16. */
export function readSamples(folder: string, name: string): Float32Array {
  const pcm = new Int16Array(new Uint8Array(readFileSync(join(folder, `${name}.wav`))).buffer.slice(44));
  return Float32Array.from(pcm, (value) => value / 32_768);
}

/** They as the first window of a stream. */
export function readWindow(folder: string, name: string) {
  return { samples: readSamples(folder, name), startSample: 0 };
}

export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...differences(a, b));
}

export function meanDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return differences(a, b).reduce((sum, d) => sum + d, 0) / a.length;
}

/** ‖a − b‖ / ‖b‖ */
export function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const norm = (values: number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  return norm(differences(a, b)) / norm(Array.from(b));
}

function differences(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  if (a.length !== b.length) throw new Error(`${a.length} values compared with ${b.length}`);
  return Array.from(a, (value, i) => Math.abs(value - b[i]!));
}
