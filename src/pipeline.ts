import { Rhythms } from './alarm/cadence.js';
import { type AlarmRule, DEFAULT_ALARM_RULE } from './alarm/decision.js';
import { IMPACT_KIND } from './alarm/impact.js';
import type { EvidenceRules } from './alarm/rule.js';
import { SENSE_OFF, Sense, type SenseOptions } from './alarm/sense.js';
import { type SoundChoice, soundRules } from './alarm/sound-rules.js';
import { Sounds } from './alarm/sounds.js';
import { mayBeVetoed, SubjectMemory, type Subjects } from './alarm/subject.js';
import { Veto } from './alarm/veto.js';
import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from './constants.js';
import { ExitCode, UserError } from './errors.js';
import { audiosetLabels, Hearing, type HearingOptions } from './hearing.js';
import type { Bundle, Manifest } from './model/bundle.js';
import { chooseHead, type ScoringHead } from './model/head.js';
import type { EngineChoice } from './model/network.js';
import type { ModelInfo, PipelineResult, ScoredWindow, Vetoed, Window } from './types.js';

type AlarmRuleOverrides = { readonly [K in keyof Omit<AlarmRule, 'evidence'>]?: AlarmRule[K] | undefined } & {
  /** Of the bundle's alarm kinds, those that alarm. */
  readonly kinds?: readonly string[] | undefined;
};

export interface PipelineOptions extends HearingOptions {
  /** The bundle's default when left out. */
  readonly head?: string | undefined;
  readonly engine?: EngineChoice | undefined;
  /** What is set here goes over the bundle's calibrated rule, and that over the default one. */
  readonly alarm?: AlarmRuleOverrides | undefined;
  /** What is done beyond the alarm rule; nothing when left out. */
  readonly sense?: SenseOptions | undefined;
  /** Sounds beside the alarm; none when left out. */
  readonly sounds?: readonly SoundChoice[] | undefined;
}

/**
 * Window → hearing → decision, without any input or output: what the daemon does with its sound. Files are heard on
 * all cores (`files/`) and decided by the same rule.
 */
export class Pipeline {
  sense: Sense;
  /** What is no alarm, by people's verdicts: empty until it is told of one. */
  readonly veto = new Veto();
  readonly #subjects = new SubjectMemory();
  /** Position after the last window. */
  #endSample = 0;

  private constructor(
    readonly model: ModelInfo,
    rule: AlarmRule,
    readonly senseOptions: SenseOptions,
    private readonly hearing: Hearing,
    /** Those beside the alarm. */
    readonly sounds: Sounds,
    private readonly rhythms: Rhythms,
  ) {
    this.sense = new Sense(rule, senseOptions);
  }

  /** The rule in force. */
  get rule(): AlarmRule {
    return this.sense.rule;
  }

  /** What an alarm can be of: a fall is an impact whatever else alarms. Of a model without an event head nothing. */
  get kinds(): readonly string[] {
    const { evidence } = this.rule;
    return evidence ? [...new Set([...evidence.kinds, IMPACT_KIND])] : [];
  }

  /**
   * @throws UserError where head, engine, alarm labels or classes of sounds do not fit the bundle
   */
  static async create(bundle: Bundle, options: PipelineOptions = {}): Promise<Pipeline> {
    const head = chooseHead(bundle, options.head);
    const rule = alarmRule(bundle, head, options.alarm);
    const sounds = new Sounds(soundRules(options.sounds ?? [], audiosetLabels(bundle.manifest)));
    const hearing = await Hearing.create(bundle, options.head, options.engine, options);
    const model = modelInfo(bundle, head, rule, hearing.network);
    const rhythms = new Rhythms(sounds.rhythms, hearing.bandOf.bind(hearing));
    return new Pipeline(model, rule, options.sense ?? SENSE_OFF, hearing, sounds, rhythms);
  }

  /** Takes the next window; windows of one stream must come in order. */
  async process(window: Window): Promise<PipelineResult> {
    const { windows, mel, melMs, networkMs } = await this.hearing.hear([window]);
    const { scored: heard, embedding, audioset, levels } = windows[0]!;
    if (window.startSample > this.#endSample) this.#subjects.forget(); // sound before it was lost
    this.#endSample = window.startSample + WINDOW_SAMPLES;
    const subjects = this.#subjects.push(heard, embedding, this.rule, this.sense.floorDbfs);
    const scored = { ...heard, vetoed: this.#vetoed(heard, subjects) };
    const event = this.sense.push(scored);
    return {
      scored,
      embedding,
      subjects: [...new Set([subjects.hit, subjects.kind])].filter((each) => each !== undefined),
      event,
      sounds: this.sounds.push(scored, audioset, this.rhythms.push(levels)),
      evidence: this.sense.evidence,
      floorDbfs: this.sense.floorDbfs,
      mel,
      melMs,
      networkMs,
    };
  }

  /** Of the log-mel's values: silence, and the loudest that is usual. */
  get melRange(): Hearing['melRange'] {
    return this.hearing.melRange;
  }

  /** Begins a new stream: nothing of the last one is remembered. */
  reset(): void {
    this.sense = new Sense(this.rule, this.senseOptions);
    this.#subjects.forget();
    this.sounds.forget();
    this.rhythms.forget();
    this.hearing.forget();
  }

  #vetoed(window: ScoredWindow, { hit, kind, besides }: Subjects): Vetoed | undefined {
    if (!(hit || kind) || !mayBeVetoed(window, this.rule)) return undefined;
    const vetoed = { hit: hit && this.veto.match(hit), kinds: kind && this.veto.match(kind, besides) };
    return vetoed.hit || vetoed.kinds ? vetoed : undefined;
  }

  async close(): Promise<void> {
    await this.hearing.close();
  }
}

/**
 * What travels with everything that a model says.
 *
 * @param network what computes it, as it goes on to say: both change where the NPU fails
 */
export function modelInfo(
  { manifest }: Bundle,
  { labels }: ScoringHead,
  rule: AlarmRule,
  network: { readonly engine: string; readonly precision: string; readonly npu?: boolean },
): ModelInfo {
  return {
    name: manifest.name,
    version: manifest.version,
    sha256: manifest.weights.sha256,
    get engine() {
      return network.engine;
    },
    get precision() {
      return network.precision;
    },
    npu: network.npu ?? false,
    labels,
    alarmLabels: rule.labels,
    alarmKinds: rule.evidence?.kinds ?? [],
  };
}

/**
 * Configuration over the bundle's calibration over the default.
 *
 * @throws UserError config, where labels or kinds are not the head's own, or no alarm could start
 */
export function alarmRule(
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
