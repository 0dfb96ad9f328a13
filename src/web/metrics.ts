import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { PROBLEMS } from '../problems.js';
import type { DecisionEvent } from '../types.js';
import type { Delivery } from './schemas.js';

/** What is measured, at the moment in which somebody asks. */
export interface Measures extends Readonly<Delivery> {
  readonly uptimeSeconds: number;
  readonly windows: number;
  readonly droppedWindows: number;
  readonly vetoed: number;
  /** Of the network alone, and from a window's last sample to its result; undefined before the first. */
  readonly inferenceMs: (q: number) => number | undefined;
  readonly latencyMs: (q: number) => number | undefined;
  readonly levelDbfs: number | undefined;
  /** Undefined where nobody knows. */
  readonly diskFreeBytes: number | undefined;
  readonly problems: readonly string[];
  readonly hears: boolean;
  readonly alarm: boolean;
  readonly unanswered: boolean;
  /** Whether a sound beside the alarm is heard, by its id. */
  readonly sound: (id: string) => boolean;
  readonly enabled: boolean;
  readonly reconnects: number;
}

type Info = Readonly<
  Record<'device' | 'version' | 'model' | 'model_version' | 'engine' | 'precision', string>
>;

/** What is listened for. */
export interface ListenedFor {
  /** Kinds that an alarm can be of. */
  readonly kinds: readonly string[];
  /** Beside the alarm; whether that one begins is an event. */
  readonly sounds: ReadonlyArray<{ readonly id: string; readonly event: boolean }>;
}

const QUANTILES = [0.5, 0.99];
/** None may stand out. */
const ofAlarm = ({ kinds }: ListenedFor) => ['', ...kinds];
const ofSound = ({ sounds }: ListenedFor) => sounds.filter(({ event }) => event).map(({ id }) => id);
const ofNone = () => [''];
/** The kinds that an event of this type can have. */
const KINDS_OF: Readonly<Record<DecisionEvent['type'], (what: ListenedFor) => readonly string[]>> = {
  ...{ alarm_started: ofAlarm, alarm_ended: ofAlarm, alarm_acknowledged: ofAlarm, alarm_escalated: ofAlarm },
  ...{ sound_heard: ofSound, water_running_long: ofNone, long_stay: ofNone, test: ofNone },
};

/** Everything of health, for Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #events: Counter<'type' | 'kind'>;
  /** Of the answer that is being made. */
  #now: Measures;

  constructor(
    private readonly measures: () => Measures,
    info: Info,
    listenedFor: ListenedFor,
  ) {
    this.#now = measures();
    const measured = () => this.#now;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      ...{ name: 'bathnet_info', help: 'Which device, program and model this is', registers },
      labelNames: Object.keys(info),
    }).set(info, 1);
    this.#events = new Counter({
      name: 'bathnet_events_total',
      help: 'Events since the start, by kind of alarm or sound',
      registers,
      labelNames: ['type', 'kind'],
    });
    // To Prometheus a series that begins with 1 has not increased: the first of each would not be seen.
    for (const [type, kindsOf] of Object.entries(KINDS_OF))
      for (const kind of kindsOf(listenedFor)) this.#events.inc({ type, kind }, 0);
    const gauge = (name: string, help: string, value: (now: Measures) => number | boolean | undefined) =>
      new Gauge({
        ...{ name: `bathnet_${name}`, help, registers },
        collect() {
          const now = value(measured());
          if (now === undefined) this.reset();
          else this.set(Number(now));
        },
      });
    gauge('uptime_seconds', 'Since the start', (now) => now.uptimeSeconds);
    gauge('clock_seconds', 'What its clock says, seconds since 1970', () => Date.now() / 1000);
    gauge('hears', '1 while sound that is sound is analysed, on a full disk as well', (now) => now.hears);
    gauge('alarm', '1 while an alarm is on', (now) => now.alarm);
    gauge('unacknowledged', '1 while nobody has acknowledged the latest alarm', (now) => now.unanswered);
    gauge('detection_enabled', '1 unless somebody has switched detection off', (now) => now.enabled);
    gauge('level_dbfs', 'Mean level of the last seconds', (now) => now.levelDbfs);
    gauge('disk_free_bytes', 'Room on the disk that events are kept on', (now) => now.diskFreeBytes);
    gauge('mqtt_connected', '1 while there is a broker', (now) => now.connected);
    gauge('queued_events', 'Events that the broker has not taken yet', (now) => now.queuedEvents);
    const counter = (name: string, help: string, value: (now: Measures) => number) =>
      new Counter({
        ...{ name: `bathnet_${name}_total`, help, registers },
        collect() {
          this.reset();
          this.inc(value(measured()));
        },
      });
    counter('windows', 'Windows that were analysed', (now) => now.windows);
    counter(
      'dropped_windows',
      'Windows that were lost because the machine was too slow',
      (now) => now.droppedWindows,
    );
    counter('vetoed_windows', 'Windows that did not count, by a verdict', (now) => now.vetoed);
    counter('dropped_events', 'Events that were lost', (now) => now.droppedEvents);
    counter('mqtt_reconnects', 'Connections to the broker after the first', (now) => now.reconnects);
    const quantiles = (name: string, help: string, value: (now: Measures) => Measures['inferenceMs']) =>
      new Gauge({
        ...{ name: `bathnet_${name}_seconds`, help, registers },
        labelNames: ['quantile'],
        collect() {
          const of = value(measured());
          for (const q of QUANTILES) this.set({ quantile: String(q) }, (of(q) ?? Number.NaN) / 1000);
        },
      });
    quantiles('inference', 'The network, of the last half hour of windows', (now) => now.inferenceMs);
    quantiles('latency', "From a window's last sample to its result", (now) => now.latencyMs);
    new Gauge({
      ...{ name: 'bathnet_sound', help: '1 while this sound beside the alarm is heard', registers },
      labelNames: ['sound'],
      collect() {
        for (const { id } of listenedFor.sounds) this.set({ sound: id }, Number(measured().sound(id)));
      },
    });
    new Gauge({
      ...{ name: 'bathnet_problem', help: '1 while this is wrong: see problems in health', registers },
      labelNames: ['problem'],
      collect() {
        const { problems } = measured();
        for (const problem of Object.values(PROBLEMS).flat())
          this.set({ problem }, Number(problems.includes(problem)));
      },
    });
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** Counts an event. */
  event(type: string, kind: string): void {
    this.#events.inc({ type, kind });
  }

  text(): Promise<string> {
    this.#now = this.measures();
    return this.#registry.metrics();
  }

  /** Measures no more. */
  stop(): void {
    this.#registry.clear();
  }
}
