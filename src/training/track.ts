import type { AlarmRule } from '../alarm/decision.js';
import { FLOOR_SECONDS } from '../alarm/floor.js';
import { impactLine, thumpSilenceSeconds, thumpVoice } from '../alarm/impact.js';
import { evidenceRule } from '../alarm/rule.js';
import { SENSE_OFF, Sense, type SenseOptions } from '../alarm/sense.js';
import { SAMPLE_RATE_HZ, WINDOW_SAMPLES, WINDOW_SECONDS } from '../constants.js';
import type { AlarmStarted, DecisionEvent, ScoredWindow } from '../types.js';
import type { Alarm, LabelledEvent } from './events.js';

/**
 * What the decision stage looks at in the windows of one recording, so that any alarm rule can be tried after the
 * network has run once. A window takes 4 bytes for its level, for each alarm label, and for each kind of event that
 * counts, in an array that may be twice as long: up to 120 kB per hour with one label and no kinds, 900 kB with thirteen.
 */
export class Track {
  /** Length of the recording. */
  seconds = 0;
  #count = 0;
  #values = new Float32Array(0);
  /** Those of the kinds that the first window has; the same in all of a model. */
  #kinds: readonly string[] = [];
  /** What `#loudest` found for the labels and lines that it was last asked for. */
  #found: Loudest | undefined;
  /** What `replay` found with rules of the same evidence, by what else of them makes a difference here. */
  readonly #replayed = new Map<string, readonly Alarm[]>();
  #evidence: AlarmRule['evidence'];

  /**
   * @param labels those whose scores are kept: no other can alarm in `replay`
   * @param hopSeconds from window to window
   * @param countedKinds those of which log-odds are kept, as for labels; all when left out
   * @param sense what is done beyond the alarm rule; of classes that are not among `labels` it hears nothing
   */
  constructor(
    readonly path: string,
    private readonly labels: readonly string[],
    private readonly hopSeconds: number,
    private readonly countedKinds?: readonly string[],
    private readonly sense: SenseOptions = SENSE_OFF,
  ) {}

  get windows(): number {
    return this.#count;
  }

  /** Takes the next window. */
  push({ rmsDbfs, scores, kinds = {} }: ScoredWindow): void {
    if (this.#count === 0)
      this.#kinds = Object.keys(kinds).filter((kind) => this.countedKinds?.includes(kind) ?? true);
    this.#replayed.clear();
    const width = this.#width;
    const at = this.#count++ * width;
    if (at === this.#values.length) {
      const larger = new Float32Array(Math.max(8, this.#count * 2) * width);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[at] = rmsDbfs;
    for (const [i, label] of this.labels.entries()) this.#values[at + 1 + i] = scores[label]!;
    const from = at + 1 + this.labels.length;
    for (const [i, kind] of this.#kinds.entries()) this.#values[from + i] = kinds[kind]!;
  }

  get #width(): number {
    return 1 + this.labels.length + this.#kinds.length;
  }

  /**
   * The alarms that the decision stage raises in this recording under a rule. Of hundreds of rules that are tried on it,
   * most differ by nothing that is heard in it: what was found is remembered.
   *
   * @param most it gives up at more alarms than so many
   */
  replay(rule: AlarmRule, most = Number.POSITIVE_INFINITY): readonly Alarm[] {
    if (rule.evidence !== this.#evidence) this.#replayed.clear();
    this.#evidence = rule.evidence;
    const loudest = this.#loudest(rule);
    const difference = loudest && this.#differenceOf(rule, loudest);
    const known = difference && this.#replayed.get(difference);
    if (known) return known;
    const alarms = this.#replay(rule, most, loudest && this.#stirring(rule, loudest));
    if (difference && alarms.length <= most) this.#replayed.set(difference, alarms);
    return alarms;
  }

  /**
   * While nothing speaks for an alarm, it goes on to where something does, and begins as much before that as the
   * decision looks back: hours are mostly quiet.
   *
   * @param next finds the next window that speaks for one
   */
  #replay(rule: AlarmRule, most: number, next: ((from: number) => number) | undefined): Alarm[] {
    const sense = new Sense(rule, this.sense);
    const alarms: Alarm[] = [];
    let heardSeconds = 0;
    const take = (event: DecisionEvent | undefined) => {
      if (event?.type === 'alarm_started') heardSeconds = heardAt(event);
      if (event?.type !== 'alarm_ended') return;
      const { atSeconds, durationSeconds, label, kind, peakConfidence } = event;
      alarms.push({
        startSeconds: atSeconds - durationSeconds,
        endSeconds: atSeconds,
        heardSeconds,
        label,
        confidence: peakConfidence,
        kind,
      });
    };
    // One object for all windows: the decision reads it at once, and what it keeps of it is not used here.
    const scores: Record<string, number> = {};
    const kinds: Record<string, number> = {};
    const window = { ...EMPTY_WINDOW, scores, kinds: this.#kinds.length > 0 ? kinds : undefined };
    const width = this.#width;
    const { memorySeconds = 0 } = rule.evidence ?? {};
    const thump = thumpSilenceSeconds(rule, this.sense) > 0 || thumpVoice(rule, this.sense) !== undefined;
    const floorSeconds = thump ? FLOOR_SECONDS : 0;
    const before = Math.ceil((memorySeconds + floorSeconds + 2 * WINDOW_SECONDS) / this.hopSeconds) + 1;
    for (let k = next ? Math.max(0, next(0) - before) : 0; k < this.#count && alarms.length <= most; k++) {
      const at = k * width;
      // Made of samples, as the pipeline makes them: the last digit decides where a time is just enough.
      const startSample = Math.round(k * this.hopSeconds * SAMPLE_RATE_HZ);
      window.startSeconds = startSample / SAMPLE_RATE_HZ;
      window.endSeconds = (startSample + WINDOW_SAMPLES) / SAMPLE_RATE_HZ;
      window.endAtMs = 1000 * window.endSeconds;
      window.rmsDbfs = this.#values[at]!;
      for (let i = 0; i < this.labels.length; i++) scores[this.labels[i]!] = this.#values[at + 1 + i]!;
      const from = at + 1 + this.labels.length;
      for (let i = 0; i < this.#kinds.length; i++) kinds[this.#kinds[i]!] = this.#values[from + i]!;
      take(sense.push(window));
      if (next && sense.idle) k = Math.max(k, next(k + 1) - before - 1);
    }
    take(sense.end('stop', Math.max(this.seconds, window.endSeconds), 0));
    return alarms;
  }

  /**
   * Finds windows that speak for an alarm: by a class that reaches the threshold, or by a kind.
   *
   * @returns gives the first of them from a window on, or the number of windows
   */
  #stirring({ threshold }: AlarmRule, { scores, speaks }: Loudest): (from: number) => number {
    return (from) => {
      let k = from;
      while (k < this.#count && scores[k]! < threshold && speaks[k] === 0) k++;
      return k;
    };
  }

  /**
   * The same of two rules only where the decision stage cannot tell them apart in this recording: a threshold counts by
   * how many windows reach it.
   *
   * @returns undefined where thresholds change with the hour
   */
  #differenceOf(rule: AlarmRule, { sorted }: Loudest): string | undefined {
    if (this.sense.quietHours) return undefined;
    const { threshold, instantThreshold, hits, window, evidence: _, ...others } = rule;
    const reach = (score: number) => sorted.length - firstFrom(sorted, score);
    const classes = reach(threshold) === 0 ? [] : [reach(threshold), reach(instantThreshold), hits, window];
    return JSON.stringify([this.seconds, classes, others]);
  }

  /**
   * The highest score of each window among the labels that alarm, and whether any kind gains by it.
   *
   * @returns undefined where it cannot be told of windows alone what speaks for an alarm
   */
  #loudest(rule: AlarmRule): Loudest | undefined {
    const own = evidenceRule(rule);
    // Water is heard over any time; what impacts are of a model without kinds is not in a track.
    if (this.sense.waterThreshold !== undefined || (own && !(impactLine(own) > 0))) return undefined;
    if (!own && thumpSilenceSeconds(rule, this.sense) > 0) return undefined;
    const offsets = own?.offsets ?? {};
    const kinds = Object.keys(offsets);
    const by = JSON.stringify([this.#count, rule.labels, kinds, offsets]);
    if (this.#found?.by === by) return this.#found;
    const scores = new Float32Array(this.#count);
    const speaks = new Uint8Array(this.#count);
    const labels = this.labels.flatMap((label, i) => (rule.labels.includes(label) ? [1 + i] : []));
    const heard = this.#kinds.flatMap((kind, i) =>
      kinds.includes(kind) ? [{ column: 1 + this.labels.length + i, offset: offsets[kind] ?? 0 }] : [],
    );
    for (let k = 0; k < this.#count; k++) {
      const at = k * this.#width;
      for (const column of labels) scores[k] = Math.max(scores[k]!, this.#values[at + column]!);
      if (heard.some(({ column, offset }) => this.#values[at + column]! + offset > 0)) speaks[k] = 1;
    }
    this.#found = { by, scores, speaks, sorted: scores.toSorted() };
    return this.#found;
  }
}

/** Of a clock that goes as the stream does. */
function heardAt({ reason, hits, atSeconds }: AlarmStarted): number {
  const impact = reason.startsWith('thump') ? hits.at(-1) : undefined;
  return impact ? impact.atMs / 1000 : atSeconds;
}

interface Loudest {
  readonly by: string;
  readonly scores: Float32Array;
  readonly speaks: Uint8Array;
  /** The scores, lowest first. */
  readonly sorted: Float32Array;
}

/** Where in a sorted array the values begin that are not less than one. */
function firstFrom(sorted: Float32Array, least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

const EMPTY_WINDOW = {
  startSeconds: 0,
  endSeconds: 0,
  endAtMs: 0,
  label: '',
  confidence: 0,
  rmsDbfs: 0,
  peakDbfs: 0,
  audioset: [],
};

/** A clip that lies in a room or in ordinary sound, after the network. */
export interface LifeTrack {
  readonly track: Track;
  /** Where the clip lies in it. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Folder below the class, or that of the class where it has another name; empty where there is none. */
  readonly kind: string;
}

/** A recording, and where in it an alarm ought to come; nowhere in ordinary sound. */
export interface Recording {
  readonly track: Track;
  readonly events: readonly LabelledEvent[];
}
