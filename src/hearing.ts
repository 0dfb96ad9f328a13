import { Companion } from './companion.js';
import { PATCH_VALUES, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from './constants.js';
import { ENGINE_HINT, ExitCode, UserError } from './errors.js';
import { createFrontEnd } from './features/create-front-end.js';
import type { FrontEnd } from './features/front-end.js';
import { levelOf } from './features/level.js';
import { LevelHistory } from './features/level-history.js';
import type { Bundle, Manifest } from './model/bundle.js';
import { createNetwork } from './model/engines/create-network.js';
import { EventHead } from './model/event-head.js';
import { AUDIOSET_HEAD, chooseHead, headsBehind, type ScoringHead, topScores } from './model/head.js';
import type { EngineChoice, Network, NetworkOptions } from './model/network.js';
import { allFinite } from './model/safetensors.js';
import type { SharedModels } from './model/shared-models.js';
import { EARLIER_SAMPLES, SecondLook } from './second-look.js';
import type { MelWindow, NetworkOutput, ScoredWindow, Scores, Window } from './types.js';

export interface HearingOptions extends NetworkOptions {
  /** Where several hear with the same network. */
  readonly models?: Pick<SharedModels, 'createNetwork'> | undefined;
}

const NO_SCORES = new Float32Array();

/** What says of the last seconds which kind of event they were, where the bundle has it. */
interface Events {
  readonly head: EventHead;
  readonly levels: LevelHistory;
  readonly second: SecondLook;
  /** Hears for the event head, where that is another bundle's. */
  readonly companion: Companion | undefined;
}

/** A window after the network, before any decision. */
export interface Heard {
  readonly scored: ScoredWindow;
  /** The network's embedding of the window, an array of its own. */
  readonly embedding: Float32Array;
  /** AudioSet scores, as the head orders them: valid until the next windows are heard; empty where the model has none. */
  readonly audioset: Float32Array;
  /** Valid until the next windows are heard. */
  readonly levels: MelWindow;
}

/** Some windows of one stream after the network, and where the time went, milliseconds. */
export interface HeardWindows {
  readonly windows: readonly Heard[];
  /** Their log-mels, [96 × 64] each: valid until the next windows are heard. */
  readonly mel: Float32Array;
  readonly melMs: number;
  readonly networkMs: number;
}

/**
 * Window → log-mel → scores, as many windows at once as the caller has. It remembers no more of a stream than
 * `memorySamples` says, so any part of one can be heard by itself.
 */
export class Hearing {
  #mel = new Float32Array(PATCH_VALUES);
  /** Position after the last window. */
  #endSample = 0;

  private constructor(
    readonly head: ScoringHead,
    private readonly frontEnd: FrontEnd,
    /** What computes; the hearing closes it. */
    readonly network: Network,
    private readonly audiosetLabels: readonly string[],
    private readonly events: Events | undefined,
  ) {}

  /**
   * @param headName the bundle's default when left out
   * @throws UserError where head or engine do not fit the bundle
   */
  static async create(
    bundle: Bundle,
    headName?: string,
    engine?: EngineChoice,
    { models, ...options }: HearingOptions = {},
  ): Promise<Hearing> {
    const { manifest } = bundle;
    const head = chooseHead(bundle, headName);
    const heads = [...headsBehind(manifest, head.name), AUDIOSET_HEAD];
    const create: typeof createNetwork = models?.createNetwork.bind(models) ?? createNetwork;
    const network = await create(bundle, engine, heads, options);
    const frontEnd = createFrontEnd(manifest.frontEnd);
    const { event } = manifest;
    const companion =
      bundle.events && (await Companion.create(create, bundle.events, manifest, head.name, engine));
    const { tensors } = bundle.events ?? bundle;
    const events = event && {
      head: new EventHead(event, tensors),
      levels: new LevelHistory(event.levels),
      second: new SecondLook(event, tensors, companion?.frontEnd ?? frontEnd, companion?.network ?? network),
      companion,
    };
    return new Hearing(head, frontEnd, network, audiosetLabels(manifest), events);
  }

  /**
   * Takes the next windows of a stream, in order.
   *
   * @throws UserError unavailable, where the engine gives no numbers
   */
  async hear(windows: readonly Window[]): Promise<HeardWindows> {
    const begin = performance.now();
    const mel = this.#room(windows.length);
    const levels = windows.map((window, i) => this.#levels(window, partOf(mel, i, windows.length)));
    const melDone = performance.now();
    const output = await this.network.run(mel);
    const beside = await this.events?.companion?.hear(windows, mel);
    const networkDone = performance.now();
    const heard: Heard[] = [];
    for (const [i, window] of windows.entries())
      heard.push(
        await this.#heard(
          window,
          levels[i]!,
          rowOf(output, i, windows.length),
          beside && rowOf(beside, i, windows.length),
        ),
      );
    return {
      windows: heard,
      mel,
      melMs: melDone - begin,
      networkMs: networkDone - melDone,
    };
  }

  /** Of the log-mel's values: silence, and the loudest that is usual. */
  get melRange(): FrontEnd['range'] {
    return this.frontEnd.range;
  }

  /** Begins a new stream, or goes on elsewhere in one: nothing of the last one is remembered. */
  forget(): void {
    this.frontEnd.forget();
    this.events?.head.forget();
    this.events?.levels.forget();
    this.events?.second.forget();
    this.events?.companion?.forget();
  }

  async close(): Promise<void> {
    await this.network.close();
    await this.events?.companion?.close();
  }

  /** The mel band whose middle is at a frequency, with a fraction between two. */
  bandOf(hz: number): number {
    return this.frontEnd.bandOf(hz);
  }

  #levels(window: Window, mel: Float32Array): MelWindow {
    const zeroDb = this.frontEnd.compute(window, mel);
    return { mel, unitDb: this.frontEnd.unitDb, zeroDb, startSample: window.startSample };
  }

  #room(windows: number): Float32Array {
    const values = windows * PATCH_VALUES;
    if (this.#mel.length !== values) this.#mel = new Float32Array(values);
    return this.#mel;
  }

  /** @param beside what the companion hears, where there is one */
  async #heard(
    window: Window,
    levels: MelWindow,
    output: NetworkOutput,
    beside?: NetworkOutput,
  ): Promise<Heard> {
    const values = this.#scores(output, beside);
    const level = levelOf(window.samples);
    const { embedding } = beside ?? output;
    const kinds = await this.#kindsOf(window, embedding);
    // The sound is looked at as well, by its level: rounded to bytes, what is no number is one like any other. And all
    // that is decided by: in a sum of evidence, what is no number once would stay there, and no event be enough any more.
    const numbers = [values, output.embedding, embedding, ...Object.values(output.heads)];
    if (!([level.rmsDbfs, ...Object.values(kinds ?? {})].every(Number.isFinite) && numbers.every(allFinite)))
      throw new UserError(
        ExitCode.unavailable,
        `the engine ${this.network.engine} gives no numbers`,
        ENGINE_HINT,
      );
    const scored: ScoredWindow = {
      ...timesOf(window.startSample),
      endAtMs: window.endAtMs,
      ...scoresOf(values, this.head.labels),
      ...level,
      audioset: topScores(output.heads[AUDIOSET_HEAD], this.audiosetLabels),
      kinds,
    };
    const audioset = output.heads[AUDIOSET_HEAD] ?? NO_SCORES;
    return { scored, embedding: output.embedding, audioset, levels };
  }

  /** One score per label: the mean of both, where the companion decides the same classes. Valid until the next window. */
  #scores(output: NetworkOutput, beside: NetworkOutput | undefined): Float32Array {
    const values = this.head.score(output);
    const its = beside && this.events?.companion?.head?.score(beside);
    return its ? values.map((value, i) => (value + its[i]!) / 2) : values;
  }

  /** What the event head says of the sound up to the window's end. */
  async #kindsOf(window: Window, embedding: Float32Array): Promise<ScoredWindow['kinds']> {
    if (!this.events) return undefined;
    const { head, levels, second } = this.events;
    const endSample = window.startSample + WINDOW_SAMPLES;
    // Sound between the windows was lost, or another stream begins.
    if (window.startSample > this.#endSample || endSample <= this.#endSample) this.forget();
    this.#endSample = endSample;
    second.push(window);
    const logOdds = await second.weigh(head.push(embedding, levels.push(window), endSample));
    return Object.fromEntries(head.kinds.map((kind, i) => [kind, logOdds[i]!]));
  }
}

/** The classes of the AudioSet head; none where the bundle has no such head. */
export function audiosetLabels({ heads }: Manifest): readonly string[] {
  return heads[AUDIOSET_HEAD]?.labels ?? [];
}

/** How far back it matters what was heard, beyond the window itself. */
export function memorySamples({ event }: Manifest): number {
  if (!event) return 0;
  const embeddings = (event.windows - 1) * event.hopSamples;
  return Math.max(embeddings, event.levels.blocks * event.levels.blockSamples) + EARLIER_SAMPLES;
}

/** Stream time of a window's first and last sample. */
export function timesOf(startSample: number): Pick<ScoredWindow, 'startSeconds' | 'endSeconds'> {
  return {
    startSeconds: startSample / SAMPLE_RATE_HZ,
    endSeconds: (startSample + WINDOW_SAMPLES) / SAMPLE_RATE_HZ,
  };
}

/** Values by their labels, and the highest. */
export function scoresOf(
  values: Float32Array,
  labels: readonly string[],
): Pick<ScoredWindow, 'label' | 'confidence' | 'scores'> {
  const scores: Record<string, number> = {};
  let best = 0;
  for (const [i, label] of labels.entries()) {
    scores[label] = values[i]!;
    if (values[i]! > values[best]!) best = i;
  }
  return { label: labels[best]!, confidence: values[best]!, scores: scores as Scores };
}

function rowOf({ embedding, heads }: NetworkOutput, row: number, rows: number): NetworkOutput {
  if (rows === 1) return { embedding, heads };
  return {
    embedding: partOf(embedding, row, rows),
    heads: Object.fromEntries(
      Object.entries(heads).map(([name, values]) => [name, partOf(values, row, rows)]),
    ),
  };
}

function partOf(values: Float32Array, row: number, rows: number): Float32Array {
  const size = values.length / rows;
  return values.subarray(row * size, (row + 1) * size);
}
