import { z } from 'zod';
import type { Clock, Logger, WaitingImpacts } from '../types.js';
import { KeptFile, type Store } from './kept-file.js';

/** It is written a few times, as more speaks for an impact, and waits for 8 s or more: children at play must not wear out a card. */
const PACE = { burst: 20, everyMs: 10_000 };

/** What a Date can hold. */
const time = z.number().min(0).max(8.64e15);
const impact = z.object({
  hit: z.object({ atMs: time, label: z.string(), score: z.number().min(0).max(1) }),
  atMs: time,
  silenceDbfs: z.number(),
  ongoing: z
    .object({
      mediaDbfs: z.number().optional(),
      noiseDbfs: z.number().optional(),
      water: z.boolean(),
      voices: z.boolean(),
    })
    .default({ water: false, voices: true }),
});
const schema = z
  .object({ microphone: z.string(), silence: impact.optional(), voice: impact.optional() })
  .nullable();

/** Impacts that may still become an alarm, over a reload, a restart and a kill: somebody lies there, whatever becomes of this process. */
export class KeptImpacts {
  #impacts: WaitingImpacts | undefined;
  readonly #file: KeptFile<z.infer<typeof schema>>;

  /**
   * @param microphone which one has heard them: another one hears another room
   * @param told resolves when the events so far are kept, among them the alarm that one of these has become
   */
  constructor(
    store: Store,
    private readonly microphone: string,
    clock: Clock,
    private readonly told: () => Promise<void>,
    private readonly log: Logger,
  ) {
    const value = () => (this.#impacts ? { microphone, ...this.#impacts } : null);
    this.#file = new KeptFile(store, 'impacts.json', schema, value, PACE, clock);
  }

  /** What the run before this one has left. */
  take(): WaitingImpacts | undefined {
    const kept = this.#file.readOrWarn(
      this.log,
      'it cannot be read whether an impact waited for its silence: if one did, it becomes no alarm',
    );
    if (!kept) return undefined;
    const { microphone, ...impacts } = kept;
    this.#impacts = impacts;
    return microphone === this.microphone ? impacts : undefined;
  }

  /** These wait now, or none. What no longer waits may have become an alarm, which comes first. */
  keep(impacts: WaitingImpacts | undefined): void {
    if (JSON.stringify(impacts) === JSON.stringify(this.#impacts)) return;
    this.#impacts = impacts;
    void this.told().then(() => this.#file.changed());
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#file.flush();
  }
}
