import { type AlarmRule, DEFAULT_ALARM_RULE } from './alarm/decision.js';
import type { EvidenceRules } from './alarm/rule.js';
import { SENSE_OFF, Sense, type SenseOptions } from './alarm/sense.js';
import { mayBeVetoed, SubjectMemory, type Subjects } from './alarm/subject.js';
import { Veto } from './alarm/veto.js';
import { MEL_BANDS, PATCH_FRAMES, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from './constants.js';
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
import type { ModelInfo, PipelineResult, ScoredWindow, Scores, Vetoed, Window } from './types.js';

type AlarmRuleOverrides = { readonly [K in keyof Omit<AlarmRule, 'evidence'>]?: AlarmRule[K] | undefined } & {
  /** Of the bundle's alarm kinds, those that alarm. */
  readonly kinds?: readonly string[] | undefined;
};

/** What says of the last seconds which kind of event they were, where the bundle has it. */
interface Events {
  readonly head: EventHead;
  readonly levels: LevelHistory;
}

export interface PipelineOptions extends NetworkOptions {
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
  /** What is no alarm, by people's verdicts: empty until it is told of one. */
  readonly veto = new Veto();
  readonly #subjects = new SubjectMemory();
  readonly #mel = new Float32Array(PATCH_FRAMES * MEL_BANDS);
  /** Position after the last window. */
  #endSample = 0;

  private constructor(
    readonly model: ModelInfo,
    rule: AlarmRule,
    readonly senseOptions: SenseOptions,
    private readonly frontEnd: FrontEnd,
    private readonly network: Network,
    private readonly head: ScoringHead,
    private readonly audiosetLabels: readonly string[],
    private readonly events: Events | undefined,
  ) {
    this.sense = new Sense(rule, senseOptions);
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
    const heads = [...headsBehind(manifest, head.name), AUDIOSET_HEAD];
    const network = await createNetwork(bundle, options.engine, heads, options);
    const model: ModelInfo = {
      name: manifest.name,
      version: manifest.version,
      sha256: manifest.weights.sha256,
      // Both change where the NPU fails.
      get engine() {
        return network.engine;
      },
      get precision() {
        return network.precision;
      },
      npu: network.npu ?? false,
      labels: head.labels,
      alarmLabels: rule.labels,
      alarmKinds: rule.evidence?.kinds ?? [],
    };
    const audioset = manifest.heads[AUDIOSET_HEAD]?.labels ?? [];
    const events = manifest.event && {
      head: new EventHead(manifest.event, bundle.tensors),
      levels: new LevelHistory(manifest.event.levels),
    };
    const frontEnd = createFrontEnd(manifest.frontEnd);
    return new Pipeline(model, rule, options.sense ?? SENSE_OFF, frontEnd, network, head, audioset, events);
  }

  /** Takes the next window; windows of one stream must come in order. */
  async process(window: Window): Promise<PipelineResult> {
    const begin = performance.now();
    this.frontEnd.compute(window, this.#mel);
    const melDone = performance.now();
    const output = await this.network.run(this.#mel);
    const networkDone = performance.now();

    const values = this.head.score(output);
    if (![values, output.embedding].every((each) => each.every(Number.isFinite)))
      throw new UserError(
        ExitCode.unavailable,
        `the engine ${this.model.engine} gives no numbers`,
        ENGINE_HINT,
      );
    let best = 0;
    const scores: Record<string, number> = {};
    for (const [i, label] of this.model.labels.entries()) {
      scores[label] = values[i]!;
      if (values[i]! > values[best]!) best = i;
    }
    const heard: ScoredWindow = {
      startSeconds: window.startSample / SAMPLE_RATE_HZ,
      endSeconds: (window.startSample + WINDOW_SAMPLES) / SAMPLE_RATE_HZ,
      endAtMs: window.endAtMs,
      label: this.model.labels[best]!,
      confidence: values[best]!,
      scores: scores as Scores,
      ...levelOf(window.samples),
      audioset: topScores(output.heads[AUDIOSET_HEAD], this.audiosetLabels),
      kinds: this.#kindsOf(window, output.embedding),
    };
    const subjects = this.#subjects.push(heard, output.embedding, this.rule);
    const scored = { ...heard, vetoed: this.#vetoed(heard, subjects) };
    const event = this.sense.push(scored);
    return {
      scored,
      embedding: output.embedding,
      subjects: [...new Set([subjects.hit, subjects.kind])].filter((each) => each !== undefined),
      event,
      evidence: this.sense.evidence,
      mel: this.#mel,
      melMs: melDone - begin,
      networkMs: networkDone - melDone,
    };
  }

  /** Begins a new stream: nothing of the last one is remembered. */
  reset(): void {
    this.sense = new Sense(this.rule, this.senseOptions);
    this.#forget();
  }

  #vetoed(window: ScoredWindow, { hit, kind }: Subjects): Vetoed | undefined {
    if (!(hit || kind) || !mayBeVetoed(window, this.rule)) return undefined;
    const vetoed = { hit: hit && this.veto.match(hit), kinds: kind && this.veto.match(kind) };
    return vetoed.hit || vetoed.kinds ? vetoed : undefined;
  }

  /** What the event head says of the sound up to the window's end. */
  #kindsOf(window: Window, embedding: Float32Array): ScoredWindow['kinds'] {
    if (!this.events) return undefined;
    const { head, levels } = this.events;
    const endSample = window.startSample + WINDOW_SAMPLES;
    // Sound between the windows was lost, or another stream begins.
    if (window.startSample > this.#endSample || endSample <= this.#endSample) this.#forget();
    this.#endSample = endSample;
    const logOdds = head.push(embedding, levels.push(window), endSample);
    return Object.fromEntries(head.kinds.map((kind, i) => [kind, logOdds[i]!]));
  }

  #forget(): void {
    this.frontEnd.forget();
    this.#subjects.forget();
    this.events?.head.forget();
    this.events?.levels.forget();
  }

  async close(): Promise<void> {
    await this.network.close();
  }
}

/** Configuration over the bundle's calibration over the default; labels must be the head's own. */
function alarmRule(
  { manifest }: Bundle,
  head: ScoringHead,
  { kinds, ...wanted }: AlarmRuleOverrides = {},
): AlarmRule {
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
  const labels = rule.labels.filter((label) => head.labels.includes(label));
  const evidence = evidenceRules(manifest, kinds);
  const adjustable = evidence !== undefined && evidence.kinds.length > 0;
  return { ...rule, labels, evidence, sensitivity: adjustable ? (rule.sensitivity ?? 'normal') : undefined };
}

/** @param wanted of the bundle's alarm kinds, those that alarm; all when left out */
function evidenceRules({ name, event }: Manifest, wanted?: readonly string[]): EvidenceRules | undefined {
  const known = event?.alarm.kinds ?? [];
  const unknown = wanted?.filter((kind) => !known.includes(kind)) ?? [];
  if (unknown.length > 0)
    throw new UserError(
      ExitCode.config,
      `alarm.kinds: model ${name} has no kind ${unknown.join(', ')} that alarms`,
      known.length > 0
        ? `Choose from its kinds: ${known.join(', ')}.`
        : 'Leave alarm.kinds out: it has none.',
    );
  const hopSeconds = (event?.hopSamples ?? 0) / SAMPLE_RATE_HZ;
  return (
    event && {
      kinds: wanted ?? known,
      hopSeconds,
      memorySeconds: (event.windows - 1) * hopSeconds,
      sensitivities: event.alarm.sensitivities,
    }
  );
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
