import type { KindEvidence, ScoredWindow } from '../types.js';
import { type AlarmRule, evidenceRule, type Hit, remembers, SCREAM_KIND } from './rule.js';

/** No more evidence counts than so many times the line: an alarm that goes on for long must not end late. */
const CEILING = 2;
/** An alarm names so many of the windows that led to it. */
const MAX_HITS = 10;

/** An alarm kind that something speaks for. */
export interface HeardKind {
  readonly kind: string;
  /** Nats; above 0. */
  readonly evidence: number;
  /** Evidence from which on it alarms. */
  readonly line: number;
  /** The kind's probability in this window. */
  readonly probability: number;
  /** Whether this window itself speaks for the kind. */
  readonly adds: boolean;
  /** The windows that added to it, oldest first, with the kind's probability. */
  readonly hits: readonly Hit[];
}

interface Sum {
  evidence: number;
  /** Its line, as of the last window. */
  line: number;
  hits: Hit[];
}

/**
 * Adds up what the event head says of each window, a sum for each kind: a sequential test with a leak. In windows of
 * `hopSeconds`,
 *
 *     evidence = max(0, leak · evidence + log-odds + offset)
 *
 * and with another hop each window counts for the time that it is new, so that the same sound gives about the same
 * evidence. Everything is in stream time.
 */
export class Evidence {
  readonly #sums = new Map<string, Sum>();
  #endSeconds: number | undefined;
  /** End of the last window above `minLevelDbfs`. */
  #loudSeconds = Number.NEGATIVE_INFINITY;

  /**
   * Takes the next window.
   *
   * @param stricter is added to the lines for now, nats
   * @returns the alarm kinds for which there is evidence, the one that is the farthest beyond its line, or the nearest to it, first
   */
  push(window: ScoredWindow, rule: AlarmRule, stricter: number): HeardKind[] {
    const { kinds: logOdds, endSeconds, endAtMs } = window;
    const { evidence: rules } = rule;
    const own = evidenceRule(rule);
    if (!rules || !own || !logOdds) return [];
    const { leak, lines, offsets } = own;
    const hops = this.#hops(window, rules.hopSeconds);
    this.#endSeconds = endSeconds;
    // The event head hears a blow for as long as it remembers it, and the room is quiet again by then.
    if (window.rmsDbfs > rule.minLevelDbfs) this.#loudSeconds = endSeconds;
    const loud = remembers(rules, this.#loudSeconds, endSeconds);

    const heard: HeardKind[] = [];
    // Also of kinds that are not to alarm: what comes after an impact is asked for by itself.
    for (const [kind, least] of Object.entries(lines)) {
      const line = least + stricter;
      const sum = this.#sumOf(kind);
      const said = logOdds[kind] ?? Number.NEGATIVE_INFINITY;
      const change = said + (offsets[kind] ?? 0);
      const counts = loud && !(window.vetoed?.kinds && kind !== SCREAM_KIND);
      const added = counts ? change : Math.min(0, change);
      const evidence = leak ** hops.passed * sum.evidence + hops.heard * added;
      sum.line = line;
      sum.evidence = Math.min(CEILING * line, Math.max(0, evidence));
      const probability = probabilityOf(said);
      if (sum.evidence === 0) sum.hits = [];
      else if (added > 0)
        sum.hits = [...sum.hits, { atMs: endAtMs, label: kind, score: probability }].slice(-MAX_HITS);
      if (rules.kinds.includes(kind) && sum.evidence > 0)
        heard.push({ kind, evidence: sum.evidence, line, probability, adds: added > 0, hits: sum.hits });
    }
    return heard.sort((a, b) => b.evidence / b.line - a.evidence / a.line);
  }

  /** Of every kind, as of the last window. */
  get all(): KindEvidence[] {
    return [...this.#sums].map(([kind, { evidence, line }]) => ({ kind, value: evidence, line }));
  }

  /** Of one kind, as of the last window. */
  of(kind: string): Readonly<Sum> | undefined {
    return this.#sums.get(kind);
  }

  /** Whether nothing speaks for any kind. */
  get idle(): boolean {
    for (const { evidence } of this.#sums.values()) if (evidence > 0) return false;
    return true;
  }

  forget(): void {
    this.#sums.clear();
    this.#endSeconds = undefined;
    this.#loudSeconds = Number.NEGATIVE_INFINITY;
  }

  /** Time since the last window, and how much of this one is new, in hops; a first window counts as one. */
  #hops({ startSeconds, endSeconds }: ScoredWindow, hopSeconds: number): { passed: number; heard: number } {
    if (this.#endSeconds === undefined) return { passed: 1, heard: 1 };
    const passed = endSeconds - this.#endSeconds;
    return { passed: passed / hopSeconds, heard: Math.min(passed, endSeconds - startSeconds) / hopSeconds };
  }

  #sumOf(kind: string): Sum {
    const sum = this.#sums.get(kind) ?? { evidence: 0, line: 0, hits: [] };
    this.#sums.set(kind, sum);
    return sum;
  }
}

/** @param logOdds natural */
export function probabilityOf(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}
