import { SAMPLE_RATE_HZ } from '../constants.js';
import { dbfsOf, momentsOf, powerOf } from '../features/level.js';
import type { MicrophoneFault } from '../types.js';
import { UsualQuiet } from './usual-quiet.js';

/** Of 16 bits. What has more is measured by it, too: no microphone is that quiet. */
const STEP = 2 ** -15;
/** Rounding, and what a resampler makes of a constant. */
const TINY = STEP / 100;
/** At the rail, and so large a share of the samples there that nothing else can be heard. */
const RAIL = 0.999;
const CLIPPED_SHARE = 0.2;

/**
 * What each fault must last, in seconds. Exact zeros, a constant and full scale come from no room. The others may,
 * by bad luck with the gain, be a very quiet one.
 */
export const PATIENCE_SECONDS: Readonly<Record<MicrophoneFault, number>> = {
  microphone_zero: 60,
  microphone_stuck: 60,
  microphone_clipping: 120,
  microphone_least_bit: 600,
  microphone_muted: 1800,
};
/** What was reported and ended by itself must last twice as long the next time: it may have been real silence. */
const DOUBTFUL: ReadonlySet<MicrophoneFault> = new Set(['microphone_least_bit', 'microphone_muted']);
const LONGEST_PATIENCE_SECONDS = 12 * 3600;
/** It ends after so many seconds of sound in a row: one click does not mend a microphone. */
export const MENDED_SECONDS = 3;

/**
 * Tells whether what a microphone gives can be sound at all. Time is that of the samples.
 */
export class MicrophoneWatch {
  readonly #patience = new Map(Object.entries(PATIENCE_SECONDS) as [MicrophoneFault, number][]);
  /** For how many seconds each fault has lasted, in the order in which they are named. */
  readonly #lasted = new Map<MicrophoneFault, number>();
  readonly #second = new Float32Array(SAMPLE_RATE_HZ);
  #filled = 0;
  #fault: MicrophoneFault | undefined;
  #soundSeconds = 0;

  /** @param usual what is quiet here, as far as it is known */
  constructor(private readonly usual = new UsualQuiet()) {}

  /** What is wrong now. */
  get fault(): MicrophoneFault | undefined {
    return this.#fault;
  }

  /** @param samples mono at 16 kHz */
  push(samples: Float32Array): void {
    for (let at = 0; at < samples.length; ) {
      const piece = samples.subarray(at, at + SAMPLE_RATE_HZ - this.#filled);
      this.#second.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled < SAMPLE_RATE_HZ) return;
      this.#filled = 0;
      this.#judge();
    }
  }

  #judge(): void {
    const signs = signsOf(this.#second);
    for (const fault of this.#patience.keys())
      this.#lasted.set(fault, signs.includes(fault) ? (this.#lasted.get(fault) ?? 0) + 1 : 0);
    this.usual.push(signs.length > 0 ? undefined : dbfsOf(powerOf(momentsOf(this.#second))));
    this.#lasted.set('microphone_muted', this.usual.mutedSeconds);
    this.#decide();
  }

  #decide(): void {
    const lasted = [...this.#lasted];
    const due = lasted.find(([fault, seconds]) => seconds >= (this.#patience.get(fault) ?? 0))?.[0];
    if (due !== undefined) this.#fault = due;
    if (this.#fault === undefined) return;
    this.#soundSeconds = (this.#lasted.get(this.#fault) ?? 0) > 0 ? 0 : this.#soundSeconds + 1;
    if (this.#soundSeconds >= MENDED_SECONDS) this.#mended(this.#fault);
  }

  #mended(fault: MicrophoneFault): void {
    this.#fault = undefined;
    const patience = this.#patience.get(fault) ?? 0;
    if (DOUBTFUL.has(fault)) this.#patience.set(fault, Math.min(LONGEST_PATIENCE_SECONDS, 2 * patience));
  }
}

/** What a stretch of sound looks like, the surest first; none of it says more than how long it lasts. */
export function signsOf(samples: Float32Array): MicrophoneFault[] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let railed = 0;
  for (let i = 0; i < samples.length; i++) {
    const x = samples[i]!;
    if (x < low) low = x;
    if (x > high) high = x;
    if (x >= RAIL || x <= -RAIL) railed++;
  }
  const span = high - low;
  const holds: [MicrophoneFault, boolean][] = [
    ['microphone_zero', low === 0 && high === 0],
    ['microphone_stuck', span <= TINY],
    ['microphone_clipping', railed >= CLIPPED_SHARE * samples.length],
    ['microphone_least_bit', span <= 2 * STEP + TINY],
  ];
  return holds.filter(([, does]) => does).map(([fault]) => fault);
}
