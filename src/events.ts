import type { ScoredWindow } from './types.js';

/** Why an alarm started. */
type AlarmReason = 'hits' | 'instant' | 'evidence' | 'thump_then_silence' | 'thump_then_voice';

/** Why an alarm ended. `another`: it was acknowledged, and another kind of event made another one of it. */
export type AlarmEnd = 'silence' | 'another' | 'input_lost' | 'disabled' | 'stop' | 'restart';

/** What the decision stage says; the publisher turns it into messages. */
export type DecisionEvent =
  | AlarmStarted
  | AlarmEnded
  | AlarmAcknowledged
  | AlarmEscalated
  | WaterRunningLong
  | LongStay
  | SoundHeard
  | TestAlarm;

interface EventBase {
  /** Wall clock, milliseconds since the epoch; of an alarm's start: of the deciding window's last sample. */
  readonly atMs: number;
}

interface EpisodeEvent extends EventBase {
  /** One id for everything that is said of the same alarm. */
  readonly episodeId: string;
  readonly label: string;
  /** Kind of event, `impact`; undefined where none stands out, or the model has no event head. */
  readonly kind?: string | undefined;
}

export interface AlarmStarted extends EpisodeEvent {
  readonly type: 'alarm_started';
  /** Stream time of the deciding window's last sample, seconds. */
  readonly atSeconds: number;
  readonly confidence: number;
  readonly reason: AlarmReason;
  /** The deciding window. */
  readonly window: ScoredWindow;
  /** The windows that led to it, oldest first; `score` is that of `label`, a class or, with `evidence`, a kind. */
  readonly hits: ReadonlyArray<{ readonly atMs: number; readonly label: string; readonly score: number }>;
  /** With reason `evidence`: how much there was, and from which on it alarms; nats. */
  readonly evidence?: { readonly value: number; readonly line: number } | undefined;
}

export interface AlarmEnded extends EpisodeEvent {
  readonly type: 'alarm_ended';
  readonly atSeconds: number;
  /** NaN where it is not known: the clock was set while the daemon did not run. */
  readonly durationSeconds: number;
  readonly peakConfidence: number;
  readonly endedBy: AlarmEnd;
  /** Somebody has acknowledged it; left out where it is not known: an alarm of an earlier run. */
  readonly acknowledged?: boolean | undefined;
}

/** A person has seen the alarm. */
export interface AlarmAcknowledged extends EpisodeEvent {
  readonly type: 'alarm_acknowledged';
  /** Who, where that was said. */
  readonly by?: string | undefined;
  /** From the alarm's start. */
  readonly afterSeconds: number;
}

/** Nobody has acknowledged the alarm for so long, whether it is still on or not. */
export interface AlarmEscalated extends EpisodeEvent {
  readonly type: 'alarm_escalated';
  /** 1 for the first repetition. */
  readonly repetition: number;
  /** Of all so far, those that came because somebody came who may not have heard of it: they use up none of the others. */
  readonly reminders: number;
  readonly unacknowledgedSeconds: number;
}

export interface WaterRunningLong extends EventBase {
  readonly type: 'water_running_long';
  readonly durationSeconds: number;
}

/** Somebody is in the room, and nothing has been heard for long. */
export interface LongStay extends EventBase {
  readonly type: 'long_stay';
  /** Since somebody came in. */
  readonly durationSeconds: number;
  /** Since the last sound. */
  readonly silentSeconds: number;
}

/** A sound beside the alarm is heard that is an event: a smoke alarm. */
interface SoundHeard extends EventBase {
  readonly type: 'sound_heard';
  /** `smoke_alarm` */
  readonly sound: string;
  /** For people. */
  readonly name: string;
  /** The highest of late, 0…1; 1 where its rhythm is heard. */
  readonly score: number;
}

/** Someone pressed the test button: says that messages arrive, starts no alarm. */
interface TestAlarm extends EventBase {
  readonly type: 'test';
}

/** What the log says of an event. */
export function factsOf(event: DecisionEvent): object {
  const { label, kind, episodeId } = 'label' in event ? event : {};
  const { sound } = 'sound' in event ? event : {};
  const why = event.type === 'alarm_started' ? { reason: event.reason, evidence: event.evidence } : {};
  return { label, kind, episodeId, sound, ...why };
}
