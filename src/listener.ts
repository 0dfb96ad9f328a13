import type { AlarmRule } from './alarm/decision.js';
import { type EarlierAlarm, Escalation, type EscalationOptions } from './alarm/escalation.js';
import { Notices } from './alarm/notices.js';
import type { SenseState } from './alarm/sense.js';
import { SAMPLE_RATE_HZ } from './constants.js';
import { ENGINE_HINT, ExitCode, UserError } from './errors.js';
import { RingWindow } from './features/ring.js';
import type { Pipeline } from './pipeline.js';
import { deadline, within } from './system/within.js';
import type {
  Acknowledgement,
  Clock,
  DecisionEvent,
  Denial,
  Logger,
  PcmChunk,
  PipelineResult,
  SoundChange,
  Unanswered,
  WaitingImpacts,
  Window,
} from './types.js';

/** An overrun is said at most this often. */
const OVERRUN_WARNING_MS = 60_000;

/** An engine that takes longer for a window has stopped: a window takes some milliseconds, on the slowest board some tenths. */
export const ENGINE_TIMEOUT_MS = 10_000;
/** So long a stop waits for a window that is being analysed… */
const STOP_MS = 1000;
/** …and so often, while one after the other is: what has been heard by then may be an alarm. */
const STOP_ROUNDS = 3;

const NOTHING_TO_ACKNOWLEDGE: Denial = {
  code: 'nothing_to_acknowledge',
  problem: 'no alarm waits to be acknowledged',
};
const NOT_THE_LATEST: Denial = {
  code: 'not_the_latest_alarm',
  problem: 'that is not the latest alarm, which still waits to be acknowledged',
};

export interface ListenerOptions extends Partial<EscalationOptions> {
  readonly hopSeconds: number;
  /** Whether sound comes whether or not there is time for it. */
  readonly live: boolean;
}

export interface ListenerHandlers {
  onWindow(result: PipelineResult): void;
  onEvent(event: DecisionEvent): void;
  /** With the first window, and whenever it changes. */
  onSense?(state: SenseState): void;
  /** A sound beside the alarm begins or has ended. */
  onSound?(change: SoundChange): void;
  /** What may still become an alarm, after each window and the event that comes of it. */
  onImpacts?(impacts: WaitingImpacts | undefined): void;
  /** The engine hangs, breaks or gives no numbers: nothing is heard any more. */
  onEngineFailed?(): void;
  /** The analysis of live sound failed, which is a bug; of other sound, `chunk` rejects. */
  onFailure?(error: unknown): void;
}

/**
 * Chunks go into the ring, windows come out of it and through the pipeline. Live sound never waits: where the
 * machine is too slow, the ring overwrites the oldest. Other sound is pulled: `chunk` resolves when all its
 * windows are analysed.
 */
export class Listener {
  readonly #ring: RingWindow;
  readonly #escalation: Escalation;
  readonly #notices: Notices;
  #state: SenseState | undefined;
  #analysing: Promise<void> | undefined;
  #cancelInputLost = () => {};
  /** No sound arrives: none is heard any more once what is there is analysed. */
  #offline = false;
  #analysed = 0;
  #stopped = false;
  #droppedSaid = 0;
  #lostWindows = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly pipeline: Pipeline,
    private readonly options: ListenerOptions,
    private readonly handlers: ListenerHandlers,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.#ring = new RingWindow({ hopSamples: Math.round(options.hopSeconds * SAMPLE_RATE_HZ) });
    this.#notices = new Notices(clock);
    const { escalateSeconds = 0, escalateTimes = 0 } = options;
    this.#escalation = new Escalation({ escalateSeconds, escalateTimes }, clock, (event) =>
      handlers.onEvent(event),
    );
  }

  /** Of sound that was lost here, or on its way. */
  get droppedWindows(): number {
    return this.#ring.droppedWindows + this.#lostWindows;
  }

  /** The latest alarm, which may be that of an earlier run, while nobody has acknowledged it. */
  get unanswered(): Unanswered | undefined {
    return this.#escalation.unanswered;
  }

  chunk(chunk: PcmChunk): void | Promise<void> {
    if (!this.options.live) return this.#pull(chunk);
    this.#ring.push(chunk);
    this.#warnOfOverrun();
    this.#drain().catch((error) => this.handlers.onFailure?.(error));
  }

  /** Sound is back: what was lost counts as time, and no window spans the gap. */
  inputOnline(gapSeconds: number): void {
    this.#offline = false;
    this.#cancelInputLost();
    if (gapSeconds === 0) return;
    this.#ring.skip(Math.round(gapSeconds * SAMPLE_RATE_HZ));
    this.pipeline.sense.gap();
  }

  /** Sound was lost on its way; what is heard around it counts all the same. */
  soundLost(seconds: number): void {
    this.#lostWindows += Math.ceil(seconds / this.options.hopSeconds);
    this.log.warn(
      { seconds, droppedWindows: this.droppedWindows },
      'sound was lost on its way here: this machine stood still or is too slow, or what it comes from lost it',
    );
  }

  /** No sound arrives; what has arrived is still heard. */
  inputOffline(): void {
    this.#offline = true;
    if (!this.#analysing) this.#noneLeft();
  }

  /** Switches detection. Off, an open alarm ends and no alarm is repeated; sound is still classified. */
  setEnabled(enabled: boolean): void {
    if (!enabled) this.#escalation.stop();
    this.#say(this.pipeline.sense.setEnabled(enabled, this.#streamSeconds, this.clock.wallMs()));
  }

  /** Somebody is in the room, or nobody; undefined: not known. */
  setOccupied(occupied: boolean | undefined): void {
    this.pipeline.sense.setOccupied(occupied);
  }

  /** Changes the alarm rule from the next window on. */
  setRule(change: Partial<AlarmRule>): void {
    this.pipeline.sense.setRule(change);
  }

  /** Changes when quiet hours begin and end, from the next window on. */
  setQuietHours(from: string, to: string): void {
    this.pipeline.sense.setQuietHours({ from, to });
  }

  /** A person has seen an alarm. @returns why that counts for nothing: it is not the latest, or has been seen */
  acknowledge(given: Acknowledgement = {}): Denial | undefined {
    const event = this.#escalation.acknowledge(given);
    if (!event && this.#escalation.wasSeen(given.episodeId)) return undefined; // said twice, or by two
    if (!event) return this.unanswered ? NOT_THE_LATEST : NOTHING_TO_ACKNOWLEDGE;
    this.pipeline.sense.acknowledge(event.episodeId);
    this.#say(event);
    return undefined;
  }

  /** Goes on repeating an alarm of an earlier run, before there is any of this one. */
  resume(alarm: EarlierAlarm): void {
    this.#escalation.resume(alarm);
  }

  /** Somebody comes who may not have heard of the latest alarm, nor of what else is said once. */
  remind(): void {
    this.#escalation.remind();
    for (const notice of this.#notices.remind()) this.handlers.onEvent(notice);
  }

  /** After the last chunk of sound that is not live: the rest that fills no window is analysed, too. */
  async finish(): Promise<void> {
    await this.#analysing;
    const rest = this.#ring.takeRest();
    if (rest) await this.#analyse(rest);
  }

  /** Ends an open alarm and every sound, and repeats no alarm any more. */
  async stop(): Promise<void> {
    await this.#lastWindows();
    this.#stopped = true;
    this.#cancelInputLost();
    this.#end('stop', this.#streamSeconds);
    this.#forgetSounds();
    this.#escalation.stop();
  }

  get #streamSeconds(): number {
    return this.#ring.position / SAMPLE_RATE_HZ;
  }

  /** Gives the ring no more than it can hold, however long the chunk. */
  async #pull(chunk: PcmChunk): Promise<void> {
    for (let at = 0; at < chunk.samples.length; ) {
      const samples = chunk.samples.subarray(at, at + this.#ring.free);
      this.#ring.push({ ...chunk, samples });
      at += samples.length;
      await this.#drain();
    }
  }

  /** Takes windows until there are none; a second call joins the first. */
  #drain(): Promise<void> {
    this.#analysing ??= this.#takeAll().finally(() => {
      this.#analysing = undefined;
      if (this.#offline && !this.#stopped) this.#noneLeft();
    });
    return this.#analysing;
  }

  async #takeAll(): Promise<void> {
    for (let window = this.#ring.take(); window; window = this.#stopped ? undefined : this.#ring.take()) {
      await this.#analyse(window);
      // Lets sound that has arrived meanwhile into the ring, so that no queue grows before it; and everything else have
      // its turn, also where sound is always there: a broker, commands, and who looks whether this process still lives.
      await new Promise(setImmediate);
    }
  }

  async #analyse(window: Window): Promise<void> {
    const result = await this.#answer(window).catch((error) => {
      this.handlers.onEngineFailed?.();
      throw error;
    });
    this.#analysed++;
    if (this.#stopped) return; // nobody would end an alarm that starts now
    this.handlers.onWindow(result);
    this.#say(result.event);
    for (const change of result.sounds) this.#sound(change, result.scored.endAtMs);
    this.handlers.onImpacts?.(this.pipeline.sense.impacts);
    const { state } = this.pipeline.sense;
    if (state.waterRunning === this.#state?.waterRunning && state.speech === this.#state.speech) return;
    this.#state = state;
    this.handlers.onSense?.(state);
  }

  /** What the pipeline makes of a window, or an error where it does not answer. */
  #answer(window: Window): Promise<PipelineResult> {
    return new Promise((resolve, reject) => {
      const { engine } = this.pipeline.model;
      const cancel = deadline(this.clock, ENGINE_TIMEOUT_MS, () => {
        const message = `the engine ${engine} has not answered for ${ENGINE_TIMEOUT_MS / 1000} s`;
        reject(new UserError(ExitCode.unavailable, message, ENGINE_HINT));
      });
      this.pipeline.process(window).then(resolve, reject).finally(cancel);
    });
  }

  /** Waits for the windows that are there, but neither for an engine that hangs nor long for one that is too slow. */
  async #lastWindows(): Promise<void> {
    let before = -1;
    for (let round = 0; round < STOP_ROUNDS && this.#analysing && this.#analysed > before; round++) {
      before = this.#analysed;
      await within(
        this.clock,
        STOP_MS,
        this.#analysing.catch(() => {}),
      ); // `onFailure` has been told
    }
    const windows = this.#ring.waiting + (this.#analysing ? 1 : 0);
    if (windows > 0) this.log.warn({ windows }, 'stopped before all that was heard was analysed');
  }

  #say(event: DecisionEvent | undefined): void {
    if (!event) return;
    this.#escalation.note(event);
    this.#notices.note(event);
    const ended = event.type === 'alarm_ended';
    const acknowledged = ended && this.#escalation.acknowledged(event.episodeId);
    this.handlers.onEvent(ended ? { ...event, acknowledged } : event);
  }

  /** Of what arrived all is heard: stream time stands still, so an open alarm ends by the clock, and every sound now. */
  #noneLeft(): void {
    this.#forgetSounds();
    const { releaseSeconds } = this.pipeline.rule;
    const endSeconds = this.#streamSeconds + releaseSeconds;
    this.#cancelInputLost();
    this.#cancelInputLost = this.clock.after(releaseSeconds * 1000, () =>
      this.#end('input_lost', endSeconds),
    );
  }

  #forgetSounds(): void {
    for (const change of this.pipeline.sounds.forget()) this.#sound(change, this.clock.wallMs());
  }

  #sound(change: SoundChange, atMs: number): void {
    this.handlers.onSound?.(change);
    this.#notices.sound(change);
    const { id, name, score } = change;
    if (change.heard && change.event) this.#say({ type: 'sound_heard', sound: id, name, score, atMs });
  }

  #end(endedBy: 'input_lost' | 'stop', atSeconds: number): void {
    this.#say(this.pipeline.sense.end(endedBy, atSeconds, this.clock.wallMs()));
  }

  #warnOfOverrun(): void {
    const { droppedWindows } = this.#ring;
    if (droppedWindows === this.#droppedSaid || this.clock.now() - this.#warnedAtMs < OVERRUN_WARNING_MS)
      return;
    this.log.warn({ droppedWindows }, 'too slow: windows were overwritten before they were analysed');
    this.#droppedSaid = droppedWindows;
    this.#warnedAtMs = this.clock.now();
  }
}
