import { type Doubt, doubtsOf } from './alarm/doubts.js';
import { Occupancy } from './alarm/occupancy.js';
import type { AlarmRule } from './alarm/rule.js';
import type { Listener } from './listener.js';
import type { MqttPublisher } from './publish/client.js';
import { Commands } from './publish/commands.js';
import type { Reporter } from './publish/reporter.js';
import type { Topics } from './publish/topics.js';
import type { FeedbackStore } from './storage/feedback.js';
import { Settings } from './storage/settings.js';
import type { State } from './storage/state.js';
import type { Clock, Logger, SettingName } from './types.js';

/** What is told, and what it is told by. */
export interface ControlParts {
  readonly publisher: MqttPublisher;
  readonly topics: Topics;
  readonly listener: Listener;
  readonly reporter: Reporter;
  readonly feedback: FeedbackStore;
  /** Keeps what was set. */
  readonly store: State;
  /** The alarm rule of bundle and configuration. */
  readonly rule: AlarmRule;
  /** From window to window. */
  readonly hopSeconds: number;
  /** Somebody presses the test button. */
  readonly onTest: () => void;
}

/** What the daemon is told while it runs – by people: settings, verdicts; by sensors: who is in the room –, and what follows. */
export class Control {
  readonly #settings: Settings;
  readonly #occupancy: Occupancy;
  readonly #commands: Commands;
  readonly #log: Logger;
  #doubts: readonly Doubt[] = [];

  constructor(
    private readonly parts: ControlParts,
    clock: Clock,
    log: Logger,
  ) {
    const { publisher, topics, listener, reporter, feedback, store, rule, onTest } = parts;
    const settings = new Settings(store, rule, log);
    const onOccupancy = (occupied: boolean | undefined) => {
      listener.setOccupied(occupied);
      reporter.occupied(occupied);
    };
    const occupancy = new Occupancy(onOccupancy, clock, log);
    const target = {
      get settings() {
        return settings.values;
      },
      set: (name: SettingName, value: unknown) => this.#set(name, value),
      acknowledge: () => listener.acknowledge(),
      test: onTest,
      feedback: feedback.give.bind(feedback),
      occupied: occupancy.say.bind(occupancy),
    };
    this.#log = log;
    this.#settings = settings;
    this.#occupancy = occupancy;
    this.#commands = new Commands(publisher, topics, target, log, clock);
  }

  /**
   * Takes up what was set in an earlier run.
   *
   * @param reset forget it instead
   */
  load(reset = false): void {
    if (reset) this.#settings.reset();
    else this.#settings.load();
    this.#apply();
  }

  /** Says all settings and begins to listen. */
  start(): void {
    this.#commands.start();
  }

  stop(): void {
    this.#commands.stop();
    this.#occupancy.stop();
  }

  #set(name: SettingName, value: unknown): string | undefined {
    const problem = this.#settings.set(name, value);
    if (problem === undefined) this.#apply();
    return problem;
  }

  #apply(): void {
    const { enabled, ...change } = this.#settings.values;
    this.parts.listener.setRule(change);
    this.parts.listener.setEnabled(enabled);
    this.#doubt(doubtsOf(enabled, { ...this.parts.rule, ...change }, this.parts.hopSeconds));
  }

  /** Says what is new of what stands in the way of an alarm. */
  #doubt(doubts: readonly Doubt[]): void {
    const before = this.#doubts;
    this.#doubts = doubts;
    for (const { problem, text, hint } of doubts)
      if (!before.some((each) => each.text === text)) this.#log.warn({ problem, hint }, text);
    const problems = doubts.map(({ problem }) => problem);
    if (String(problems) !== String(before.map(({ problem }) => problem)))
      this.parts.reporter.problems('detection', problems);
  }
}
