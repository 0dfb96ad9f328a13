import { doubtsOf, soundDoubtOf } from './alarm/doubts.js';
import { KEPT_WORD_MS } from './alarm/escalation.js';
import { Occupancy } from './alarm/occupancy.js';
import type { AlarmRule } from './alarm/rule.js';
import type { SoundRule, Sounds } from './alarm/sounds.js';
import type { Listener } from './listener.js';
import type { MqttPublisher } from './publish/client.js';
import { type AdjustableNumber, Commands } from './publish/commands.js';
import { adjustableOf } from './publish/features.js';
import type { Reporter } from './publish/reporter.js';
import { soundTopicsOf, type Topics } from './publish/topics.js';
import type { FeedbackStore } from './storage/feedback.js';
import { Settings } from './storage/settings.js';
import { SoundSettings } from './storage/sound-settings.js';
import type { State } from './storage/state.js';
import { Paced } from './system/paced.js';
import type { Clock, Denial, KnownQuiet, Logger, SettingName } from './types.js';

/** While so many events wait, another test would come late, and could push out an alarm. */
const MOST_WAITING = 10;
/** So often in a row it is said at once what stands in the way of an alarm, and then once a second. */
const DOUBTS = 20;
const DOUBT_EVERY_MS = 1000;

/** What is told, and what it is told by. */
export interface ControlParts {
  readonly publisher: MqttPublisher;
  readonly topics: Topics;
  readonly listener: Listener;
  readonly reporter: Reporter;
  readonly feedback: FeedbackStore;
  /** Keeps what was set. */
  readonly store: State;
  /** Those beside the alarm. */
  readonly sounds: Sounds;
  /** The alarm rule of bundle and configuration. */
  readonly rule: AlarmRule;
  /** Of the configuration; undefined: none. */
  readonly quietHours: { readonly from: string; readonly to: string } | undefined;
  /** Settings are taken that are rolled out to all devices, too. */
  readonly rollouts: boolean;
  /** Somebody who is in the room for long without a sound is an event. */
  readonly longStay: boolean;
  /** From window to window. */
  readonly hopSeconds: number;
  /** Somebody presses the test button. */
  readonly onTest: () => void;
}

/** What the daemon is told while it runs – by people: settings, verdicts; by sensors: who is in the room –, and what follows. */
export class Control {
  readonly #settings: Settings;
  readonly #soundSettings: SoundSettings;
  readonly #occupancy: Occupancy;
  readonly #commands: Commands;
  readonly #log: Logger;
  readonly #doubting: Paced;
  /** What stands in the way of an alarm, in words for health… */
  #problems: readonly string[] = [];
  /** …and of that and of sounds beside it, in sentences for the log. */
  #doubts: readonly string[] = [];
  #minutesBelow = 0;
  #lost = false;

  constructor(
    private readonly parts: ControlParts,
    clock: Clock,
    log: Logger,
  ) {
    const { publisher, topics, listener, reporter, feedback, store, rule, rollouts } = parts;
    const { from: quietFrom, to: quietTo } = parts.quietHours ?? {};
    const settings = new Settings(store, { ...rule, quietFrom, quietTo }, log, clock);
    this.#soundSettings = new SoundSettings(store, log, clock);
    const onOccupancy = (occupied: boolean | undefined) => {
      listener.setOccupied(occupied);
      reporter.occupied(occupied);
    };
    const occupancy = new Occupancy(onOccupancy, clock, log);
    const target = {
      get settings() {
        return settings.values;
      },
      set: this.#set.bind(this),
      rollouts,
      numbers: parts.sounds.rules.flatMap((each) => this.#numbersOf(each)),
      acknowledge: listener.acknowledge.bind(listener),
      test: () => this.#test(),
      feedback: feedback.give.bind(feedback),
      occupied: occupancy.say.bind(occupancy),
    };
    this.#log = log;
    this.#settings = settings;
    this.#occupancy = occupancy;
    this.#doubting = new Paced(DOUBTS, DOUBT_EVERY_MS, clock, () => this.#doubt());
    this.#commands = new Commands(publisher, topics, target, log, clock);
  }

  /**
   * Takes up what was set in an earlier run.
   *
   * @param reset forget it instead
   */
  load(reset = false): void {
    for (const kept of [this.#settings, this.#soundSettings])
      if (reset) kept.reset();
      else kept.load();
    this.#apply();
  }

  /** Says all settings and begins to listen. */
  start(): void {
    const { publisher, topics, listener, feedback, longStay } = this.parts;
    publisher.onHomeAssistant(() => {
      listener.remind();
      feedback.takeBack(KEPT_WORD_MS);
    });
    if (longStay) this.#occupancy.expect(topics.commands.occupied);
    this.#commands.start();
  }

  /** A minute of sound is over. */
  heardMinute({ minutesBelow }: KnownQuiet): void {
    this.#minutesBelow = minutesBelow;
    this.#doubting.ask();
  }

  /** Obeys what did not come over MQTT. @returns why not */
  obey(topic: string, text: string): Denial | undefined {
    return this.#commands.obey(topic, text);
  }

  stop(): void {
    this.#commands.stop();
    this.#settings.stop();
    this.#soundSettings.stop();
    this.#doubting.flush();
    this.#occupancy.stop();
  }

  #set(name: SettingName, value: unknown, rolledOut?: string): Denial | undefined {
    const denial = this.#settings.set(name, value, rolledOut);
    if (!denial) this.#apply();
    return denial;
  }

  #test(): Denial | undefined {
    const { publisher, onTest } = this.parts;
    if (publisher.stats.queuedEvents >= MOST_WAITING)
      return { code: 'events_wait', problem: 'events wait that the broker has not taken yet' };
    onTest();
    return undefined;
  }

  #numbersOf(rule: SoundRule): AdjustableNumber[] {
    const kept = this.#soundSettings;
    const { topics, hopSeconds } = this.parts;
    const { settings } = soundTopicsOf(topics, rule.id);
    const contradictionOf = (changed: SoundRule) => soundDoubtOf(changed, hopSeconds)?.text;
    return adjustableOf(rule.classes).map((name) => ({
      topics: settings[name],
      get value() {
        return kept.over(rule)[name];
      },
      set: (value) => {
        const denial = kept.set(rule, name, value, contradictionOf);
        if (!denial) this.#apply();
        return denial;
      },
    }));
  }

  #apply(): void {
    const { enabled, quietFrom, quietTo, ...change } = this.#settings.values;
    const { sounds, listener } = this.parts;
    listener.setRule(change);
    if (quietFrom && quietTo) listener.setQuietHours(quietFrom, quietTo);
    listener.setEnabled(enabled);
    for (const rule of sounds.rules) sounds.set(rule.id, this.#soundSettings.over(rule));
    this.#doubting.ask();
    this.#sayLost();
  }

  /** Says whether anything that was set does not hold. */
  #sayLost(): void {
    const lost = this.#settings.lost || this.#soundSettings.lost;
    if (lost === this.#lost) return;
    this.#lost = lost;
    this.parts.reporter.problems('settings', lost ? ['settings_lost'] : []);
  }

  /** Says what is new of what stands in the way of an alarm. */
  #doubt(): void {
    const { enabled, ...change } = this.#settings.values;
    const rule = { ...this.parts.rule, ...change };
    const { sounds, hopSeconds, reporter } = this.parts;
    const doubts = doubtsOf(enabled, rule, hopSeconds, this.#minutesBelow);
    // Kept settings and a configuration that has changed since may leave a sound that never comes.
    const ofSounds = sounds.rules.map((each) => soundDoubtOf(this.#soundSettings.over(each), hopSeconds));
    const all = [...doubts, ...ofSounds.filter((doubt) => doubt !== undefined)];
    for (const { text, ...fields } of all) if (!this.#doubts.includes(text)) this.#log.warn(fields, text);
    this.#doubts = all.map(({ text }) => text);
    const problems = doubts.map(({ problem }) => problem);
    if (String(problems) !== String(this.#problems)) reporter.problems('detection', problems);
    this.#problems = problems;
  }
}
