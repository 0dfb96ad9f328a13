import { v7 as uuidv7 } from 'uuid';
import type {
  Clock,
  DecisionEvent,
  ModelInfo,
  Problem,
  ScoredWindow,
  SignOfLife,
  SoundChange,
} from '../types.js';
import type { MqttPublisher } from './client.js';
import type { Features } from './features.js';
import { Losses } from './losses.js';
import { eventPayload, type Health, healthPayload } from './payloads.js';
import { refusalProblems } from './refusals.js';
import { soundTopicsOf, type Topics } from './topics.js';
import { WindowReporter, type WindowReporterOptions } from './window-reporter.js';

export const HEALTH_INTERVAL_MS = 60_000;
/** Sound that was lost is back once it lasts: a microphone that gives a moment of it whenever it is opened is deaf. */
export const BACK_MS = 10_000;

export interface ReporterOptions extends WindowReporterOptions {
  /** What the model tells and is said as a state of its own. */
  readonly features?: Pick<Features, 'water' | 'speech' | 'sounds'> | undefined;
  /** Marks every event as a test: what is heard is played, not lived. */
  readonly test?: boolean | undefined;
  /** People are told beside MQTT: nobody has to listen there. */
  readonly toldBeside?: boolean | undefined;
}

/** What the reporter needs of the publisher. */
export type Messenger = Pick<
  MqttPublisher,
  'setState' | 'setLiveState' | 'sendEvent' | 'send' | 'stats' | 'connected' | 'onRefusal'
>;

/** What something can be wrong with, in the order in which it is said. */
const PARTS = [
  'input',
  'engine',
  'restarts',
  'accelerator',
  'detection',
  'settings',
  'storage',
  'telling',
  'company',
] as const;
type Part = (typeof PARTS)[number];

interface Sensed {
  readonly waterRunning: boolean;
  readonly speech: boolean;
}

/**
 * Pipeline values in, messages out: decides what is published, when, and how often. Rates are real time,
 * however fast a file is played.
 */
export class Reporter {
  readonly #publisher: Messenger;
  readonly #options: ReporterOptions;
  readonly #model: ModelInfo;
  readonly #topics: Topics;
  readonly #health: () => Health;
  readonly #clock: Clock;
  readonly #windows: WindowReporter;
  readonly #losses: Losses;
  /** The alarm that is on. */
  #episodeId: string | undefined;
  /** Sound arrives, and has lasted where it was lost before. */
  #arrives = false;
  /** And is analysed: sound that arrives at an engine that hangs is heard by nobody. */
  #online = false;
  /** Sound was lost before. */
  #wasLost = false;
  #cancelBack = () => {};
  /** What is known to be wrong. */
  readonly #problems = new Map<Part, readonly Problem[]>();
  #sensed: Sensed | undefined;
  #durable = true;
  #cancelHealth = () => {};

  /** @param health asked for with every health message */
  constructor(
    publisher: Messenger,
    options: ReporterOptions,
    model: ModelInfo,
    topics: Topics,
    health: () => Health,
    clock: Clock,
  ) {
    this.#publisher = publisher;
    this.#options = options;
    this.#model = model;
    this.#topics = topics;
    this.#health = health;
    this.#clock = clock;
    this.#windows = new WindowReporter(publisher, options, model.labels, topics, clock);
    this.#losses = new Losses(clock);
  }

  /** Sets the states with which every run begins, whatever an earlier one has left at the broker. */
  start(): void {
    this.#publisher.setState(this.#topics.alarm, 'OFF');
    this.occupied(undefined);
    for (const { id } of this.#options.features?.sounds ?? []) this.sound({ id, heard: false });
    this.#publisher.onRefusal(() => this.#publishHealth());
    this.#publishInput();
  }

  /** Takes every window, as soon as it is scored. */
  window(window: ScoredWindow): void {
    this.#windows.push(window);
    if (!this.#arrives || this.#online) return;
    this.#online = true;
    this.#publishInput();
  }

  /**
   * Events lie inside the alarm's `ON`: an automation that an `alarm_started` triggers finds the alarm on, and
   * one that `OFF` triggers finds why it has ended. The end of an earlier run's alarm, of which the broker may tell at
   * any time, leaves one that is on alone.
   */
  event(event: DecisionEvent): void {
    const id = uuidv7();
    const test = event.type === 'test' || this.#options.test === true;
    const payload = eventPayload(event, { id, test, model: this.#model });
    if (event.type === 'alarm_started') {
      this.#episodeId = event.episodeId;
      this.#publisher.setState(this.#topics.alarm, 'ON');
    }
    this.#publisher.sendEvent(this.#topics.event, payload);
    if (event.type === 'alarm_ended' && (this.#episodeId ?? event.episodeId) === event.episodeId) {
      this.#episodeId = undefined;
      this.#publisher.setState(this.#topics.alarm, 'OFF');
    }
    if (this.#publisher.stats.durable !== this.#durable) this.#publishHealth();
  }

  /** What is heard over a longer time has changed. */
  sense(sensed: Sensed): void {
    const { features } = this.#options;
    const before = this.#sensed;
    this.#sensed = sensed;
    if (features?.water && sensed.waterRunning !== before?.waterRunning)
      this.#publisher.setState(this.#topics.water, sensed.waterRunning ? 'ON' : 'OFF');
    if (features?.speech && sensed.speech !== before?.speech)
      this.#publisher.setState(this.#topics.speech, sensed.speech ? 'ON' : 'OFF');
  }

  /** A sign of life was heard last at this time; how often that is said, whoever calls decides. */
  lastHeard(sign: SignOfLife, atMs: number): void {
    this.#publisher.setState(this.#topics.lastHeard[sign], new Date(atMs).toISOString());
  }

  /** A sound beside the alarm begins or has ended. */
  sound({ id, heard }: Pick<SoundChange, 'id' | 'heard'>): void {
    this.#publisher.setState(soundTopicsOf(this.#topics, id).state, heard ? 'ON' : 'OFF');
  }

  /** Whether somebody is in the room has changed; undefined is not known. */
  occupied(occupied: boolean | undefined): void {
    // Home Assistant takes `None` for unknown.
    const state = occupied === undefined ? 'None' : occupied ? 'ON' : 'OFF';
    this.#publisher.setState(this.#topics.occupied, state);
  }

  /**
   * Sound arrives, which is said with its first window; what comes after a gap is not averaged with what was before it.
   */
  inputOnline(): void {
    if (this.#arrives) return;
    this.#windows.forget();
    this.#cancelBack();
    const arrives = () => {
      this.#arrives = true;
    };
    if (this.#wasLost) this.#cancelBack = this.#clock.after(BACK_MS, arrives);
    else arrives();
  }

  /** Sound no longer arrives. */
  inputOffline(): void {
    this.#cancelBack();
    this.#arrives = false;
    if (!this.#online) return;
    this.#online = false;
    this.#wasLost = true;
    this.#windows.flush();
    this.#publishInput();
  }

  /** What is wrong with a part of the whole, whenever that changes; nobody is heard with a fault of input or engine. */
  problems(part: Part, problems: readonly Problem[]): void {
    this.#problems.set(part, problems);
    this.#publishInput();
  }

  /** Publishes the last class if one waits, and that no sound arrives any more. */
  stop(): void {
    this.#windows.flush();
    this.inputOffline();
    this.#cancelHealth();
  }

  #publishInput(): void {
    this.#publisher.setState(this.#topics.inputAvailability, this.#hears ? 'online' : 'offline');
    this.#publishHealth();
  }

  get #hears(): boolean {
    return this.#online && this.#problemsOf(['input', 'engine']).length === 0;
  }

  #problemsOf(parts: readonly Part[]): Problem[] {
    return parts.flatMap((part) => this.#problems.get(part) ?? []);
  }

  #publishHealth(): void {
    const health = this.#health();
    const { stats, connected } = this.#publisher;
    const problems = this.#problemsOf(PARTS);
    if (!this.#online) problems.push('no_sound');
    problems.push(...this.#losses.problems(health.droppedWindows, stats.droppedEvents, connected));
    if (!stats.durable) problems.push('outbox_not_durable');
    problems.push(...refusalProblems(stats.refused));
    if (!stats.passedOn) problems.push('messages_not_passed_on');
    if (!stats.heard && this.#options.toldBeside !== true) problems.push('nobody_listens');
    this.#durable = stats.durable;
    const payload = healthPayload(health, stats, problems, this.#model, this.#clock.wallMs());
    this.#publisher.setState(this.#topics.health, payload);
    this.#publisher.setLiveState(this.#topics.microphone, this.#hears ? 'fine' : 'problem');
    this.#cancelHealth();
    this.#cancelHealth = this.#clock.after(HEALTH_INTERVAL_MS, () => this.#publishHealth());
  }
}
