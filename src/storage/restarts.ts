import { z } from 'zod';
import type { Clock, Logger, Problem } from '../types.js';
import { elapsedMs } from './age.js';
import { KeptFile, type Store } from './kept-file.js';

/** So many ends that nobody asked for, */
const OFTEN = 3;
/** within so long, are too many, until a run lasts for so long. */
export const OFTEN_WITHIN_MS = 3_600_000;
/** It changes when a run begins, lasts, and ends. */
const PACE = { burst: 10, everyMs: 60_000 };

const schema = z.object({
  /** A run has begun, and was not asked to end… */
  running: z.boolean(),
  /** …in this process: one that only reads its configuration again goes on. */
  process: z.string(),
  /** When the last runs have ended that were not asked to: when the next one began, wall clock. */
  endsMs: z.array(z.number()).max(OFTEN),
  /** That this is too often was said. */
  said: z.boolean(),
});

type Kept = z.infer<typeof schema>;

const NONE: Kept = { running: false, process: '', endsMs: [], said: false };
const THIS_PROCESS = `${process.pid} ${Math.round(performance.timeOrigin)}`;

/**
 * Whether the daemon ends again and again without being asked to: it crashes, is killed, or loses power. Each run that
 * does is too short for anybody to be told what is wrong with it, and its supervisor starts it again for ever.
 */
export class Restarts {
  /** What is wrong by that, where an earlier run has said so already. */
  told: readonly Problem[] = [];
  #now: Kept = NONE;
  #onProblems: (problems: readonly Problem[]) => void = () => {};
  #cancel = () => {};
  readonly #file: KeptFile<Kept>;

  constructor(
    store: Store,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly process = THIS_PROCESS,
  ) {
    this.#file = new KeptFile(store, 'restarts.json', schema, () => this.#now, PACE, clock);
  }

  /** A run begins; the sooner this is called, the shorter may be one that counts. */
  start(): void {
    const before = this.#file.readIfSound() ?? NONE;
    this.#now = before;
    const nowMs = this.clock.wallMs();
    // One of which the clock does not know how long ago it was counts until a run lasts.
    const lately = before.endsMs.filter((atMs) => !(elapsedMs(atMs, nowMs) > OFTEN_WITHIN_MS));
    const ended = before.running && before.process !== this.process;
    const endsMs = ended ? [...lately, nowMs].slice(-OFTEN) : lately;
    const said = before.said && endsMs.length >= OFTEN;
    this.#keep({ running: true, process: this.process, endsMs, said });
    if (this.#now.said) this.told = ['restarts_often'];
    if (endsMs.length > 0) this.#cancel = this.clock.after(OFTEN_WITHIN_MS, () => this.#lasts());
  }

  /** @param onProblems told now, where something is wrong, and once a run has lasted */
  say(onProblems: (problems: readonly Problem[]) => void): void {
    this.#onProblems = onProblems;
    const ends = this.#now.endsMs.length;
    if (ends < OFTEN) return;
    this.log.error(
      { ends },
      'it has ended again and again within an hour without being asked to: the log of those runs may say why',
    );
    onProblems(['restarts_often']);
    if (!this.#now.said) this.#keep({ ...this.#now, said: true });
  }

  /**
   * @param asked somebody wants it to end, it could not begin, or its sound is at an end
   * @param reloading the process goes on: there is nothing to write, and a slow disk holds up the next run
   */
  stop(asked: boolean, reloading = false): void {
    this.#cancel();
    if (reloading) return;
    if (asked) this.#keep({ ...this.#now, running: false });
    this.#file.flush();
  }

  #lasts(): void {
    const { said } = this.#now;
    this.#keep({ ...this.#now, endsMs: [], said: false });
    if (said) this.#onProblems([]);
  }

  #keep(now: Kept): void {
    const same = JSON.stringify(now) === JSON.stringify(this.#now);
    this.#now = now;
    if (!same) this.#file.changed();
  }
}
