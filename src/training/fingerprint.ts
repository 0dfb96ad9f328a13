import { createHash } from 'node:crypto';
import {
  MEL_BANDS,
  PATCH_FRAMES,
  PATCH_VALUES,
  SAMPLE_RATE_HZ,
  STFT_HOP_SAMPLES,
  WINDOW_SAMPLES,
} from '../constants.js';
import { createFrontEnd } from '../features/create-front-end.js';
import { levelOf, SILENCE_DBFS } from '../features/level.js';

/** The pattern's resolution: neighbouring mel bands and frames are much alike. */
const BANDS = 16;
const FRAME_SAMPLES = 2 * STFT_HOP_SAMPLES;
/** Only the beginning of a long file is compared. */
const MAX_SECONDS = 3;
/** Samples this near to full scale, so many in a row, are cut off, not just loud. */
const CLIPPED_LEVEL = 0.999;
const CLIPPED_RUN = 3;
/** How far two clips are moved against each other: half a second. */
const MAX_SHIFT = Math.round((0.5 * SAMPLE_RATE_HZ) / FRAME_SAMPLES);
/** What the clips must share of the longer one, moved so. */
const MIN_OVERLAP = 0.5;
/** Patterns less alike than this cannot be of one sound: their waveforms are not compared. */
const MIN_PATTERN = 0.4;
/** Nor those whose mean spectra differ by more, nepers. */
const MAX_SPECTRUM = 0.6;
/** The loudest piece of one clip that is looked for in the other, and how far from where the patterns put it. */
const PROBE_SAMPLES = 512;
const PROBE_SEARCH = FRAME_SAMPLES;

/** What is needed of a clip to judge it and to find its like. */
export interface Fingerprint {
  readonly seconds: number;
  /** Of the loudest second. */
  readonly rmsDbfs: number;
  readonly peakDbfs: number;
  /** Share of the samples that are cut off at full scale. */
  readonly clippedShare: number;
  /** SHA-256 of the decoded samples. */
  readonly hash: string;
  /** Mean of each band in nepers, whatever the gain. */
  readonly spectrum: Float32Array;
  /** Frames × bands of log-mel without each band's mean: what changes in time, whatever the gain. */
  readonly pattern: Float32Array;
  /** Sum of the squares of the pattern's frames before each frame. */
  readonly energy: Float64Array;
  /** The sound itself, at full scale. */
  readonly waveform: Int16Array;
}

/** Fingerprints clips; its buffers are used again and again. */
export function createFingerprinter(): (samples: Float32Array) => Fingerprint {
  const frontEnd = createFrontEnd('yamnet-log-mel');
  const window = new Float32Array(WINDOW_SAMPLES);
  const mel = new Float32Array(PATCH_VALUES);

  return (samples) => {
    frontEnd.forget();
    const level = loudestLevel(samples);
    const part = samples.subarray(0, MAX_SECONDS * SAMPLE_RATE_HZ);
    const frames = Math.max(1, Math.ceil(part.length / FRAME_SAMPLES));
    const pattern = new Float32Array(frames * BANDS);
    // At one peak level, the log-mel of a quiet copy is the same as that of the loud one.
    const gain = 1 / Math.max(1e-6, peakOf(part));
    const perCell = (MEL_BANDS / BANDS) * (FRAME_SAMPLES / STFT_HOP_SAMPLES);
    for (let first = 0; first < frames; first += PATCH_FRAMES / 2) {
      const begin = first * FRAME_SAMPLES;
      window.fill(0);
      for (let i = 0; i < WINDOW_SAMPLES && begin + i < part.length; i++) window[i] = part[begin + i]! * gain;
      frontEnd.compute({ samples: window, startSample: begin }, mel);
      for (let i = 0; i < mel.length; i++) {
        const frame = first + (Math.floor(i / MEL_BANDS) >> 1);
        const band = Math.floor(((i % MEL_BANDS) * BANDS) / MEL_BANDS);
        if (frame < frames) pattern[frame * BANDS + band]! += mel[i]! / perCell;
      }
    }
    const spectrum = removeMeans(pattern, frames);
    const overall = spectrum.reduce((a, b) => a + b, 0) / BANDS;
    const energy = new Float64Array(frames + 1);
    for (let t = 0; t < frames; t++) {
      let sum = 0;
      for (let b = 0; b < BANDS; b++) sum += pattern[t * BANDS + b]! ** 2;
      energy[t + 1] = energy[t]! + sum;
    }
    return {
      seconds: samples.length / SAMPLE_RATE_HZ,
      ...level,
      clippedShare: clippedShareOf(samples),
      hash: createHash('sha256').update(samples).digest('hex'),
      spectrum: spectrum.map((mean) => mean - overall),
      pattern,
      energy,
      waveform: Int16Array.from(part, (sample) => Math.round(sample * gain * 32_767)),
    };
  };
}

/**
 * How far two clips are the same sound, 0…1, whatever their gain and polarity and up to half a second cut off: the
 * correlation of their waveforms where they fit best. Clips that cannot be are found out early, and get 0: first by
 * their mean spectrum, then by what changes in time, which two stretches of one hum do not share.
 */
export function sameness(a: Fingerprint, b: Fingerprint): number {
  if (a.spectrum.some((mean, i) => Math.abs(mean - b.spectrum[i]!) > MAX_SPECTRUM)) return 0;
  const { similarity, shift } = alignPatterns(a, b);
  return similarity < MIN_PATTERN ? 0 : correlateWaveforms(a.waveform, b.waveform, shift * FRAME_SAMPLES);
}

/** How alike the patterns run, −1…1, and the shift in frames (b's beginning in a) at which they are most alike. */
function alignPatterns(a: Fingerprint, b: Fingerprint): { similarity: number; shift: number } {
  const [framesA, framesB] = [a.energy.length - 1, b.energy.length - 1];
  const needed = Math.max(1, MIN_OVERLAP * Math.max(framesA, framesB));
  let best = { similarity: -1, shift: 0 };
  for (let shift = -MAX_SHIFT; shift <= MAX_SHIFT; shift++) {
    const begin = Math.max(0, shift);
    const end = Math.min(framesA, framesB + shift);
    if (end - begin < needed) continue;
    const energyA = a.energy[end]! - a.energy[begin]!;
    const energyB = b.energy[end - shift]! - b.energy[begin - shift]!;
    let product = 0;
    const offset = shift * BANDS;
    for (let i = begin * BANDS; i < end * BANDS; i++) product += a.pattern[i]! * b.pattern[i - offset]!;
    const similarity = product / Math.max(1e-12, Math.sqrt(energyA * energyB));
    if (similarity > best.similarity) best = { similarity, shift };
  }
  return best;
}

/** The correlation over all that the clips share, with b moved by about `shift` samples; what b lacks is silence. */
function correlateWaveforms(ofA: Int16Array, ofB: Int16Array, shift: number): number {
  // The same whole numbers, in which products need no conversion.
  const [a, b] = [new Float64Array(ofA), new Float64Array(ofB)];
  const probeAt = loudestAt(a, Math.max(0, shift), Math.min(a.length, b.length + shift));
  const probe = a.subarray(probeAt, Math.min(probeAt + PROBE_SAMPLES, b.length + shift));
  const probePower = powerOf(probe);
  let best = { correlation: -1, shift };
  // Where the probe begins in b; what it lies on changes by one sample at either end.
  let at = probeAt - shift + PROBE_SEARCH;
  let power = powerOf(b.subarray(Math.max(0, at), Math.max(0, at + probe.length)));
  for (let tried = shift - PROBE_SEARCH; tried <= shift + PROBE_SEARCH; tried++, at--) {
    const correlation = cosine(productOf(probe, b, at), probePower, power);
    if (correlation > best.correlation) best = { correlation, shift: tried };
    power += (b[at - 1] ?? 0) ** 2 - (b[at - 1 + probe.length] ?? 0) ** 2;
  }
  const shared = a.subarray(Math.max(0, best.shift), Math.max(0, b.length + best.shift));
  const from = Math.max(0, -best.shift);
  return cosine(productOf(shared, b, from), powerOf(shared), powerOf(b.subarray(from, from + shared.length)));
}

function cosine(product: number, powerA: number, powerB: number): number {
  return Math.abs(product) / Math.max(1, Math.sqrt(powerA * powerB));
}

/**
 * Of a and what of b it lies on, when it begins at b[at]. Four sums, of which none waits for another; of whole numbers,
 * so that nothing is rounded.
 */
function productOf(a: Float64Array, b: Float64Array, at: number): number {
  const end = Math.min(a.length, b.length - at);
  let one = 0;
  let two = 0;
  let three = 0;
  let four = 0;
  let i = Math.max(0, -at);
  for (; i + 3 < end; i += 4) {
    one += a[i]! * b[at + i]!;
    two += a[i + 1]! * b[at + i + 1]!;
    three += a[i + 2]! * b[at + i + 2]!;
    four += a[i + 3]! * b[at + i + 3]!;
  }
  for (; i < end; i++) one += a[i]! * b[at + i]!;
  return one + two + three + four;
}

function powerOf(samples: Float64Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum;
}

function loudestAt(samples: Float64Array, begin: number, end: number): number {
  let best = { power: -1, at: begin };
  for (let at = begin; at < end; at += PROBE_SAMPLES / 2) {
    let power = 0;
    for (let i = at; i < Math.min(end, at + PROBE_SAMPLES); i++) power += samples[i]! ** 2;
    if (power > best.power) best = { power, at };
  }
  return best.at;
}

/** Takes each band's mean out of the frames and returns it. */
function removeMeans(pattern: Float32Array, frames: number): Float32Array {
  const means = new Float32Array(BANDS);
  for (let i = 0; i < pattern.length; i++) means[i % BANDS]! += pattern[i]! / frames;
  for (let i = 0; i < pattern.length; i++) pattern[i]! -= means[i % BANDS]!;
  return means;
}

function loudestLevel(samples: Float32Array): Pick<Fingerprint, 'rmsDbfs' | 'peakDbfs'> {
  let [rmsDbfs, peakDbfs] = [SILENCE_DBFS, SILENCE_DBFS];
  for (let at = 0; at < samples.length; at += SAMPLE_RATE_HZ) {
    const level = levelOf(samples.subarray(at, at + SAMPLE_RATE_HZ));
    rmsDbfs = Math.max(rmsDbfs, level.rmsDbfs);
    peakDbfs = Math.max(peakDbfs, level.peakDbfs);
  }
  return { rmsDbfs, peakDbfs };
}

function peakOf(samples: Float32Array): number {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return peak;
}

function clippedShareOf(samples: Float32Array): number {
  let [clipped, run] = [0, 0];
  for (const sample of samples) {
    run = Math.abs(sample) >= CLIPPED_LEVEL ? run + 1 : 0;
    if (run === CLIPPED_RUN) clipped += CLIPPED_RUN;
    else if (run > CLIPPED_RUN) clipped++;
  }
  return samples.length > 0 ? clipped / samples.length : 0;
}
