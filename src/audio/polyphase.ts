import { createDotMemory, DOT_MULTIPLE } from './dot.js';

/** What all stopbands reject: below what 16 bits resolve. */
const STOPBAND_DB = 105;
/** Up to so many phases each has its own coefficients; of more, those of two neighbours are mixed, good to 120 dB. */
const PHASES = 1024;
/** What a stage takes at once, at most. */
export const PIECE_SAMPLES = 8192;

/** A step of a conversion. It delays nothing: what is missing for a sample yet, comes with the next ones. */
export interface Stage {
  /** @param samples no more than `PIECE_SAMPLES` */
  push(samples: Float32Array): Float32Array;
  /** Another sound begins. */
  reset(): void;
}

/**
 * Halves the sample rate with a half-band filter: of its coefficients every second is zero, so it multiplies samples
 * at odd places only; that in the middle is ½.
 *
 * @param passband what passes, as a part of the sample rate; what would fold onto it is rejected
 */
export function createHalver(passband: number): Stage {
  const taps = halfLength(0.5 - 2 * passband, DOT_MULTIPLE);
  const { floats, dot } = createDotMemory(2 * taps + PIECE_SAMPLES);
  const coefficient = lowpass(0.25, taps);
  for (let i = 0; i < taps; i++) floats[i] = coefficient(2 * i + 1 - taps);
  const odd = floats.subarray(taps);
  const even = new Float32Array(taps + PIECE_SAMPLES);
  let [odds, evens, isOdd] = [0, 0, false];
  const reset = () => {
    odds = taps / 2;
    odd.fill(0, 0, odds); // silence before
    [evens, isOdd] = [0, false];
  };
  reset();
  return {
    push(samples) {
      for (let i = 0; i < samples.length; i++) {
        if (isOdd) odd[odds++] = samples[i]!;
        else even[evens++] = samples[i]!;
        isOdd = !isOdd;
      }
      const count = Math.max(0, Math.min(evens, odds - taps + 1));
      const halved = new Float32Array(count);
      for (let i = 0; i < count; i++) halved[i] = even[i]! / 2 + dot(0, taps + i, taps);
      even.copyWithin(0, count, evens);
      odd.copyWithin(0, count, odds);
      evens -= count;
      odds -= count;
      return halved;
    },
    reset,
  };
}

/**
 * Changes the sample rate by a ratio of integers: each output sample is the dot product of the input around it and the
 * low-pass filter, shifted by its place between two input samples.
 *
 * @param up output samples for each `down` input samples
 * @param cutoff middle of the transition, as a part of the input's rate
 * @param transition its width, likewise
 */
export function createPolyphase(up: number, down: number, cutoff: number, transition: number): Stage {
  const half = halfLength(transition, DOT_MULTIPLE / 2);
  const taps = 2 * half;
  const phases = Math.min(up, PHASES);
  const input = (phases + 1) * taps;
  const { floats, dot } = createDotMemory(input + taps + PIECE_SAMPLES);
  const coefficient = lowpass(cutoff, half);
  for (let phase = 0; phase <= phases; phase++)
    for (let i = 0; i < taps; i++) floats[phase * taps + i] = coefficient(phase / phases + half - 1 - i);
  const sound = floats.subarray(input);
  /** The next output lies at sample `at` + `between` / `up` of the sound. */
  let [filled, at, between] = [0, 0, 0];
  const reset = () => {
    filled = half - 1;
    sound.fill(0, 0, filled); // silence before
    [at, between] = [0, 0];
  };
  reset();
  return {
    push(samples) {
      sound.set(samples, filled);
      filled += samples.length;
      const converted = new Float32Array(Math.ceil(((filled - at) * up) / down) + 1);
      let count = 0;
      for (; at + taps <= filled; count++) {
        const phase = Math.floor((between * phases) / up);
        const rest = (between * phases) / up - phase;
        const value = dot(phase * taps, input + at, taps);
        converted[count] =
          rest === 0 ? value : value + rest * (dot((phase + 1) * taps, input + at, taps) - value);
        between += down;
        at += Math.floor(between / up);
        between %= up;
      }
      const done = Math.min(at, filled);
      sound.copyWithin(0, done, filled);
      filled -= done;
      at -= done;
      return converted.subarray(0, count);
    },
    reset,
  };
}

/** Coefficients to each side, by Kaiser's formula (J. F. Kaiser, Nonrecursive digital filter design, 1974). */
function halfLength(transition: number, multiple: number): number {
  return Math.ceil((STOPBAND_DB - 7.95) / (14.36 * transition) / 2 / multiple) * multiple;
}

/** An ideal low-pass filter in Kaiser's window. */
function lowpass(cutoff: number, half: number): (place: number) => number {
  const beta = 0.1102 * (STOPBAND_DB - 8.7);
  return (place) => {
    const angle = 2 * Math.PI * cutoff * place;
    const sinc = 2 * cutoff * (angle === 0 ? 1 : Math.sin(angle) / angle);
    return sinc * (bessel0(beta * Math.sqrt(Math.max(0, 1 - (place / half) ** 2))) / bessel0(beta));
  };
}

/** Modified Bessel function of the first kind, order zero, by its power series. */
function bessel0(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * Number.EPSILON; k++) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}
