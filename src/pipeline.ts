import { type AlarmRule, DEFAULT_ALARM_RULE } from './alarm/decision.js';
import { SENSE_OFF, Sense, type SenseOptions } from './alarm/sense.js';
import { MEL_BANDS, PATCH_FRAMES, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from './constants.js';
import { ExitCode, UserError } from './errors.js';
import { createFrontEnd } from './features/create-front-end.js';
import type { FrontEnd } from './features/front-end.js';
import { levelOf } from './features/level.js';
import type { Bundle } from './model/bundle.js';
import { createNetwork } from './model/engines/create-network.js';
import { AUDIOSET_HEAD, chooseHead, headsBehind, type ScoringHead } from './model/head.js';
import type { EngineChoice, Network } from './model/network.js';
import type { ModelInfo, PipelineResult, ScoredWindow, Scores, Window } from './types.js';

/** How many AudioSet classes a window carries along: of 198 blows, each that scored 0.2 or more was among them. */
const AUDIOSET_TOP = 3;

type AlarmRuleOverrides = { readonly [K in keyof AlarmRule]?: AlarmRule[K] | undefined };

export interface PipelineOptions {
  /** The bundle's default when left out. */
  readonly head?: string | undefined;
  readonly engine?: EngineChoice | undefined;
  /** What is set here goes over the bundle's calibrated rule, and that over the default one. */
  readonly alarm?: AlarmRuleOverrides | undefined;
  /** What is done beyond the alarm rule; nothing when left out. */
  readonly sense?: SenseOptions | undefined;
}

/**
 * Window → mel → scores → decision, without any input or output: the same for the daemon, for files and
 * for evaluation.
 */
export class Pipeline {
  sense: Sense;
  readonly #mel = new Float32Array(PATCH_FRAMES * MEL_BANDS);

  private constructor(
    readonly model: ModelInfo,
    rule: AlarmRule,
    private readonly senseOptions: SenseOptions,
    private readonly frontEnd: FrontEnd,
    private readonly network: Network,
    private readonly head: ScoringHead,
    private readonly audiosetLabels: readonly string[],
  ) {
    this.sense = new Sense(rule, senseOptions);
  }

  /** Whether a class that alarms reaches the threshold in force. */
  isHit({ scored }: PipelineResult): boolean {
    return this.model.alarmLabels.some((label) => (scored.scores[label] ?? 0) >= this.rule.threshold);
  }

  /** The rule in force. */
  get rule(): AlarmRule {
    return this.sense.rule;
  }

  /**
   * @throws UserError where head, engine or alarm labels do not fit the bundle
   */
  static async create(bundle: Bundle, options: PipelineOptions = {}): Promise<Pipeline> {
    const { manifest } = bundle;
    const head = chooseHead(bundle, options.head);
    const rule = alarmRule(bundle, head, options.alarm);
    const computed = [...headsBehind(manifest, head.name), AUDIOSET_HEAD];
    const network = await createNetwork(bundle, options.engine, computed);
    const model: ModelInfo = {
      name: manifest.name,
      version: manifest.version,
      sha256: manifest.weights.sha256,
      engine: network.engine,
      labels: head.labels,
      alarmLabels: rule.labels,
    };
    const audioset = manifest.heads[AUDIOSET_HEAD]?.labels ?? [];
    const frontEnd = createFrontEnd(manifest.frontEnd);
    return new Pipeline(model, rule, options.sense ?? SENSE_OFF, frontEnd, network, head, audioset);
  }

  /** Takes the next window; windows of one stream must come in order. */
  async process(window: Window): Promise<PipelineResult> {
    const begin = performance.now();
    this.frontEnd.compute(window.samples, this.#mel);
    const melDone = performance.now();
    const output = await this.network.run(this.#mel);
    const networkDone = performance.now();

    const values = this.head.score(output);
    let best = 0;
    const scores: Record<string, number> = {};
    for (const [i, label] of this.model.labels.entries()) {
      scores[label] = values[i]!;
      if (values[i]! > values[best]!) best = i;
    }
    const scored: ScoredWindow = {
      startSeconds: window.startSample / SAMPLE_RATE_HZ,
      endSeconds: (window.startSample + WINDOW_SAMPLES) / SAMPLE_RATE_HZ,
      endAtMs: window.endAtMs,
      label: this.model.labels[best]!,
      confidence: values[best]!,
      scores: scores as Scores,
      ...levelOf(window.samples),
      audioset: topScores(output.heads[AUDIOSET_HEAD], this.audiosetLabels),
    };
    const event = this.sense.push(scored);
    return {
      scored,
      embedding: output.embedding,
      event,
      melMs: melDone - begin,
      networkMs: networkDone - melDone,
    };
  }

  /** Begins a new stream: nothing of the last one is remembered. */
  reset(): void {
    this.sense = new Sense(this.rule, this.senseOptions);
  }

  async close(): Promise<void> {
    await this.network.close();
  }
}

/** Configuration over the bundle's calibration over the default; labels must be the head's own. */
function alarmRule({ manifest }: Bundle, head: ScoringHead, wanted: AlarmRuleOverrides = {}): AlarmRule {
  const calibrated = manifest.heads[head.name]?.alarm;
  const unknown = wanted.labels?.filter((label) => !head.labels.includes(label)) ?? [];
  if (unknown.length > 0)
    throw new UserError(
      ExitCode.config,
      `alarm.labels: head "${head.name}" of model ${manifest.name} has no class ${unknown.join(', ')}`,
      `Choose from its classes: ${head.labels.slice(0, 10).join(', ')}${head.labels.length > 10 ? ', …' : ''}.`,
    );
  const rule = { ...DEFAULT_ALARM_RULE, ...defined(calibrated ?? {}), ...defined(wanted) };
  if (rule.hits > rule.window)
    throw new UserError(
      ExitCode.config,
      `alarm.hits is ${rule.hits}, more than alarm.window, ${rule.window}: no alarm could ever start`,
      'Set alarm.hits to at most alarm.window.',
    );
  return { ...rule, labels: rule.labels.filter((label) => head.labels.includes(label)) };
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function topScores(scores: Float32Array | undefined, labels: readonly string[]): ScoredWindow['audioset'] {
  if (!scores) return [];
  const top: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    let place = top.length;
    while (place > 0 && scores[i]! > scores[top[place - 1]!]!) place--;
    if (place < AUDIOSET_TOP) {
      top.splice(place, 0, i);
      if (top.length > AUDIOSET_TOP) top.pop();
    }
  }
  return top.map((i) => [labels[i]!, scores[i]!] as const);
}
