import { z } from 'zod';
import { SOUND_RANGES } from '../constants.js';
import { messageOf } from '../errors.js';
import type { Clock, Denial, Logger, SoundSettings as Values } from '../types.js';
import { KeptFile, OF_PEOPLE, type Store } from './kept-file.js';
import { numberWithin } from './settings.js';

const schema = z.strictObject({
  threshold: numberWithin(SOUND_RANGES.threshold),
  hits: numberWithin(SOUND_RANGES.hits),
  holdSeconds: numberWithin(SOUND_RANGES.holdSeconds),
});
/** Each by itself: one that is damaged must not take the others along. */
const keptSchema = z.record(z.string(), z.unknown());
/** Of one sound; a number is the threshold, all that an earlier version knew. */
const valuesSchema = z.preprocess(
  (kept) => (typeof kept === 'number' ? { threshold: kept } : kept),
  z.record(z.string(), z.unknown()),
);

/** What was changed of sounds beside the alarm while the daemon ran: it goes over the configuration until it is reset. */
export class SoundSettings {
  /** By the sound's id. */
  #changed: Readonly<Record<string, Partial<Values>>> = {};
  #lost = false;
  readonly #file: KeptFile<z.infer<typeof keptSchema>>;

  constructor(
    store: Store,
    private readonly log: Logger,
    clock: Clock,
  ) {
    this.#file = new KeptFile(store, 'sounds.json', keptSchema, () => this.#changed, OF_PEOPLE, clock);
  }

  /** Something that a person has set does not hold, and nothing was set since then. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Takes up what an earlier run has kept; what is damaged is left out, and said. */
  load(): void {
    const problems: string[] = [];
    try {
      const earlier = Object.entries(this.#file.read() ?? {});
      this.#changed = Object.fromEntries(earlier.map(([id, kept]) => [id, fitting(id, kept, problems)]));
    } catch (error) {
      problems.push(messageOf(error));
    }
    this.#lost = problems.length > 0;
    if (this.#lost)
      this.log.warn(
        { file: this.#file.name, problem: problems.join('; ') },
        'kept settings of sounds cannot be used; those of the configuration hold',
      );
    if (Object.keys(this.#changed).length > 0)
      this.log.info(
        this.#changed,
        'settings of sounds kept from an earlier run; --reset-settings forgets them',
      );
  }

  /** A rule as it is now, of one that is configured. */
  over<Rule extends Values & { readonly id: string }>(rule: Rule): Rule {
    return { ...rule, ...this.#changed[rule.id] };
  }

  /**
   * @param rule as it is configured
   * @param contradictionOf says what is wrong with the rule that would follow, if anything
   * @returns why not, where the value is out of range or contradicts the rest
   */
  set<Rule extends Values & { readonly id: string }>(
    rule: Rule,
    name: keyof Values,
    value: number,
    contradictionOf: (changed: Rule) => string | undefined,
  ): Denial | undefined {
    const { error } = schema.shape[name].safeParse(value);
    if (error) return { code: 'out_of_range', problem: error.issues[0]?.message ?? 'not valid' };
    const { id } = rule;
    if (this.#changed[id]?.[name] === value) return undefined;
    const problem = contradictionOf({ ...this.over(rule), [name]: value });
    if (problem !== undefined) return { code: 'contradiction', problem };
    this.#changed = { ...this.#changed, [id]: { ...this.#changed[id], [name]: value } };
    this.#lost = false;
    this.#file.changed();
    return undefined;
  }

  /** Forgets all changes. */
  reset(): void {
    this.#changed = {};
    this.#lost = false;
    this.#file.overwrite();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#file.flush();
  }
}

function fitting(id: string, kept: unknown, problems: string[]): Partial<Values> {
  const complain = (error: z.ZodError) => problems.push(`${id}: ${z.prettifyError(error)}`);
  const values = valuesSchema.safeParse(kept);
  if (values.error) complain(values.error);
  const fits = ([name, value]: [string, unknown]) => {
    const { error } = schema.partial().safeParse({ [name]: value });
    if (error) complain(error);
    return !error;
  };
  return Object.fromEntries(Object.entries(values.data ?? {}).filter(fits));
}
