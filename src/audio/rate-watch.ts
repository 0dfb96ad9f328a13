import { SAMPLE_RATE_HZ } from '../constants.js';

/** Chunks that come closer together are one delivery, cut into pieces; but none lasts for longer than that. */
const PIECE_GAP_MS = 20;
const LONGEST_DELIVERY_MS = 250;
/** A measurement; two in a row that are so far off are no hiccup. */
export const MEASURE_MS = 10_000;
const FAR_OFF = 0.25;
/** Of three together, and of the three before them: more than any clock's error. */
const OFF = 0.05;
/** Measurements that differ by less are of one rate. */
const STEADY = 0.04;
/**
 * So much more sound than time within one measurement, beyond what the last one lacks, is no backlog: a burst, or a
 * multiple of the rate.
 */
const MOST_AHEAD_SECONDS = 10;

interface Measured {
  readonly ms: number;
  readonly samples: number;
}

/**
 * Holds the sound that arrives against the monotonic clock: delivered rate over declared rate. It is measured from
 * delivery to delivery, so that a source may give its sound in large pieces.
 */
export class RateWatch {
  /** The last six measurements, oldest first. */
  #measured: Measured[] = [];
  /** Start of the first delivery of this measurement; its samples belong to the time before it. */
  #startMs: number | undefined;
  /** Samples of whole deliveries after that. */
  #counted = 0;
  /** The delivery that comes in now. */
  #delivery = { atMs: 0, samples: 0, first: true };
  #lastMs = 0;
  #wrong: number | undefined;

  /** Delivered over declared rate, where that is wrong. */
  get wrong(): number | undefined {
    return this.#wrong;
  }

  /** Delivered over declared rate in this measurement; undefined before there is one. */
  get ratio(): number | undefined {
    const ms = this.#delivery.atMs - (this.#startMs ?? 0);
    return this.#startMs === undefined || ms === 0 ? undefined : ratioOf({ ms, samples: this.#counted });
  }

  /** Delivered over declared rate of the last three measurements, where each of them says the same. */
  get steady(): number | undefined {
    const recent = this.#measured.slice(-3);
    const together = recent.length === 3 ? ratioOf(sumOf(recent)) : undefined;
    const agrees = (each: Measured) => Math.abs(ratioOf(each) / (together ?? 0) - 1) < STEADY;
    return recent.every(agrees) ? together : undefined;
  }

  /** @param count samples at 16 kHz that arrive now */
  push(count: number, nowMs: number): void {
    if (this.#startMs === undefined) {
      this.#startMs = nowMs;
      this.#delivery = { atMs: nowMs, samples: 0, first: true };
    } else if (nowMs - this.#lastMs >= PIECE_GAP_MS || nowMs - this.#delivery.atMs >= LONGEST_DELIVERY_MS)
      this.#nextDelivery(nowMs);
    this.#lastMs = nowMs;
    this.#delivery.samples += count;
    const soFar = { ms: Math.max(1, nowMs - this.#startMs), samples: this.#counted + this.#delivery.samples };
    const last = this.#measured.at(-1);
    const lacking = Math.max(0, last ? -aheadOf(last) : 0);
    if (aheadOf(soFar) > MOST_AHEAD_SECONDS + lacking) this.#wrong = ratioOf(soFar);
  }

  /** The source is opened anew. What was wrong stays so until it is right. */
  restart(): void {
    this.#measured = [];
    this.#startMs = undefined;
    this.#counted = 0;
  }

  #nextDelivery(nowMs: number): void {
    const { atMs, samples, first } = this.#delivery;
    if (!first) this.#counted += samples;
    this.#delivery = { atMs: nowMs, samples: 0, first: false };
    const ms = atMs - (this.#startMs ?? atMs);
    if (ms < MEASURE_MS) return;
    this.#measured = [...this.#measured, { ms, samples: this.#counted }].slice(-6);
    this.#startMs = atMs;
    this.#counted = 0;
    this.#judge();
  }

  #judge(): void {
    const [last, before] = this.#measured.toReversed().map(ratioOf);
    const recent = this.#measured.slice(-3);
    const together = ratioOf(sumOf(recent));
    if (last === undefined) return;
    const farOff = before !== undefined && sameWay(last, before, FAR_OFF);
    const off =
      this.#measured.length === 6 && sameWay(together, ratioOf(sumOf(this.#measured.slice(0, 3))), OFF);
    if (farOff || off) this.#wrong = together;
    else if (recent.length === 3 && Math.abs(together - 1) <= OFF) this.#wrong = undefined;
  }
}

function sumOf(measured: readonly Measured[]): Measured {
  return measured.reduce((a, b) => ({ ms: a.ms + b.ms, samples: a.samples + b.samples }));
}

function ratioOf({ ms, samples }: Measured): number {
  return samples / SAMPLE_RATE_HZ / (ms / 1000);
}

/** By how many seconds there is more sound than time. */
function aheadOf({ ms, samples }: Measured): number {
  return samples / SAMPLE_RATE_HZ - ms / 1000;
}

/** Both too fast, or both too slow. */
function sameWay(a: number, b: number, tolerance: number): boolean {
  return (a > 1 + tolerance && b > 1 + tolerance) || (a < 1 - tolerance && b < 1 - tolerance);
}
