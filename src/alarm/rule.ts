import { SAMPLE_RATE_HZ } from '../constants.js';
import type { AlarmStarted, ScoredWindow, Sensitivity } from '../types.js';

const SAMPLE_SECONDS = 1 / SAMPLE_RATE_HZ;

/** The rule by which windows become an alarm. Times are stream time. */
export interface AlarmRule {
  /** Labels that alarm; empty means that no class does. */
  readonly labels: readonly string[];
  /** A window is a hit when one of the labels reaches this score… */
  readonly threshold: number;
  /** …and its RMS level is above this, dBFS. */
  readonly minLevelDbfs: number;
  /** The alarm starts when this many… */
  readonly hits: number;
  /** …of the last so many windows are hits, */
  readonly window: number;
  /** or when a single one reaches this score. */
  readonly instantThreshold: number;
  /** It ends after this long without a hit, or evidence below the line. */
  readonly releaseSeconds: number;
  /** For this long after its end nothing starts another, but another kind of event where it was acknowledged. */
  readonly cooldownSeconds: number;
  /** How readily evidence raises it; undefined where the model has no event head. */
  readonly sensitivity?: Sensitivity | undefined;
  /** How what the event head says adds up; undefined where the model has none. */
  readonly evidence?: EvidenceRules | undefined;
}

export const DEFAULT_ALARM_RULE: AlarmRule = {
  labels: ['abnormal'],
  threshold: 0.6,
  minLevelDbfs: -60,
  hits: 2,
  window: 3,
  instantThreshold: 0.95,
  releaseSeconds: 5,
  cooldownSeconds: 10,
};

/** The kind of event that no verdict vetoes: a cry for help may sound like one that was none. */
export const SCREAM_KIND = 'scream';
/** Groans, wails, sobs. */
export const DISTRESS_KIND = 'distress';

/** What a bundle says of its event head's log-odds, by sensitivity. */
export interface EvidenceRules {
  /** Kinds that alarm; empty means that none does. */
  readonly kinds: readonly string[];
  /** From window to window, of the sound that the rules were made on. */
  readonly hopSeconds: number;
  /** How far the event head looks back. */
  readonly memorySeconds: number;
  readonly sensitivities: Readonly<Record<Sensitivity, EvidenceRule>>;
}

export interface EvidenceRule {
  /** What is left of the evidence after `hopSeconds`. */
  readonly leak: number;
  /** Of each kind: evidence from which on it alarms, nats. */
  readonly lines: Readonly<Record<string, number>>;
  /** Is added to the log-odds of each kind. */
  readonly offsets: Readonly<Record<string, number>>;
  /** An impact and what comes after it; undefined where it is wrong too often to be on unless somebody says so. */
  readonly thump?: ThumpRule | undefined;
}

interface ThumpRule {
  /** Less evidence for an impact than this is none, nats. */
  readonly line: number;
  /** How long there is silence after it. */
  readonly silenceSeconds: number;
  /** Somebody who has fallen need not be silent. */
  readonly voice?: VoiceRule | undefined;
}

/** An impact and a voice in distress after it: less evidence of each is enough for both together. */
export interface VoiceRule {
  /** Evidence from which on either counts, nats. */
  readonly line: number;
  /** How long after the impact the voice may come. */
  readonly seconds: number;
}

/** A window that speaks for an alarm; `score` is that of `label`, a class or a kind. */
export type Hit = AlarmStarted['hits'][number];

/** That of the sensitivity in force; undefined where the model has no event head. */
export function evidenceRule({ evidence, sensitivity = 'normal' }: AlarmRule): EvidenceRule | undefined {
  return evidence?.sensitivities[sensitivity];
}

/**
 * Whether the event head remembers a window, by the ends of that one and of the latest. Both are whole samples apart,
 * which as seconds is off in the last digits: the oldest that it remembers is one, wherever in the stream.
 */
export function remembers(
  evidence: EvidenceRules | undefined,
  endSeconds: number,
  latestSeconds: number,
): boolean {
  return latestSeconds - endSeconds < (evidence?.memorySeconds ?? 0) + SAMPLE_SECONDS;
}

/** The class that alarms with the highest score, whatever it is. */
export function likeliest({ scores }: ScoredWindow, labels: readonly string[]): string | undefined {
  return labels.reduce<string | undefined>(
    (best, label) => (best !== undefined && (scores[best] ?? 0) >= (scores[label] ?? 0) ? best : label),
    undefined,
  );
}
