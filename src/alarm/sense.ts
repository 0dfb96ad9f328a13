import type {
  AlarmEnd,
  AlarmEnded,
  AlarmStarted,
  DecisionEvent,
  KindEvidence,
  ScoredWindow,
  WaitingImpacts,
  WaterRunningLong,
} from '../types.js';
import { AlarmDecision, type AlarmRule } from './decision.js';
import { NoiseFloor } from './floor.js';
import { IMPACT_KIND, type ThumpOptions, thumpSilenceSeconds, thumpVoice } from './impact.js';
import { isQuiet, type QuietHours } from './quiet-hours.js';
import { remembers } from './rule.js';
import { SilentStay } from './stay.js';
import { type Fall, Thump } from './thump.js';

/** How fast a smoothed score follows: time constant. */
const SMOOTHING_SECONDS = 3;
/** Hysteresis of what is smoothed. */
const ON_SCORE = 0.5;
const OFF_SCORE = 0.25;
/** Water that stops for no longer than this runs on. */
const WATER_BRIDGE_SECONDS = 60;

export interface SenseOptions extends ThumpOptions {
  /** While water runs, a window is a hit only from this score on. */
  readonly waterThreshold?: number | undefined;
  /** Water that runs for longer is reported; 0 is never. */
  readonly waterMinutes: number;
  /** Who is in the room for longer without a sound is reported; 0 is never. */
  readonly longStayMinutes: number;
  readonly quietHours?: QuietHours | undefined;
}

/** Nothing but the alarm rule. */
export const SENSE_OFF: SenseOptions = {
  waterLabels: [],
  waterMinutes: 0,
  longStayMinutes: 0,
  speechLabels: [],
  thumpSilenceSeconds: 0,
  thumpVoiceSeconds: 0,
};

/** What is heard now, smoothed. */
export interface SenseState {
  readonly waterRunning: boolean;
  readonly speech: boolean;
}

/**
 * What a bathroom is about: the alarm decision, and around it when it is stricter, impacts with silence or a voice in
 * distress after them, water, and somebody who makes no sound. Everything is in stream time.
 */
export class Sense {
  readonly #options: SenseOptions;
  readonly #decision: AlarmDecision;
  readonly #water: Presence;
  readonly #speech: Presence;
  readonly #waterRun: WaterRun;
  readonly #floor: NoiseFloor;
  readonly #stay: SilentStay;
  readonly #thump: Thump;
  #quietHours: QuietHours | undefined;
  #occupied: boolean | undefined;
  /** End of the window that raised the last alarm. */
  #raisedSeconds = Number.NEGATIVE_INFINITY;
  #enabled = true;

  constructor(rule: AlarmRule, options: SenseOptions) {
    this.#options = options;
    this.#quietHours = options.quietHours;
    this.#decision = new AlarmDecision(rule);
    this.#floor = new NoiseFloor(options.waterLabels);
    this.#water = new Presence(options.waterLabels);
    this.#speech = new Presence(options.speechLabels);
    this.#waterRun = new WaterRun(options.waterMinutes * 60);
    this.#stay = new SilentStay(options.longStayMinutes * 60, this.#floor);
    this.#thump = new Thump(options, this.#floor);
  }

  get rule(): AlarmRule {
    return this.#decision.rule;
  }

  /** What speaks for each alarm kind, as of the last window. */
  get evidence(): KindEvidence[] {
    return this.#decision.evidence;
  }

  /** How loud the room is when nothing happens in it; undefined where too little is known. */
  get floorDbfs(): number | undefined {
    return Number.isFinite(this.#floor.dbfs) ? this.#floor.dbfs : undefined;
  }

  get state(): SenseState {
    return { waterRunning: this.#water.on, speech: this.#speech.on };
  }

  /** Whether anything depends on somebody being in the room. */
  get asksForOccupancy(): boolean {
    const { rule } = this;
    const silence = thumpSilenceSeconds(rule, this.#options) > 0;
    const voice = thumpVoice(rule, this.#options) !== undefined;
    return silence || voice || this.#options.longStayMinutes > 0;
  }

  /** Whether no alarm is on, and none can come of what was heard so far alone. */
  get idle(): boolean {
    return this.#decision.idle && this.#thump.idle;
  }

  /** Impacts that may still become an alarm: what a next run may go on with; undefined where there are none. */
  get impacts(): WaitingImpacts | undefined {
    return this.#thump.impacts;
  }

  /** Goes on with the impacts of an earlier run, before there is any window of this one. */
  resume(impacts: WaitingImpacts): void {
    this.#thump.resume(impacts);
  }

  /** Takes the next window. What has lasted long waits for the next one where an alarm has something to say. */
  push(window: ScoredWindow): DecisionEvent | undefined {
    this.#floor.push(window);
    this.#water.push(window);
    this.#speech.push(window);
    this.#stay.push(window, this.rule, this.#water.on || this.#speech.on);
    const alarm = this.#enabled ? this.#alarm(window) : undefined;
    return alarm ?? this.#waterRunningLong(window) ?? this.#stay.take(window);
  }

  /** Changes the alarm rule from the next window on. */
  setRule(change: Partial<AlarmRule>): void {
    this.#decision.setRule(change);
  }

  /** Changes when quiet hours begin and end, from the next window on, where there are any. */
  setQuietHours({ from, to }: Pick<QuietHours, 'from' | 'to'>): void {
    this.#quietHours = this.#quietHours && { ...this.#quietHours, from, to };
  }

  /**
   * Somebody is in the room, or nobody; undefined: not known, which is taken for somebody. An impact while nobody is
   * there, or before they left, is a thing that fell. Nothing else depends on it: whoever screams is there.
   */
  setOccupied(occupied: boolean | undefined): void {
    this.#occupied = occupied;
    this.#stay.setOccupied(occupied === true);
    if (occupied === false) this.#thump.forget();
  }

  /** Switches detection; off, an open alarm ends and none starts. Water, speech and silence are still heard. */
  setEnabled(enabled: boolean, atSeconds: number, atMs: number): AlarmEnded | undefined {
    this.#enabled = enabled;
    if (enabled) return undefined;
    this.gap();
    this.#thump.forget();
    return this.end('disabled', atSeconds, atMs);
  }

  /** Sound was lost: what was half heard before the gap says nothing of what comes after it. An impact was heard. */
  gap(): void {
    this.#decision.gap();
  }

  /** A person has seen the open alarm. */
  acknowledge(episodeId: string): void {
    this.#decision.acknowledge(episodeId);
  }

  /** Ends the open alarm, if there is one; see `AlarmDecision.end`. */
  end(endedBy: AlarmEnd, atSeconds: number, atMs: number): AlarmEnded | undefined {
    return this.#decision.end(endedBy, atSeconds, atMs);
  }

  #alarm(window: ScoredWindow): AlarmStarted | AlarmEnded | undefined {
    const minThreshold = this.#minThreshold(window);
    const event = this.#decision.push(window, minThreshold);
    const fall = this.#fall(window, minThreshold);
    const kind = window.kinds && IMPACT_KIND;
    const raised = event ?? (fall && this.#decision.raise(window, fall.hit, fall.reason, kind));
    if (raised?.type === 'alarm_started') this.#raisedSeconds = window.endSeconds;
    // What fell is part of the alarm, as long as nobody has seen that. What falls later is not, and waits for its end.
    if (this.#decision.unseen || this.#hearsRaised(window)) this.#thump.forget();
    return raised;
  }

  /** Whether what raised the last alarm is heard in a window still, however soon somebody has seen that. */
  #hearsRaised({ startSeconds, endSeconds }: ScoredWindow): boolean {
    return (
      startSeconds < this.#raisedSeconds || remembers(this.rule.evidence, this.#raisedSeconds, endSeconds)
    );
  }

  /** An impact and what comes after it, if somebody may be in the room by then: a sensor may be late. */
  #fall(window: ScoredWindow, minThreshold: number): Fall | undefined {
    const heard = this.#decision.heard.bind(this.#decision);
    const fall = this.#thump.push(window, this.rule, heard, minThreshold);
    if (this.#occupied !== false) return fall;
    // A silence that is over has its answer. After a groan the silence may still come, and the sensor's word before that.
    if (fall?.reason === 'thump_then_silence') this.#thump.forget();
    return undefined;
  }

  #waterRunningLong({ endSeconds, endAtMs }: ScoredWindow): WaterRunningLong | undefined {
    const durationSeconds = this.#water.on ? this.#waterRun.push(endSeconds) : undefined;
    return durationSeconds === undefined
      ? undefined
      : { type: 'water_running_long', atMs: endAtMs, durationSeconds };
  }

  /** The strictest of the thresholds that hold now. */
  #minThreshold({ endAtMs }: ScoredWindow): number {
    const { waterThreshold = 0 } = this.#options;
    const quietHours = this.#quietHours;
    const quiet = quietHours && isQuiet(quietHours, endAtMs) ? quietHours.threshold : 0;
    return Math.max(quiet, this.#water.on ? waterThreshold : 0);
  }
}

/** Whether a label is heard: its score, smoothed in time whatever the hop, with hysteresis. */
class Presence {
  on = false;
  #score = 0;
  #atSeconds = Number.NEGATIVE_INFINITY;

  constructor(private readonly labels: readonly string[]) {}

  push({ scores, startSeconds, endSeconds }: ScoredWindow): void {
    if (this.labels.length === 0) return;
    let score = 0;
    for (const label of this.labels) score = Math.max(score, scores[label] ?? 0);
    // Of the first window, and of one after a gap, no more is new than its own length.
    const elapsedSeconds = Math.min(endSeconds - this.#atSeconds, endSeconds - startSeconds);
    this.#score += (score - this.#score) * (1 - Math.exp(-elapsedSeconds / SMOOTHING_SECONDS));
    this.#atSeconds = endSeconds;
    this.on = this.#score >= (this.on ? OFF_SCORE : ON_SCORE);
  }
}

/** How long water has been running. */
class WaterRun {
  #sinceSeconds = 0;
  #lastSeconds = Number.NEGATIVE_INFINITY;
  #said = false;

  /** @param limitSeconds 0 is never */
  constructor(private readonly limitSeconds: number) {}

  /**
   * Water runs at this time.
   *
   * @returns how long, once in a run, when that is too long
   */
  push(seconds: number): number | undefined {
    if (seconds - this.#lastSeconds > WATER_BRIDGE_SECONDS) {
      this.#sinceSeconds = seconds;
      this.#said = false;
    }
    this.#lastSeconds = seconds;
    const durationSeconds = seconds - this.#sinceSeconds;
    if (this.#said || this.limitSeconds === 0 || durationSeconds < this.limitSeconds) return undefined;
    this.#said = true;
    return durationSeconds;
  }
}
