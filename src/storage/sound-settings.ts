import { z } from 'zod';
import { SOUND_RANGES } from '../constants.js';
import type { Clock, Denial, Logger, SoundSettings as Values } from '../types.js';
import type { Store } from './kept-file.js';
import { fitting, numberWithin, SettingsFile } from './settings-file.js';

const schema = z.strictObject({
  threshold: numberWithin(SOUND_RANGES.threshold),
  hits: numberWithin(SOUND_RANGES.hits),
  holdSeconds: numberWithin(SOUND_RANGES.holdSeconds),
});
/** Of one sound; a number is the threshold, all that an earlier version knew. */
const valuesSchema = z.preprocess(
  (kept) => (typeof kept === 'number' ? { threshold: kept } : kept),
  z.record(z.string(), z.unknown()),
);

/** What was changed of sounds beside the alarm while the daemon ran: it goes over the configuration until it is reset. */
export class SoundSettings {
  /** By the sound's id. */
  #changed: Readonly<Record<string, Partial<Values>>> = {};
  readonly #file: SettingsFile;

  constructor(store: Store, log: Logger, clock: Clock) {
    const kept = () => this.#changed;
    this.#file = new SettingsFile(store, 'sounds.json', 'settings of sounds', kept, log, clock);
  }

  /** Something that a person has set does not hold, and nothing was set since then. */
  get lost(): boolean {
    return this.#file.lost;
  }

  /** Takes up what an earlier run has kept; what is damaged is left out, and said. */
  load(): void {
    this.#file.load((earlier, problems) => {
      const all = Object.entries(earlier).map(([id, kept]) => [id, valuesOf(id, kept, problems)]);
      this.#changed = Object.fromEntries(all);
      return this.#changed;
    });
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
    this.#file.changed();
    return undefined;
  }

  /** Forgets all changes. */
  reset(): void {
    this.#changed = {};
    this.#file.overwrite();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#file.flush();
  }
}

function valuesOf(id: string, kept: unknown, problems: string[]): Partial<Values> {
  const complain = (error: z.ZodError) => problems.push(`${id}: ${z.prettifyError(error)}`);
  const values = valuesSchema.safeParse(kept);
  if (values.error) complain(values.error);
  return fitting<Values>(schema.partial(), values.data ?? {}, complain);
}
