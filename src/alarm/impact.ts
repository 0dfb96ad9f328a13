import { SENSITIVITIES } from '../constants.js';
import type { ScoredWindow } from '../types.js';
import {
  type AlarmRule,
  DISTRESS_KIND,
  type EvidenceRule,
  evidenceRule,
  type Hit,
  SCREAM_KIND,
  type VoiceRule,
} from './rule.js';

/** The event head's kind of a body, or something as heavy, that hits the floor. */
export const IMPACT_KIND = 'impact';

/**
 * AudioSet's classes of the same, or of what it takes along, for models without that kind. Doors are left out: a
 * door that falls shut and then silence is somebody who has left.
 */
const IMPACT_CLASSES = new Set([
  'Thump, thud',
  'Thunk',
  'Bang',
  'Smash, crash',
  'Breaking',
  'Shatter',
  'Slap, smack',
  'Whack, thwack',
]);
/** The event head's kind of water that runs. */
export const WATER_KIND = 'water';
/** Kinds that are the voice of somebody who is hurt. */
export const HURT_KINDS = [DISTRESS_KIND, SCREAM_KIND];
/** …and all that are voices, as far as anybody can tell: a call may be taken for a cough or a baby. */
const VOICES = [...HURT_KINDS, 'speech', 'laugh', 'cry', 'throat'];
/**
 * The event head's kinds of which one that is likelier than not shows that life goes on: somebody walks away, or turns
 * on the water. No voices, for a call for help is speech, and a groan may be taken for a cough, laughter or a baby; and
 * nothing that somebody who lies there may do, or that happens around them: knock for help, pull something down, not
 * answer a telephone. All of these put the silence off.
 */
export const LIFE_KINDS = ['door', 'steps', WATER_KIND] as const;
/** What a radio or a television plays. */
export const MEDIA_KINDS = ['speech', 'music'];
/** What runs, and drowns out what is fainter. */
export const MOTOR_KIND = 'motor';
/** A class is heard from this score on. */
const HEARD_SCORE = 0.5;
/** Score of an impact, where nobody says one. */
const DEFAULT_THRESHOLD = 0.4;

export interface ThumpOptions {
  /** Score of an impact, of models without an event head. */
  readonly thumpThreshold?: number | undefined;
  /** How long nothing moves and nobody speaks after it; 0 is off, undefined as the bundle has it: without its word, off. */
  readonly thumpSilenceSeconds?: number | undefined;
  /** How long after it a voice in distress may come; 0 is off, undefined as the bundle has it. */
  readonly thumpVoiceSeconds?: number | undefined;
  readonly speechLabels: readonly string[];
  /** Classes of running water. */
  readonly waterLabels: readonly string[];
}

/** How long the silence after an impact must be, as a person or the bundle says; 0 is off. */
export function thumpSilenceSeconds(
  rule: AlarmRule,
  options: Pick<ThumpOptions, 'thumpSilenceSeconds'>,
): number {
  return options.thumpSilenceSeconds ?? bundled(rule)?.silenceSeconds ?? 0;
}

/** The longest that it is at any sensitivity; 0 where it is off at all. */
export function longestSilenceSeconds(
  rule: AlarmRule,
  options: Pick<ThumpOptions, 'thumpSilenceSeconds'>,
): number {
  return Math.max(
    ...SENSITIVITIES.map((sensitivity) => thumpSilenceSeconds({ ...rule, sensitivity }, options)),
  );
}

/** A voice in distress after an impact, as a person or the bundle says; undefined where it is off. */
export function thumpVoice(rule: AlarmRule, { thumpVoiceSeconds }: ThumpOptions): VoiceRule | undefined {
  const voice = evidenceRule(rule)?.thump?.voice;
  const seconds = thumpVoiceSeconds ?? bundled(rule)?.voice?.seconds ?? 0;
  return voice && seconds > 0 ? { ...voice, seconds } : undefined;
}

/** What the bundle has on unless somebody says otherwise: nothing where impacts are not to alarm. */
function bundled(rule: AlarmRule) {
  return rule.evidence?.kinds.includes(IMPACT_KIND) ? evidenceRule(rule)?.thump : undefined;
}

/**
 * Kinds that the decision stage looks at in a window: those with a line, and those that tell what comes after an
 * impact; undefined of a model without kinds.
 */
export function kindsLookedAt(rule: AlarmRule): readonly string[] | undefined {
  const own = evidenceRule(rule);
  return own && [...Object.keys(own.lines), ...LIFE_KINDS, ...VOICES, ...MEDIA_KINDS, MOTOR_KIND];
}

/** Evidence from which on there is an impact, in nats. */
export function impactLine({ thump, lines }: EvidenceRule): number {
  return thump?.line ?? (lines[IMPACT_KIND] ?? Number.POSITIVE_INFINITY) / 2;
}

/** Whether there is a voice in a window, of whatever kind. */
export function isVoice(window: ScoredWindow, speechLabels: readonly string[]): boolean {
  return hearsClass(window, speechLabels) || hearsKind(window, VOICES);
}

/** Whether one of some kinds of the event head is likelier than not in a window. */
export function hearsKind({ kinds }: ScoredWindow, wanted: readonly string[]): boolean {
  return wanted.some((kind) => (kinds?.[kind] ?? 0) > 0);
}

/** …or one of some classes. */
export function hearsClass({ scores }: ScoredWindow, labels: readonly string[]): boolean {
  return labels.some((label) => (scores[label] ?? 0) >= HEARD_SCORE);
}

/**
 * Whether somebody goes on with their life in a window; of a model that does not tell these kinds any sound may be one.
 *
 * @param waterRan the water was on before, and says nothing
 */
export function lifeGoesOn({ kinds }: ScoredWindow, waterRan = false): boolean {
  return LIFE_KINDS.some(
    (kind) => !(waterRan && kind === WATER_KIND) && (kinds?.[kind] ?? Number.POSITIVE_INFINITY) > 0,
  );
}

/** Gives the hit of a kind of event for which there is so much evidence, nats. */
export type Heard = (kind: string, line: number) => Hit | undefined;

/**
 * The impact that a window tells of, by the event head's evidence or, of models without one, by the best of alarm labels
 * and impact classes.
 *
 * @param minThreshold a stricter threshold of such a score, for now
 */
export function impactIn(
  window: ScoredWindow,
  rule: AlarmRule,
  heard: Heard,
  { thumpThreshold = DEFAULT_THRESHOLD }: ThumpOptions,
  minThreshold: number,
): Hit | undefined {
  const own = evidenceRule(rule);
  return own
    ? heard(IMPACT_KIND, impactLine(own))
    : likeliestImpact(window, rule, Math.max(thumpThreshold, minThreshold));
}

function likeliestImpact(
  { scores, audioset, vetoed, endAtMs }: ScoredWindow,
  rule: AlarmRule,
  threshold: number,
): Hit | undefined {
  if (vetoed?.hit) return undefined;
  let best: Hit | undefined;
  const candidates = [
    ...rule.labels.map((label) => [label, scores[label] ?? 0] as const),
    ...audioset.filter(([name]) => IMPACT_CLASSES.has(name)),
  ];
  for (const [label, score] of candidates)
    if (score >= threshold && score > (best?.score ?? -1)) best = { atMs: endAtMs, label, score };
  return best;
}
