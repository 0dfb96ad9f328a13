import { z } from 'zod';
import { NUMBER_RANGES, SENSITIVITIES, TIME_OF_DAY } from '../constants.js';
import type { Clock, Denial, Logger, SettingName, SettingValues } from '../types.js';
import type { Store } from './kept-file.js';
import { fitting, numberWithin, SettingsFile } from './settings-file.js';

const timeOfDay = z.string().regex(TIME_OF_DAY);

const schema = z.strictObject({
  enabled: z.boolean(),
  threshold: numberWithin(NUMBER_RANGES.threshold),
  hits: numberWithin(NUMBER_RANGES.hits),
  window: numberWithin(NUMBER_RANGES.window),
  cooldownSeconds: numberWithin(NUMBER_RANGES.cooldownSeconds),
  sensitivity: z.enum(SENSITIVITIES),
  quietFrom: timeOfDay,
  quietTo: timeOfDay,
});
/** The text with which each was last rolled out to all devices. */
const rolledOutSchema = z.partialRecord(schema.keyof(), z.string());
/** Which can contradict another one, or the configuration. */
const PAIRED = ['hits', 'window', 'threshold', 'quietFrom', 'quietTo'] as const;

/**
 * What a person has changed while the daemon ran. It goes over bundle and configuration, and survives a
 * restart until it is reset.
 */
export class Settings {
  /** Only what was changed: everything else follows the configuration. */
  #changed: Partial<SettingValues> = {};
  /** The broker tells of what was rolled out with every connection: it counts when it is new. */
  #rolledOut: Partial<Record<SettingName, string>> = {};
  readonly #file: SettingsFile;

  /** @param rule the alarm rule of bundle and configuration, and the quiet hours of that */
  constructor(
    store: Store,
    private readonly rule: Omit<SettingValues, 'enabled'> & { readonly instantThreshold: number },
    log: Logger,
    clock: Clock,
  ) {
    this.#file = new SettingsFile(store, 'settings.json', 'settings', () => this.#kept(), log, clock);
  }

  get values(): SettingValues {
    const { threshold, hits, window, cooldownSeconds, sensitivity, quietFrom, quietTo } = this.rule;
    const values = { enabled: true, threshold, hits, window, cooldownSeconds, ...this.#changed };
    // One that was set while another model listened, or there were quiet hours, must not come up where it does nothing.
    return {
      ...values,
      sensitivity: sensitivity && (this.#changed.sensitivity ?? sensitivity),
      quietFrom: quietFrom && (this.#changed.quietFrom ?? quietFrom),
      quietTo: quietTo && (this.#changed.quietTo ?? quietTo),
    };
  }

  /** Something that a person has set does not hold, and nothing was set since then. */
  get lost(): boolean {
    return this.#file.lost;
  }

  /** Takes up what an earlier run has kept; what is damaged or no longer fits is left out, and said. */
  load(): void {
    this.#file.load(({ rolledOut = {}, ...values }, problems) => {
      this.#changed = this.#fitting(values, problems);
      this.#rolledOut = rolledOutSchema.safeParse(rolledOut).data ?? {};
      return this.#changed;
    });
  }

  /**
   * Changes one setting.
   *
   * @param rolledOut the text of it, where it was rolled out to all devices: what was set here since then stays, until
   *   it is another text
   * @returns why not, where its value is out of range or contradicts another
   */
  set(name: SettingName, value: unknown, rolledOut?: string): Denial | undefined {
    const parsed = schema.shape[name].safeParse(value);
    if (!parsed.success)
      return { code: 'out_of_range', problem: parsed.error.issues[0]?.message ?? 'not valid' };
    if (rolledOut === undefined ? this.#changed[name] === parsed.data : this.#rolledOut[name] === rolledOut)
      return undefined;
    const changed = { ...this.#changed, [name]: parsed.data };
    const problem = this.#contradiction(changed, [name]);
    if (problem !== undefined) return { code: 'contradiction', problem };
    this.#changed = changed;
    if (rolledOut !== undefined) this.#rolledOut[name] = rolledOut;
    this.#file.changed();
    return undefined;
  }

  /** Forgets all changes. */
  reset(): void {
    this.#changed = {};
    this.#rolledOut = {};
    this.#file.overwrite();
  }

  /** Writes what waits to be written. */
  stop(): void {
    this.#file.flush();
  }

  /** Of what was kept, all that can still be used. */
  #fitting(values: Readonly<Record<string, unknown>>, problems: string[]): Partial<SettingValues> {
    const complain = (error: z.ZodError) => problems.push(z.prettifyError(error));
    const kept = fitting<SettingValues>(schema.partial(), values, complain);
    const problem = this.#contradiction(kept, Object.keys(kept));
    if (problem === undefined) return kept;
    problems.push(problem);
    // Which of them is wrong, nobody can tell.
    for (const name of PAIRED) delete kept[name];
    return kept;
  }

  #kept() {
    const rolledOut = Object.keys(this.#rolledOut).length > 0 && { rolledOut: this.#rolledOut };
    return { ...this.#changed, ...rolledOut };
  }

  /** Combinations with which no alarm could ever start, or a single window would be enough; of these settings. */
  #contradiction(changed: Partial<SettingValues>, names: readonly string[]): string | undefined {
    const rule = { ...this.rule, ...changed };
    const { hits, window, threshold, instantThreshold, quietFrom, quietTo } = rule;
    const concerns = (...pair: string[]) => pair.some((name) => names.includes(name));
    if (hits > window && concerns('hits', 'window'))
      return `hits (${hits}) must be at most window (${window})`;
    if (threshold > instantThreshold && concerns('threshold'))
      return `threshold (${threshold}) must be at most instantThreshold (${instantThreshold})`;
    if (quietFrom !== undefined && quietFrom === quietTo && concerns('quietFrom', 'quietTo'))
      return `quietFrom (${quietFrom}) must be another time than quietTo`;
    return undefined;
  }
}
