import type { AlarmEnd, AlarmEnded, AlarmStarted, KindEvidence, ScoredWindow } from '../types.js';
import { type Cry, Episode } from './episode.js';
import { Evidence, type HeardKind } from './evidence.js';
import { type HeardClass, Hits } from './hits.js';
import { type AlarmRule, type Hit, likeliest } from './rule.js';

export { type AlarmRule, DEFAULT_ALARM_RULE } from './rule.js';

/** Log-odds of probabilities beyond these are no larger, so that they stay numbers one can reckon with. */
const SURE = 0.999;

/**
 * Windows → alarms. Two things are heard side by side, each with a rule of its own: classes that reach a score often
 * enough (`Hits`), and kinds of events for which evidence adds up (`Evidence`). Either starts the alarm, and either
 * keeps it on.
 */
export class AlarmDecision {
  #rule: AlarmRule;
  /** The threshold with which the lines hold as they are. */
  readonly #usualThreshold: number;
  readonly #hits = new Hits();
  readonly #evidence = new Evidence();
  readonly #episode = new Episode();
  /** By how much the lines are higher for now, nats. */
  #stricter = 0;

  constructor(rule: AlarmRule) {
    this.#rule = rule;
    this.#usualThreshold = rule.threshold;
  }

  get rule(): AlarmRule {
    return this.#rule;
  }

  /** What speaks for each alarm kind, as of the last window. */
  get evidence(): KindEvidence[] {
    const { kinds = [] } = this.#rule.evidence ?? {};
    return this.#evidence.all.filter(({ kind }) => kinds.includes(kind));
  }

  /** The alarm that is on. */
  get open(): AlarmStarted | undefined {
    return this.#episode.open;
  }

  /** Whether an alarm is on that nobody has seen. */
  get unseen(): boolean {
    return this.#episode.unseen;
  }

  /** Whether no alarm is on, and nothing that was heard speaks for one. */
  get idle(): boolean {
    return !this.#episode.open && this.#hits.idle && this.#evidence.idle;
  }

  /**
   * Changes the rule from the next window on. What was no hit does not become one, and what is none any more
   * no longer counts.
   */
  setRule(change: Partial<AlarmRule>): void {
    this.#rule = { ...this.#rule, ...change };
  }

  /**
   * Takes the next window.
   *
   * @param minThreshold a stricter threshold for now; one below the rule's has no effect. The lines of the evidence
   *   rise by as many log-odds above the rule's, or above the first one's where that was lowered since: who wants more
   *   alarms must not get fewer.
   */
  push(window: ScoredWindow, minThreshold = 0): AlarmStarted | AlarmEnded | undefined {
    const rule = this.#rule;
    const threshold = Math.max(rule.threshold, minThreshold);
    const usual = Math.max(rule.threshold, this.#usualThreshold);
    this.#stricter = Math.max(0, logOddsOf(threshold) - logOddsOf(usual));
    const heardClass = this.#hits.push(window, rule, threshold);
    const heardKinds = this.#evidence.push(window, rule, this.#stricter);
    return this.#episode.push(window, criesOf(window, rule, heardClass, heardKinds), rule);
  }

  /**
   * Starts an alarm that follows from more than its hits, unless one is on or the last one cools down: it may wait.
   *
   * @param kind of event that the hit is
   */
  raise(
    window: ScoredWindow,
    hit: Hit,
    reason: AlarmStarted['reason'],
    kind?: string,
  ): AlarmStarted | AlarmEnded | undefined {
    if (this.#episode.open) return undefined;
    const cry = { label: hit.label, confidence: hit.score, kind, start: { reason, hits: [hit] } };
    return this.#episode.push(window, [cry], this.#rule);
  }

  /** A person has seen the open alarm: of another kind from now on there is another one. */
  acknowledge(episodeId: string): void {
    this.#episode.acknowledge(episodeId);
  }

  /** The latest hit of a kind, where its evidence as of the last window reaches a line that rises as the others do. */
  heard(kind: string, line: number): Hit | undefined {
    const sum = this.#evidence.of(kind);
    return sum && sum.evidence >= line + this.#stricter ? sum.hits.at(-1) : undefined;
  }

  /** Forgets what speaks for an alarm before a gap in the sound: it says nothing of what comes after it. */
  gap(): void {
    this.#hits.forget();
    this.#evidence.forget();
  }

  /**
   * Ends the open alarm, if there is one, for a reason other than silence.
   *
   * @param atSeconds stream time, counting on through lost sound
   * @param atMs wall clock
   */
  end(endedBy: AlarmEnd, atSeconds: number, atMs: number): AlarmEnded | undefined {
    return this.#episode.end(endedBy, atSeconds, atMs);
  }
}

/** Evidence goes before classes: it says what kind of event it was. */
function criesOf(
  window: ScoredWindow,
  rule: AlarmRule,
  heardClass: HeardClass | undefined,
  heardKinds: readonly HeardKind[],
): Cry[] {
  const { hit, start } = heardClass ?? {};
  const enough = heardKinds.filter(({ evidence, line }) => evidence >= line);
  if (enough.length === 0)
    return hit ? [{ label: hit.label, confidence: hit.score, kind: heardKinds[0]?.kind, start }] : [];
  return enough.map(({ kind, evidence, line, adds, hits, probability }) => ({
    label: hit?.label ?? likeliest(window, rule.labels) ?? kind,
    confidence: Math.max(probability, ...hits.map(({ score }) => score), hit?.score ?? 0),
    kind,
    known: true,
    start: adds ? { reason: 'evidence', hits, evidence: { value: evidence, line } } : start,
  }));
}

function logOddsOf(probability: number): number {
  const p = Math.min(SURE, Math.max(1 - SURE, probability));
  return Math.log(p / (1 - p));
}
