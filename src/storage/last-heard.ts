import { z } from 'zod';
import { SIGNS_OF_LIFE } from '../constants.js';
import { Paced } from '../system/paced.js';
import type { Clock, SignOfLife } from '../types.js';
import { KeptFile, type Store } from './kept-file.js';

/** So often each is said, and all are written, while they go on: neither a database nor a card is to be filled by a shower. */
const EVERY_MS = 60_000;
/** What a Date can hold. */
const time = z.number().min(0).max(8.64e15);
const schema = z.partialRecord(z.enum(SIGNS_OF_LIFE), time);

/** When each sign of life was last heard, over restarts: the last time is right to a minute, and to the window when it stops. */
export class LastHeard {
  readonly #times: Partial<Record<SignOfLife, number>>;
  readonly #saying: Readonly<Record<SignOfLife, Paced>>;
  readonly #file: KeptFile<Partial<Record<SignOfLife, number>>>;

  /** @param say told of each time that is to be said: at the start that of an earlier run, and then once a minute at most */
  constructor(
    store: Store,
    private readonly say: (sign: SignOfLife, atMs: number) => void,
    clock: Clock,
  ) {
    const paced = (sign: SignOfLife) => new Paced(1, EVERY_MS, clock, () => this.#say(sign));
    this.#saying = { speech: paced('speech'), water: paced('water') };
    const pace = { burst: 1, everyMs: EVERY_MS };
    this.#file = new KeptFile(store, 'last-heard.json', schema, () => this.#times, pace, clock);
    this.#times = this.#file.readIfSound() ?? {};
  }

  /** Says what an earlier run has heard. */
  start(): void {
    for (const sign of SIGNS_OF_LIFE) this.#say(sign);
  }

  /** Takes what is heard in a window, whose last sample is of this wall-clock time. */
  window(heard: { readonly speech: boolean; readonly waterRunning: boolean }, atMs: number): void {
    if (heard.speech) this.#hear('speech', atMs);
    if (heard.waterRunning) this.#hear('water', atMs);
  }

  /** Says and writes what waits for it. */
  stop(): void {
    for (const paced of Object.values(this.#saying)) paced.flush();
    this.#file.flush();
  }

  #hear(sign: SignOfLife, atMs: number): void {
    this.#times[sign] = atMs;
    this.#saying[sign].ask();
    this.#file.changed();
  }

  #say(sign: SignOfLife): void {
    const atMs = this.#times[sign];
    if (atMs !== undefined) this.say(sign, atMs);
  }
}
