import { VERSION } from '../constants.js';
import { clockSetBy, elapsedMs } from '../storage/age.js';
import type { WaitingEvent } from '../storage/outbox.js';
import type { Clock, DecisionEvent, ModelInfo, Problem, Scores } from '../types.js';

/** Home Assistant keeps attributes in its database: 521 AudioSet scores in every message would fill it. */
const MAX_SCORES = 10;
/** An event has a few, and one or two for each window that led to it. */
const MOST_BRACKETS = 1000;

type Kept = Pick<WaitingEvent, 'payload' | 'replayed' | 'keptAtMs' | 'addedAtMs'>;

export interface EventContext {
  /** UUID v7 of this event; stays the same when it is sent again, so that receivers can tell. */
  readonly id: string;
  /** It comes from a test, not from life: the test button, a simulation. */
  readonly test: boolean;
  readonly model: ModelInfo;
}

/** How the daemon is; the application's part of the health message. */
export interface Health {
  readonly uptimeSeconds: number;
  /** Resident memory, 10⁶ bytes. */
  readonly memoryMb: number;
  /** Median time of the network per window; undefined before the first one. */
  readonly inferenceMs: number | undefined;
  /** Room for what is kept; undefined where nobody knows. */
  readonly diskFreeBytes: number | undefined;
  /** Windows lost since the start because the pipeline fell behind. */
  readonly droppedWindows: number;
  /** Windows since the start that did not count because of a verdict. */
  readonly vetoed: number;
}

/** How the connection to the broker is; the publisher's part of the health message. */
export interface PublisherStats {
  readonly reconnects: number;
  readonly queuedEvents: number;
  readonly droppedEvents: number;
  /** Events survive a restart: the outbox can be written. */
  readonly durable: boolean;
  /** What the broker does not take, or does not let us hear: topics, events, subscriptions. */
  readonly refused: readonly string[];
  /** The broker hands back what it has acknowledged; known of MQTT 3.1.1 only. */
  readonly passedOn: boolean;
  /** Somebody is subscribed to alarms, as far as the broker says: by MQTT 5, where it was told one. */
  readonly heard: boolean;
}

/**
 * The event as it is kept until it is delivered: everything but what `deliveredEvent` adds. What follows an
 * alarm does not repeat the window that started it: `episodeId` leads there.
 */
export function eventPayload(event: DecisionEvent, { id, test, model }: EventContext): string {
  return JSON.stringify({
    event_type: event.type,
    id,
    ...('episodeId' in event && { episodeId: event.episodeId }),
    at: isoTime(event.atMs),
    ...('label' in event && { label: event.label, kind: event.kind }),
    ...details(event),
    test,
    model: modelFacts(model),
  });
}

/**
 * `<base>/event`: a kept event at the moment of an attempt to deliver it. Where the clock was set while it waited, its
 * times are put right; in one of an earlier run they cannot be.
 */
export function deliveredEvent(
  { payload, replayed, keptAtMs, addedAtMs = Number.NaN }: Kept,
  clock: Pick<Clock, 'uptimeMs' | 'wallMs'>,
): string {
  const nowMs = clock.wallMs();
  const setByMs = clockSetBy(keptAtMs, nowMs, clock.uptimeMs() - addedAtMs);
  const putRight = (name: string, value: unknown) =>
    setByMs !== 0 && name === 'at' && typeof value === 'string'
      ? isoTime(Date.parse(value) + setByMs)
      : value;
  const event = JSON.parse(payload, putRight) as { at: string };
  const atMs = Date.parse(event.at);
  const latencyMs = elapsedMs(atMs, nowMs); // NaN is null in JSON
  return JSON.stringify({ ...event, at: isoTime(atMs), latencyMs, replayed });
}

/** Whether `deliveredEvent` can make something of it; what is deeper than any event may not be written again. */
export function isEventPayload(payload: string): boolean {
  if (payload.split(/[[{]/, MOST_BRACKETS + 1).length > MOST_BRACKETS) return false;
  try {
    const event = JSON.parse(payload) as { at?: unknown } | null;
    return typeof event?.at === 'string' && !Number.isNaN(Date.parse(event.at));
  } catch {
    return false;
  }
}

/** What only this type of event has. */
function details(event: DecisionEvent): object {
  switch (event.type) {
    case 'alarm_started':
      return {
        confidence: score(event.confidence),
        scores: bestScores(event.window.scores),
        audioset: event.window.audioset.map(([name, value]) => [name, score(value)]),
        windows: event.hits.map((hit) => ({ at: isoTime(hit.atMs), [hit.label]: score(hit.score) })),
        reason: event.reason,
        ...(event.evidence && {
          evidence: round(event.evidence.value, 2),
          line: round(event.evidence.line, 2),
        }),
        levelDbfs: decibels(event.window.rmsDbfs),
      };
    case 'alarm_ended':
      return {
        durationSeconds: round(event.durationSeconds, 2),
        peakConfidence: score(event.peakConfidence),
        endedBy: event.endedBy,
        ...(event.acknowledged !== undefined && { acknowledged: event.acknowledged }),
      };
    case 'alarm_acknowledged':
      return { afterSeconds: round(event.afterSeconds, 1), ...(event.by !== undefined && { by: event.by }) };
    case 'alarm_escalated':
      return {
        repetition: event.repetition,
        unacknowledgedSeconds: Math.round(event.unacknowledgedSeconds),
      };
    case 'water_running_long':
      return { durationSeconds: Math.round(event.durationSeconds) };
    case 'long_stay':
      return {
        durationSeconds: Math.round(event.durationSeconds),
        silentSeconds: Math.round(event.silentSeconds),
      };
    case 'sound_heard':
      return { sound: event.sound, name: event.name, score: score(event.score) };
    case 'test':
      return {};
  }
}

/** `<base>/class` and, of single windows, `<base>/scores`. */
export function classPayload(label: string, scores: Scores, atMs: number): string {
  return JSON.stringify({
    label,
    confidence: score(scores[label] ?? 0),
    scores: bestScores(scores),
    at: isoTime(atMs),
  });
}

/** `<base>/level` */
export function levelPayload(level: { rmsDbfs: number; peakDbfs: number }, atMs: number): string {
  return JSON.stringify({
    rmsDbfs: decibels(level.rmsDbfs),
    peakDbfs: decibels(level.peakDbfs),
    at: isoTime(atMs),
  });
}

/** `<base>/health` */
export function healthPayload(
  health: Health,
  stats: PublisherStats,
  problems: readonly Problem[],
  model: ModelInfo,
  atMs: number,
): string {
  return JSON.stringify({
    problems,
    uptimeSeconds: Math.round(health.uptimeSeconds),
    memoryMb: round(health.memoryMb, 1),
    diskFreeMb: health.diskFreeBytes === undefined ? null : Math.round(health.diskFreeBytes / 1e6),
    inferenceMs: health.inferenceMs === undefined ? null : round(health.inferenceMs, 2),
    droppedWindows: health.droppedWindows,
    vetoed: health.vetoed,
    queuedEvents: stats.queuedEvents,
    droppedEvents: stats.droppedEvents,
    mqttReconnects: stats.reconnects,
    refused: stats.refused,
    version: VERSION,
    model: modelFacts(model),
    at: isoTime(atMs),
  });
}

function modelFacts({ name, version, sha256, engine, precision }: ModelInfo) {
  return { name, version, sha256, engine, precision };
}

/** All scores in the model's order, or the best of very many. */
function bestScores(scores: Scores): Scores {
  const all = Object.entries(scores);
  const best = all.length > MAX_SCORES ? all.sort(([, a], [, b]) => b - a).slice(0, MAX_SCORES) : all;
  return Object.fromEntries(best.map(([label, value]) => [label, score(value)]));
}

const isoTime = (ms: number) => new Date(ms).toISOString();
const score = (value: number) => round(value, 3);
const decibels = (value: number) => round(value, 1);

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
