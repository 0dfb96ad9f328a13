import { z } from 'zod';
import type { Clock, WaitingImpacts } from '../types.js';
import { KeptFile, type Store } from './kept-file.js';

/** It is written at the end alone. */
const PACE = { burst: 1, everyMs: 0 };

/** What a Date can hold. */
const time = z.number().min(0).max(8.64e15);
const impact = z.object({
  hit: z.object({ atMs: time, label: z.string(), score: z.number().min(0).max(1) }),
  atMs: time,
  silenceDbfs: z.number(),
});
const schema = z
  .object({ microphone: z.string(), silence: impact.optional(), voice: impact.optional() })
  .nullable();

/** Impacts that may still become an alarm, over a reload and a restart: somebody lies there, whoever changes a setting. */
export class KeptImpacts {
  #impacts: WaitingImpacts | undefined;
  readonly #file: KeptFile<z.infer<typeof schema>>;

  /** @param microphone which one has heard them: another one hears another room */
  constructor(
    store: Store,
    private readonly microphone: string,
    clock: Clock,
  ) {
    const value = () => (this.#impacts ? { microphone, ...this.#impacts } : null);
    this.#file = new KeptFile(store, 'impacts.json', schema, value, PACE, clock);
  }

  /** What the run before this one has left, once: they become no second alarm. */
  take(): WaitingImpacts | undefined {
    const kept = this.#file.readIfSound();
    if (kept) this.#file.overwrite();
    return kept?.microphone === this.microphone ? kept : undefined;
  }

  /** Leaves them to the next run. */
  leave(impacts: WaitingImpacts | undefined): void {
    if (!impacts) return;
    this.#impacts = impacts;
    this.#file.changed();
    this.#file.flush();
  }
}
