import type { Clock, Denial, SettingName } from '../types.js';

/** So long after the first that was refused it is said which stay so. */
const ROLL_OUT_MS = 5000;

interface RolledOut {
  readonly topic: string;
  readonly text: string;
  /** Called when it is taken after all. */
  readonly onTaken: () => void;
}

/**
 * Settings that were rolled out to all devices and contradict what is set at this one. They come in any order, so what
 * one goes with may still come: `hits` comes before the `window` that it needs.
 */
export class RollOuts {
  readonly #refused = new Map<SettingName, RolledOut>();
  /** Those of which that is to be said if it stays so. */
  readonly #unsaid = new Set<SettingName>();
  #cancelSaying = () => {};

  /**
   * @param change sets it as it was rolled out, or returns why not
   * @param refuse says why not, if so
   */
  constructor(
    private readonly change: (name: SettingName, text: string) => Denial | undefined,
    private readonly refuse: (topic: string, denial: Denial | undefined) => void,
    private readonly clock: Clock,
  ) {}

  /** @returns why not, unless what it contradicts may change yet */
  take(name: SettingName, said: RolledOut): Denial | undefined {
    this.#refused.delete(name);
    const denial = this.change(name, said.text);
    if (denial?.code !== 'contradiction') return denial;
    this.#refused.set(name, said);
    if (this.#unsaid.size === 0) this.#cancelSaying = this.clock.after(ROLL_OUT_MS, () => this.#sayRefused());
    this.#unsaid.add(name);
    return undefined;
  }

  /** Somebody removes what the broker has retained of it. */
  remove(name: SettingName): void {
    this.#refused.delete(name);
  }

  /** A setting has changed, which may make room for another one; that is no longer among them then, which bounds this. */
  changed(name: SettingName): void {
    this.#refused.delete(name);
    for (const [each, { text, onTaken }] of this.#refused) if (!this.change(each, text)) onTaken();
  }

  stop(): void {
    this.#cancelSaying();
  }

  #sayRefused(): void {
    for (const name of this.#unsaid) {
      const { topic, text } = this.#refused.get(name) ?? {};
      if (topic && text) this.refuse(topic, this.change(name, text));
    }
    this.#unsaid.clear();
  }
}
