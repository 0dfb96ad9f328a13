import { v7 as uuidv7 } from 'uuid';
import { SAMPLE_RATE_HZ, STFT_HOP_SAMPLES, VERSION } from '../constants.js';
import type { History } from '../storage/history.js';
import type { HistoryEntry } from '../storage/history-entry.js';
import type { Clock, Denial, Logger, PcmChunk, PipelineResult, Said, Verdict } from '../types.js';
import { Live } from './live.js';
import { type ListenedFor, Metrics } from './metrics.js';
import { deliveryNow, measuresNow, type NowSources, statusNow } from './now.js';
import type { Entry, EntryWithPicture } from './schemas.js';
import { type WebOptions, WebServer } from './server.js';

/** So long after the start it is no news that there is no sound. */
const BEGIN_MS = 10_000;

/** So often the page hears something, also while no sound arrives: whoever hears nothing for 15 s has a line that is dead. */
const BEAT_MS = 5000;

/** The parts of the daemon that the page looks at, and those that it may tell something. */
export interface WebSources extends NowSources {
  readonly publisher: NowSources['publisher'] & {
    onSaid(handler: (said: Said) => void): void;
    onConnected(handler: () => void): void;
  };
  readonly listenedFor: ListenedFor;
  /** Of the log-mel's values: silence, and the loudest that is usual. */
  readonly melRange: readonly [low: number, high: number];
  /** Why nobody could rely on this process, with all of its microphones. */
  readonly illness: () => readonly string[];
  readonly history: History;
  /** @returns why not */
  obey(topic: string, text: string): Denial | undefined;
  /** @returns why not */
  judge(verdict: Verdict, episodeId: string): Denial | undefined;
}

/**
 * The page is one more reader of what MQTT is told, and one more hand on its commands: it knows nothing else, but for
 * the picture of the sound.
 */
export class Web {
  readonly #sources: WebSources;
  readonly #live: Live;
  readonly #metrics: Metrics;
  readonly #server: WebServer;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Episodes of the alarms of this run. By their times nobody can tell: the clock may have been set since. */
  readonly #alarms = new Set<string>();
  /** What of all that is wrong is in the history. */
  #noted: readonly string[] = [];
  readonly #startedAtMs: number;
  #deliverySaid = '';
  /** Episode of the alarm of which it was said last that nobody has acknowledged it. */
  #unansweredSaid: string | undefined;
  #ending = false;
  #cancelBeat = () => {};

  constructor(options: WebOptions, sources: WebSources, clock: Clock, log: Logger) {
    const { name: model, version: model_version, engine, precision } = sources.model;
    this.#sources = sources;
    this.#clock = clock;
    this.#log = log;
    this.#startedAtMs = clock.now();
    const hopFrames = Math.round((sources.hopSeconds * SAMPLE_RATE_HZ) / STFT_HOP_SAMPLES);
    this.#live = new Live(hopFrames, sources.melRange);
    const info = { device: sources.device.id, version: VERSION, model, model_version, engine, precision };
    this.#metrics = new Metrics(() => measuresNow(sources), info, sources.listenedFor);
    const parts = {
      deviceId: sources.device.id,
      status: () => statusNow(sources, clock.wallMs(), options.password !== undefined),
      history: () => sources.history.entries.map((entry) => withoutPicture(this.#shown(entry))),
      illness: sources.illness,
      entry: (id: string) => this.#entry(id),
      command: (what: string, text: string) => sources.obey(`${sources.base}/${what}/set`, text),
      judge: (id: string, verdict: Verdict) => this.#judge(id, verdict),
    };
    this.#server = new WebServer(options, parts, this.#live, this.#metrics, clock, log);
    sources.publisher.onSaid((said) => this.#beside(() => this.#said(said)));
    sources.publisher.onConnected(() => this.#beside(() => this.#tellDelivery()));
  }

  /** Takes up the history and listens. */
  start(): void {
    void this.#sources.history.load(); // sound does not wait for a slow disk
    this.#server.start();
    this.#beat();
  }

  chunk(chunk: PcmChunk): void {
    this.#beside(() => this.#live.chunk(chunk));
  }

  gap(): void {
    this.#live.gap();
  }

  window(result: PipelineResult): void {
    this.#beside(() => {
      this.#live.window(result);
      this.#tellDelivery();
    });
  }

  async stop(): Promise<void> {
    this.#ending = true;
    this.#cancelBeat();
    await this.#server.stop();
    this.#metrics.stop();
  }

  /** Whatever goes wrong here, no alarm may suffer from it. */
  #beside(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#log.error({ err: error }, 'the page has missed something: please report it');
    }
  }

  #beat(): void {
    this.#cancelBeat = this.#clock.after(BEAT_MS, () => {
      this.#beside(() => this.#tellDelivery(true));
      this.#beat();
    });
  }

  /** Looked at whenever it may have changed; only a change is news, unless it is a sign of life. */
  #tellDelivery(anyway = false): void {
    const delivery = deliveryNow(this.#sources);
    const text = JSON.stringify(delivery);
    if (text === this.#deliverySaid && !anyway) return;
    this.#deliverySaid = text;
    this.#live.tell({ type: 'delivery', value: delivery });
  }

  /** The daemon knows it; the history, whose times are those of a clock that may be set, can only guess. */
  #tellUnanswered(): void {
    const alarm = this.#sources.unanswered();
    if (alarm?.episodeId === this.#unansweredSaid) return;
    this.#unansweredSaid = alarm?.episodeId;
    this.#live.tell({ type: 'unanswered', value: alarm ?? null });
  }

  #said({ topic, payload, event }: Said): void {
    if (event) {
      this.#happened(JSON.parse(payload) as Record<string, unknown>);
      this.#tellUnanswered();
    } else this.#stated(topic.slice(this.#sources.base.length + 1), payload);
    this.#tellDelivery();
  }

  #stated(name: string, payload: string): void {
    this.#live.tell({ type: 'state', value: { name, payload } });
    if (name === 'health') this.#noteFaults(JSON.parse(payload) as { problems: string[]; at: string });
  }

  #happened(event: Record<string, unknown>): void {
    const { history } = this.#sources;
    this.#metrics.event(String(event.event_type), String(event.kind ?? event.sound ?? ''));
    if (event.event_type === 'alarm_started') this.#alarms.add(String(event.episodeId));
    history.add(event, event.event_type === 'alarm_started' ? this.#live.picture : undefined);
    this.#tellEntry(String(event.episodeId ?? event.id));
  }

  /** What is newly wrong becomes an entry. */
  #noteFaults({ problems, at }: { problems: readonly string[]; at: string }): void {
    // Every run begins and ends without sound.
    const silent = this.#ending || this.#clock.now() - this.#startedAtMs < BEGIN_MS;
    const grave = problems.filter((problem) => problem !== 'no_sound' || !silent);
    const fresh = grave.filter((problem) => !this.#noted.includes(problem));
    this.#noted = grave;
    if (fresh.length === 0) return;
    const id = uuidv7();
    this.#sources.history.add({ id, event_type: 'fault', problems: fresh, at });
    this.#tellEntry(id);
  }

  #judge(id: string, verdict: Verdict): Denial | undefined {
    const { history, judge } = this.#sources;
    const denial = judge(verdict, id);
    if (denial) return denial;
    history.judge(id, verdict);
    this.#tellEntry(id);
    return undefined;
  }

  #tellEntry(id: string): void {
    const entry = this.#entry(id);
    if (entry) this.#live.tell({ type: 'entry', value: withoutPicture(entry) });
  }

  #entry(id: string): EntryWithPicture | undefined {
    const entry = this.#sources.history.get(id);
    return entry && this.#shown(entry);
  }

  #shown(entry: HistoryEntry): EntryWithPicture {
    return { ...entry, judgeable: this.#alarms.has(entry.id) };
  }
}

function withoutPicture({ spectrogram: _, ...entry }: EntryWithPicture): Entry {
  return entry;
}
