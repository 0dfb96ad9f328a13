import { PATCH_VALUES, WINDOW_SAMPLES } from './constants.js';
import { CircularBuffer } from './features/circular.js';
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
  readonly #head: EventHead;
  readonly #levels: LevelHistory;
  readonly #window = new Float32Array(WINDOW_SAMPLES);
  readonly #mel = new Float32Array(PATCH_VALUES);
  /** The last sound, to the end of the newest window. */
  readonly #sound: CircularBuffer;
  /** Where in it the stream begins. */
  #begin = 0;
  #endSample = 0;

  /**
   * @param frontEnd is lent for a look, and has forgotten the stream after it
   * @param network computes the embeddings that the event head knows; who gave it closes it
   */
  constructor(
    event: EventManifest,
    tensors: Bundle['tensors'],
    private readonly frontEnd: FrontEnd,
    private readonly network: Network,
  ) {
    this.#event = event;
    this.#head = new EventHead(event, tensors);
    this.#levels = new LevelHistory(event.levels);
    this.#sound = new CircularBuffer(
      (event.windows - 1) * event.hopSamples + WINDOW_SAMPLES + EARLIER_SAMPLES,
    );
  }

  /** Takes the next window; it must overlap the last one or follow it at once. */
  push({ samples, startSample }: Window): void {
    const endSample = startSample + samples.length;
    const fresh = this.#known === 0 ? samples.length : endSample - this.#endSample;
    this.#sound.write(samples.subarray(samples.length - fresh));
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
    if (!speaks || this.#known < this.#sound.capacity) return logOdds;
    const again = await this.#look();
    return logOdds.map((said, i) => (said + again[i]!) / 2);
  }

  /** Sound was lost, or another stream begins. */
  forget(): void {
    this.#begin = this.#sound.end;
  }

  /** So many samples of the stream. */
  get #known(): number {
    return this.#sound.end - this.#begin;
  }

  /** One window after the other: all at once would take as many times the memory. */
  async #look(): Promise<Float32Array> {
    const { windows, hopSamples } = this.#event;
    for (const part of [this.frontEnd, this.#head, this.#levels]) part.forget();
    const oldest = this.#sound.end - this.#sound.capacity;
    let said: Float32Array = new Float32Array();
    for (let startSample = 0; startSample < windows * hopSamples; startSample += hopSamples) {
      this.#sound.read(oldest + startSample, WINDOW_SAMPLES, this.#window);
      const window = { startSample, samples: this.#window };
      this.frontEnd.compute(window, this.#mel);
      const { embedding } = await this.network.run(this.#mel);
      said = this.#head.push(embedding, this.#levels.push(window), startSample + WINDOW_SAMPLES);
    }
    this.frontEnd.forget();
    return said;
  }
}
