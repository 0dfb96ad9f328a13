import { SAMPLE_RATE_HZ } from '../constants.js';

/** Brings mono sound to 16 kHz piece by piece. */
export interface Resampler {
  /** The samples that are finished by now; none may be lost before `flush`. */
  push(samples: Float32Array): Float32Array;
  /** The rest, so that all output together is as long as the input: round(samples × 16 000 / rate). */
  flush(): Float32Array;
  close(): void;
}

/** The converter's memory holds 1 008 000 samples of output; at the lowest rate one makes 4. */
const PIECE_SAMPLES = 32_768;
/** Nothing is recorded below; and each sample of the input or output, whichever are more, takes 2 µs. */
const LOWEST_RATE_HZ = 4_000;
const HIGHEST_RATE_HZ = 768_000;
/** The converter takes rates up to this; only their ratio matters to it. */
const HIGHEST_TERM = 192_000;

/** Whether `createResampler` takes this rate. */
export function canResample(fromHz: number): boolean {
  return (
    Number.isInteger(fromHz) &&
    fromHz >= LOWEST_RATE_HZ &&
    fromHz <= HIGHEST_RATE_HZ &&
    fromHz / greatestCommonDivisor(fromHz, SAMPLE_RATE_HZ) <= HIGHEST_TERM
  );
}

/**
 * libsamplerate's best sinc filter: flat to 7.5 kHz, where YAMNet's highest mel band ends
 * (the medium one is 8 dB down at 7.4 kHz), and −145 dB above 8.5 kHz. Sound at 16 kHz passes untouched.
 *
 * @throws RangeError where `canResample` says no
 */
export async function createResampler(fromHz: number): Promise<Resampler> {
  if (fromHz === SAMPLE_RATE_HZ)
    return { push: (samples) => samples, flush: () => new Float32Array(0), close() {} };
  if (!canResample(fromHz)) throw new RangeError(`cannot resample from ${fromHz} Hz`);
  const { default: libsamplerate } = await import('@alexanderolsen/libsamplerate-js');
  const divisor = greatestCommonDivisor(fromHz, SAMPLE_RATE_HZ);
  const converter = await libsamplerate.create(1, fromHz / divisor, SAMPLE_RATE_HZ / divisor, {
    converterType: libsamplerate.ConverterType.SRC_SINC_BEST_QUALITY,
  });
  let read = 0;
  let written = 0;

  const convert = (samples: Float32Array): Float32Array => {
    const parts: Float32Array[] = [];
    for (let at = 0; at < samples.length; at += PIECE_SAMPLES)
      parts.push(converter.full(samples.subarray(at, at + PIECE_SAMPLES)));
    const converted = parts.length === 1 && parts[0] ? parts[0] : concatenate(parts);
    written += converted.length;
    return converted;
  };

  return {
    push(samples) {
      read += samples.length;
      return convert(samples);
    },
    flush() {
      const missing = Math.round((read * SAMPLE_RATE_HZ) / fromHz) - written;
      const silence = new Float32Array(Math.ceil(fromHz / 10));
      const parts: Float32Array[] = [];
      for (let got = 0; got < missing; ) {
        const part = convert(silence);
        parts.push(part);
        got += part.length;
      }
      return concatenate(parts).subarray(0, Math.max(0, missing));
    },
    close() {
      if (!converter.isDestroyed) converter.destroy();
    },
  };
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
