import { z } from 'zod';
import { Paced } from '../system/paced.js';
import type { Clock, KnownQuiet } from '../types.js';

const FILE = 'quiet.json';
/** A card need not be worn out for what changes so little. */
const EVERY_MS = 3_600_000;

const schema = z.object({
  microphone: z.string(),
  minutes: z.int().min(1),
  quietestDbfs: z.number().min(-200).max(0),
});

/** Where it is kept: a file of the state folder. */
interface Store {
  read(name: string): string | undefined;
  write(name: string, text: string): void;
}

/** What a microphone has heard as quiet, over restarts: it takes a day and a night to know, and a restart is no reason to forget. */
export class QuietStore {
  /** What an earlier run has kept of this microphone; undefined where it is another one's, or damaged. */
  readonly known: KnownQuiet | undefined;
  #latest: KnownQuiet | undefined;
  readonly #save: Paced;

  /** @param microphone which one it is: another one hears another quiet */
  constructor(store: Store, microphone: string, clock: Clock) {
    this.known = read(store, microphone);
    this.#save = new Paced(1, EVERY_MS, clock, () =>
      store.write(FILE, `${JSON.stringify({ microphone, ...this.#latest })}\n`),
    );
  }

  keep(known: KnownQuiet): void {
    this.#latest = known;
    this.#save.ask();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#save.flush();
  }
}

function read(store: Store, microphone: string): KnownQuiet | undefined {
  try {
    const { microphone: of, ...known } = schema.parse(JSON.parse(store.read(FILE) ?? ''));
    return of === microphone ? known : undefined;
  } catch {
    return undefined; // it is learned again
  }
}
