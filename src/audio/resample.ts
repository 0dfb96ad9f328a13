import { SAMPLE_RATE_HZ } from '../constants.js';
import { createHalver, createPolyphase, PIECE_SAMPLES, type Stage } from './polyphase.js';

/** Brings mono sound to 16 kHz piece by piece. */
export interface Resampler {
  /** The samples that are finished by now; none may be lost before `flush`. */
  push(samples: Float32Array): Float32Array;
  /** The rest, so that all output together is as long as the input: round(samples × 16 000 / rate). */
  flush(): Float32Array;
  close(): void;
}

/** Nothing is recorded below; and above, a damaged header speaks. */
const LOWEST_RATE_HZ = 4_000;
const HIGHEST_RATE_HZ = 768_000;
/** All passes up to so much of half the lower rate: 7.5 kHz, where YAMNet's highest mel band ends. */
const PASSBAND = 15 / 16;
/** Filters of so many rates are kept: a folder of clips would compute them again for each. */
const KEPT_RATES = 4;

/** Filters that nobody uses, by rate. */
const kept = new Map<number, readonly Stage[]>();

/** Whether `createResampler` takes this rate. */
export function canResample(fromHz: number): boolean {
  return Number.isInteger(fromHz) && fromHz >= LOWEST_RATE_HZ && fromHz <= HIGHEST_RATE_HZ;
}

/**
 * Linear-phase filters, flat to 7.5 kHz (or 15/16 of half the sound's own rate, where that is lower), which reject by
 * 100 dB all that would fold or be mirrored onto that. However the sound is cut, the samples are the same. Sound at
 * 16 kHz passes untouched.
 *
 * @throws RangeError where `canResample` says no
 */
export function createResampler(fromHz: number): Resampler {
  if (fromHz === SAMPLE_RATE_HZ)
    return { push: (samples) => samples, flush: () => new Float32Array(0), close() {} };
  if (!canResample(fromHz)) throw new RangeError(`cannot resample from ${fromHz} Hz`);
  const stages = kept.get(fromHz) ?? createStages(fromHz);
  kept.delete(fromHz);
  let [read, written, closed] = [0, 0, false];

  const convert = (samples: Float32Array): Float32Array => {
    const parts: Float32Array[] = [];
    for (let from = 0; from < samples.length; from += PIECE_SAMPLES) {
      const piece = samples.subarray(from, from + PIECE_SAMPLES);
      parts.push(stages.reduce((sound, stage) => stage.push(sound), piece));
    }
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
      const silence = new Float32Array(PIECE_SAMPLES);
      const parts: Float32Array[] = [];
      for (let got = 0; got < missing; got += parts.at(-1)!.length) parts.push(convert(silence));
      return concatenate(parts).subarray(0, Math.max(0, missing));
    },
    close() {
      if (closed) return;
      closed = true;
      for (const stage of stages) stage.reset();
      kept.set(fromHz, stages);
      for (const rate of kept.keys()) if (kept.size > KEPT_RATES) kept.delete(rate);
    },
  };
}

/** Halves the rate as long as it stays above 16 kHz: each filter is short then, and only the last has to be steep. */
function createStages(fromHz: number): readonly Stage[] {
  const passHz = (PASSBAND * SAMPLE_RATE_HZ) / 2;
  const stages: Stage[] = [];
  let rateHz = fromHz;
  let up = SAMPLE_RATE_HZ;
  for (; rateHz >= 2 * SAMPLE_RATE_HZ; rateHz /= 2) {
    stages.push(createHalver(passHz / rateHz));
    up *= 2;
  }
  if (rateHz === SAMPLE_RATE_HZ) return stages;
  const lowerHz = Math.min(rateHz, SAMPLE_RATE_HZ);
  const divisor = greatestCommonDivisor(up, fromHz);
  const transition = ((1 - PASSBAND) * lowerHz) / rateHz;
  return [...stages, createPolyphase(up / divisor, fromHz / divisor, lowerHz / 2 / rateHz, transition)];
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
