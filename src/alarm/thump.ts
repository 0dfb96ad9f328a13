import type { OngoingSound, ScoredWindow, WaitingImpact, WaitingImpacts } from '../types.js';
import { type NoiseFloor, SILENCE_ABOVE_FLOOR_DB } from './floor.js';
import { hitOf } from './hits.js';
import {
  type Heard,
  HURT_KINDS,
  hearsClass,
  IMPACT_KIND,
  impactIn,
  isVoice,
  lifeGoesOn,
  type ThumpOptions,
  thumpSilenceSeconds,
  thumpVoice,
} from './impact.js';
import { ONGOING_TIMES, Ongoing } from './ongoing.js';
import { type AlarmRule, type Hit, remembers, type VoiceRule } from './rule.js';

/** An impact is so much louder than the noise floor; over 0.96 s even a hard blow is spread thin. */
const IMPACT_ABOVE_FLOOR_DB = 10;
/** …or than running water, whose noise hides the rest of it and next to nothing else. */
const IMPACT_ABOVE_WATER_DB = 4;
/** What is never quieter than its loudest by so much, for so long, is no impact: a crowd, an engine, thunder. */
const LASTING_DB = 10;
const LASTING_SECONDS = 4;
/** What falls along with it may roll and ring for so long. */
const SETTLE_SECONDS = 2;
/** So long after it the silence begins at the latest: whoever has fallen may groan, call or move before… */
const LATEST_SILENCE_SECONDS = 20;
/** …or go on calling: so many of the sounds since are voices, where nobody spoke before. */
const CALLING_SHARE = 0.8;
const MIN_CALLING_WINDOWS = 4;

/** A window that stands out of the room. */
interface Blow {
  readonly atSeconds: number;
  /** Wall clock. */
  readonly atMs: number;
  /** Louder than this is not silence. */
  readonly silenceDbfs: number;
  /** What went on before it. */
  readonly ongoing: OngoingSound;
}

interface Impact extends Blow {
  readonly hit: Hit;
  /** End of the last sound after it, stream seconds; that of the blow at first. */
  readonly silentSince?: number;
  /** …and of the last one that did not go on before it. */
  readonly unchangedSince?: number;
  /** Windows since with any other sound, and those of them with a voice. */
  readonly sounds?: number;
  readonly voices?: number;
}

/** An impact, and what after it makes it an alarm. */
export interface Fall {
  readonly hit: Hit;
  readonly reason: 'thump_then_silence' | 'thump_then_voice';
}

/** Finds an impact that is followed by silence, or by nothing new, or by a voice that is in distress or goes on, in stream time. */
export class Thump {
  #blow: Blow | undefined;
  /** That waits for silence… */
  #impact: Impact | undefined;
  /** …and that waits for a voice: silence or not, and what goes on after it may be the voice. */
  #fainter: Impact | undefined;
  #endSeconds = 0;
  /** Of an earlier run, until there is a window. */
  #earlier: WaitingImpacts | undefined;
  /** End of the last window with a voice in it. */
  #voiceSeconds = Number.NEGATIVE_INFINITY;
  readonly #ongoing: Ongoing;

  /** @param floor of the room, which has every window before `push` does */
  constructor(
    private readonly options: ThumpOptions,
    private readonly floor: NoiseFloor,
  ) {
    this.#ongoing = new Ongoing(options);
  }

  /**
   * Takes the next window.
   *
   * @param rule whose labels and levels say what an alarm sounds like
   * @param heard as the event head's evidence has it; a model has none without it
   * @param minThreshold a stricter threshold of the impact, for now
   * @returns the impact, with every window for which there is a voice after it, or the silence after it has been long
   *   enough
   */
  push(window: ScoredWindow, rule: AlarmRule, heard: Heard, minThreshold: number): Fall | undefined {
    const silenceSeconds = thumpSilenceSeconds(rule, this.options);
    const voice = thumpVoice(rule, this.options);
    if (silenceSeconds === 0 && !voice) return undefined;
    this.#ongoing.push(window);
    this.#takeUp(window);
    this.#bridge(window);
    const floorDbfs = this.floor.dbfs;
    const aboveDb = this.floor.isWater ? IMPACT_ABOVE_WATER_DB : IMPACT_ABOVE_FLOOR_DB;
    if (isVoice(window, this.options.speechLabels)) this.#voiceSeconds = window.endSeconds;
    if (this.floor.lasts(LASTING_SECONDS, LASTING_DB)) {
      this.#blow = undefined;
      // What lasts after an impact may have been there before it, or be whoever fell, calling without a pause.
      const called = window.endSeconds - this.#voiceSeconds <= LASTING_SECONDS;
      if (!called && !this.#isUnchanged(window, rule)) this.#impact = undefined;
    } else if (window.rmsDbfs > Math.max(rule.minLevelDbfs, floorDbfs + aboveDb)) {
      const silenceDbfs = Math.max(rule.minLevelDbfs, floorDbfs + SILENCE_ABOVE_FLOOR_DB);
      this.#blow = {
        atSeconds: window.endSeconds,
        atMs: window.endAtMs,
        silenceDbfs,
        ongoing: this.#ongoing.before(window.startSeconds),
      };
    }
    // The event head may be sure of a blow only when it has heard what follows it.
    const blow =
      this.#blow && remembers(rule.evidence, this.#blow.atSeconds, window.endSeconds)
        ? this.#blow
        : undefined;
    const hit = impactIn(window, rule, heard, this.options, minThreshold);
    if (hit && blow && silenceSeconds > 0) this.#impact = { hit, ...blow };
    // Silence counts also while there is a voice: the alarm for that is refused as long as the last one cools down.
    const silent = this.#silent(window, rule, silenceSeconds);
    return (voice && this.#spoken(window, voice, heard, blow)) ?? silent;
  }

  /** Whether no impact waits for its silence. */
  get idle(): boolean {
    return this.#impact === undefined;
  }

  /** What a next run may go on with; undefined where nothing waits. */
  get impacts(): WaitingImpacts | undefined {
    if (!this.#impact && !this.#fainter) return this.#earlier;
    return { silence: waiting(this.#impact), voice: waiting(this.#fainter) };
  }

  /** Goes on with what an earlier run has left, from the next window on. */
  resume(earlier: WaitingImpacts): void {
    this.#earlier = earlier;
  }

  /** Forgets the impact: it has become an alarm, nobody is there who could have fallen, or nobody wants to know. */
  forget(): void {
    this.#blow = this.#impact = this.#fainter = this.#earlier = undefined;
  }

  /** Puts impacts of an earlier run before this stream, which begins with sound that is lost. */
  #takeUp({ endSeconds, endAtMs }: ScoredWindow): void {
    if (!this.#earlier) return;
    const placed = (impact: WaitingImpact | undefined): Impact | undefined => {
      const agoSeconds = impact ? (endAtMs - impact.atMs) / 1000 : Number.NaN;
      // Otherwise the clock was set since then, and nobody knows.
      return impact && agoSeconds > endSeconds
        ? { ...impact, atSeconds: endSeconds - agoSeconds }
        : undefined;
    };
    const { silence, voice } = this.#earlier;
    this.#earlier = undefined;
    this.#impact = placed(silence);
    this.#fainter = placed(voice);
    if (this.#impact) this.#endSeconds = this.#impact.atSeconds;
  }

  /** An impact is none the less one because sound was lost after it, but the silence begins anew: who knows what was lost. */
  #bridge({ startSeconds, endSeconds }: ScoredWindow): void {
    if (this.#impact && startSeconds > this.#endSeconds)
      this.#impact = isLate(this.#impact, startSeconds) ? undefined : soundUntil(startSeconds, this.#impact);
    this.#endSeconds = endSeconds;
  }

  /** A voice may have been there already when the impact was heard: whoever falls cries out. */
  #spoken(
    { endSeconds }: ScoredWindow,
    { line, seconds }: VoiceRule,
    heard: Heard,
    blow: Blow | undefined,
  ): Fall | undefined {
    const hit = heard(IMPACT_KIND, line);
    if (hit && blow) this.#fainter = { hit, ...blow };
    if (this.#fainter && endSeconds - this.#fainter.atSeconds > seconds) this.#fainter = undefined;
    if (!this.#fainter) return undefined;
    if (!HURT_KINDS.some((kind) => heard(kind, line))) return undefined;
    return { hit: this.#fainter.hit, reason: 'thump_then_voice' };
  }

  #silent(window: ScoredWindow, rule: AlarmRule, silenceSeconds: number): Fall | undefined {
    if (!this.#impact || window.startSeconds < this.#impact.atSeconds + SETTLE_SECONDS) return undefined;
    const { hit, atSeconds, silentSince = atSeconds, unchangedSince = atSeconds } = this.#impact;
    const { endSeconds } = window;
    const silent = this.#isSilent(window, rule, this.#impact.silenceDbfs);
    const unchanged = silent || this.#isUnchanged(window, rule);
    const long =
      (silent && endSeconds - silentSince >= silenceSeconds) ||
      (unchanged && endSeconds - unchangedSince >= ONGOING_TIMES * silenceSeconds);
    if (long) return { hit, reason: 'thump_then_silence' };
    if (silent) return undefined;
    if (!unchanged) return this.#disturbed(window, this.#impact);
    this.#impact = { ...this.#impact, silentSince: endSeconds };
    return undefined;
  }

  /** Something else is heard after an impact: life that goes on, or what puts the silence off, for a while. */
  #disturbed(window: ScoredWindow, impact: Impact): Fall | undefined {
    const { hit, ongoing, sounds = 0, voices = 0 } = impact;
    const voice = isVoice(window, this.options.speechLabels) ? 1 : 0;
    const heard = { sounds: sounds + 1, voices: voices + voice };
    const calls =
      !ongoing.voices && heard.voices >= Math.max(MIN_CALLING_WINDOWS, CALLING_SHARE * heard.sounds);
    const late = isLate(impact, window.endSeconds);
    const calledOff = lifeGoesOn(window, ongoing.water) || (late && !calls);
    this.#impact = calledOff ? undefined : { ...soundUntil(window.endSeconds, impact), ...heard };
    return late && !calledOff ? { hit, reason: 'thump_then_voice' } : undefined;
  }

  #isUnchanged(window: ScoredWindow, rule: AlarmRule): boolean {
    const before = this.#impact?.ongoing;
    return (
      before !== undefined && this.#ongoing.isAll(window, before) && !hitOf(window, rule, rule.threshold)
    );
  }

  #isSilent(window: ScoredWindow, rule: AlarmRule, silenceDbfs: number): boolean {
    return (
      window.rmsDbfs <= silenceDbfs &&
      !hearsClass(window, this.options.speechLabels) &&
      !hitOf(window, rule, rule.threshold)
    );
  }
}

function waiting(impact: Impact | undefined): WaitingImpact | undefined {
  if (!impact) return undefined;
  const { hit, atMs, silenceDbfs, ongoing } = impact;
  return { hit, atMs, silenceDbfs, ongoing };
}

function soundUntil(seconds: number, impact: Impact): Impact {
  return { ...impact, silentSince: seconds, unchangedSince: seconds };
}

/** Whether it is too late after an impact for the silence to begin. */
function isLate({ atSeconds }: Impact, seconds: number): boolean {
  return seconds - atSeconds > LATEST_SILENCE_SECONDS;
}
