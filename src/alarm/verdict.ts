import type { ScoredWindow } from '../types.js';
import { probabilityOf } from './evidence.js';
import { type AlarmRule, likeliest } from './rule.js';

/**
 * Log-odds of a kind of alarm at which it is as likely as not what a clip was made for. Chosen on clips of the training
 * role: from 0 to 2 hardly anything changes.
 */
const EVEN_LOG_ODDS = 1;

/**
 * Which class a whole file is: the mean of its windows' scores, where what speaks for a kind of alarm counts for the
 * alarm's class. A window by itself is too short to know a fall.
 */
export class Verdict {
  readonly #sums = new Map<string, number>();
  #windows = 0;

  constructor(private readonly rule: AlarmRule) {}

  push(window: ScoredWindow): void {
    this.#windows++;
    const alarm = likeliest(window, this.rule.labels);
    const said = alarm === undefined ? 0 : this.#evidence(window);
    for (const [label, score] of Object.entries(window.scores)) {
      const now = score * (1 - said) + (label === alarm ? said : 0);
      this.#sums.set(label, (this.#sums.get(label) ?? 0) + now);
    }
  }

  /** By label, 0…1. */
  get scores(): Record<string, number> {
    return Object.fromEntries([...this.#sums].map(([label, sum]) => [label, sum / this.#windows]));
  }

  /** Probability of an alarm of whichever kind; 0 where the model has no event head. */
  #evidence({ kinds = {} }: ScoredWindow): number {
    const odds = (this.rule.evidence?.kinds ?? []).map((kind) => kinds[kind] ?? Number.NEGATIVE_INFINITY);
    return probabilityOf(Math.max(...odds) - EVEN_LOG_ODDS);
  }
}
