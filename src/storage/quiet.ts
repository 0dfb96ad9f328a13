import { z } from 'zod';
import type { Clock, KnownQuiet } from '../types.js';
import { KeptFile, type Store } from './kept-file.js';

/** It changes little. */
const PACE = { burst: 1, everyMs: 3_600_000 };

const schema = z.object({
  microphone: z.string(),
  minutes: z.int().min(1),
  quietestDbfs: z.number().min(-200).max(0).optional(),
  earlierDbfs: z.number().min(-200).max(0).optional(),
  minutesBelow: z.int().min(0).default(0),
});

/** What a microphone has heard as quiet, over restarts: it takes a day and a night to know, and a restart is no reason to forget. */
export class QuietStore {
  /** What an earlier run has kept of this microphone; undefined where it is another one's, or damaged. */
  readonly known: KnownQuiet | undefined;
  #latest: KnownQuiet | undefined;
  readonly #file: KeptFile<z.infer<typeof schema>>;

  /** @param microphone which one it is: another one hears another quiet */
  constructor(store: Store, microphone: string, clock: Clock) {
    const value = () => ({ microphone, ...this.#latest });
    this.#file = new KeptFile(store, 'quiet.json', schema, value, PACE, clock);
    const kept = this.#file.readIfSound();
    if (kept?.microphone !== microphone) return;
    const { microphone: _, ...known } = kept;
    this.known = known;
  }

  keep(known: KnownQuiet): void {
    this.#latest = known;
    this.#file.changed();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#file.flush();
  }
}
