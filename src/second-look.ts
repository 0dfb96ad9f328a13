import { PATCH_VALUES, WINDOW_SAMPLES } from './constants.js';
import { createFrontEnd } from './features/create-front-end.js';
import type { FrontEnd } from './features/front-end.js';
import { LevelHistory } from './features/level-history.js';
import type { Bundle } from './model/bundle.js';
import { EventHead } from './model/event-head.js';
import type { EventManifest } from './model/event-manifest.js';
import type { Network } from './model/network.js';
import type { Window } from './types.js';

/** Its windows end so much earlier, less than a hop: the same sound lies elsewhere in them. */
export const EARLIER_SAMPLES = 3200;
/** Log-odds of an alarm kind from which on one looks twice: evidence adds up from there on. */
const LEAST_LOG_ODDS = -2;

/**
 * What is about to count as evidence is heard a second time, in windows that are cut elsewhere: where the windows
 * happened to lie says nothing of the sound, and the mean of both is wrong less often. It takes a whole memory of the
 * event head anew, but of few windows: those of which the first look says that they may be an alarm.
 */
export class SecondLook {
  readonly #event: EventManifest;
  readonly #frontEnd: FrontEnd;
  readonly #network: Network;
  readonly #head: EventHead;
  readonly #levels: LevelHistory;
  readonly #mel = new Float32Array(PATCH_VALUES);
  /** The last sound, to the end of the newest window. */
  readonly #sound: Float32Array;
  /** So much of it is known, the newest. */
  #known = 0;
  #endSample = 0;

  /**
   * @param bundle has an event head
   * @param network computes that bundle's embeddings; who gave it closes it
   */
  constructor({ manifest, tensors }: Bundle, event: EventManifest, network: Network) {
    this.#event = event;
    this.#frontEnd = createFrontEnd(manifest.frontEnd);
    this.#network = network;
    this.#head = new EventHead(event, tensors);
    this.#levels = new LevelHistory(event.levels);
    this.#sound = new Float32Array((event.windows - 1) * event.hopSamples + WINDOW_SAMPLES + EARLIER_SAMPLES);
  }

  /** Takes the next window; it must overlap the last one or follow it at once. */
  push({ samples, startSample }: Window): void {
    const endSample = startSample + samples.length;
    const fresh = this.#known === 0 ? samples.length : endSample - this.#endSample;
    this.#sound.copyWithin(0, fresh);
    this.#sound.set(samples.subarray(samples.length - fresh), this.#sound.length - fresh);
    this.#known = Math.min(this.#sound.length, this.#known + fresh);
    this.#endSample = endSample;
  }

  /**
   * @param logOdds what the first look says of the kinds
   * @returns the mean of both, natural log-odds [kinds]; what the first says where nothing in it speaks for an alarm, or
   *   where too little of the stream is known to look twice
   * @throws Error when the engine fails
   */
  async weigh(logOdds: Float32Array): Promise<Float32Array> {
    const speaks = this.#event.alarm.kinds.some((_, i) => logOdds[i]! > LEAST_LOG_ODDS);
    if (!speaks || this.#known < this.#sound.length) return logOdds;
    const again = await this.#look();
    return logOdds.map((said, i) => (said + again[i]!) / 2);
  }

  /** Sound was lost, or another stream begins. */
  forget(): void {
    this.#known = 0;
  }

  /** One window after the other: all at once would take as many times the memory. */
  async #look(): Promise<Float32Array> {
    const { windows, hopSamples } = this.#event;
    for (const part of [this.#frontEnd, this.#head, this.#levels]) part.forget();
    let said: Float32Array = new Float32Array();
    for (let startSample = 0; startSample < windows * hopSamples; startSample += hopSamples) {
      const endSample = startSample + WINDOW_SAMPLES;
      const window = { startSample, samples: this.#sound.subarray(startSample, endSample) };
      this.#frontEnd.compute(window, this.#mel);
      const { embedding } = await this.#network.run(this.#mel);
      said = this.#head.push(embedding, this.#levels.push(window), endSample);
    }
    return said;
  }
}
