import type { RHYTHMS, SENSITIVITIES, SIGNS_OF_LIFE } from './constants.js';
import type { DecisionEvent } from './events.js';

export type {
  AlarmAcknowledged,
  AlarmEnd,
  AlarmEnded,
  AlarmEscalated,
  AlarmStarted,
  DecisionEvent,
  LongStay,
  WaterRunningLong,
} from './events.js';
export type { Denial, DetectionDoubt, InputFault, MicrophoneFault, Problem } from './problems.js';

/** The values that flow from left to right: sound in, messages out. Units are in the field names. */

/** A piece of sound, mono at 16 kHz. */
export interface PcmChunk {
  /** Samples in −1…1. */
  readonly samples: Float32Array;
  /** Wall-clock time at which the last sample was captured, milliseconds since the epoch. */
  readonly capturedAtMs: number;
  /** How many times faster than real time it is played; 1 when left out. */
  readonly speed?: number;
  /** What mixing its channels has cost lately; left out where nothing new is known, or nothing is mixed. */
  readonly mixing?: Mixing | undefined;
  /** How many values of late were no sound; left out where none were. */
  readonly broken?: number | undefined;
}

/** How much of the loudest channel, counted from 1, is lost in the mean of all. */
export interface Mixing {
  readonly lossDb: number;
  readonly loudest: number;
}

/** What is known of how quiet it is where a microphone hangs. */
export interface KnownQuiet {
  /** So many minutes tell it. */
  readonly minutes: number;
  /** Level of the quietest minute of this week (its median second); none where none was surely of the room. */
  readonly quietestDbfs?: number | undefined;
  /** The same of the week before. */
  readonly earlierDbfs?: number | undefined;
  /** For so many of the last ones nothing has been loud enough for an alarm. */
  readonly minutesBelow: number;
}

/** Where sound comes from. Live sources are pushed into the ring, others are pulled without loss. */
export interface Source {
  /** For logs and messages: `portaudio "USB Audio"`, `file scene.wav`. */
  readonly description: string;
  /** A microphone or a stream: it does not wait for its reader and is reopened when it ends. */
  readonly live: boolean;
  /**
   * Opens the input and yields its sound until it ends or `signal` aborts (then it returns without
   * an error and leaves nothing behind). Can be called again after it has ended.
   *
   * @throws UserError when the input cannot be opened, breaks, or is not what it claims to be
   */
  chunks(signal: AbortSignal): AsyncIterable<PcmChunk>;
}

/** 15 600 samples of sound and where they lie in the stream. */
export interface Window {
  /** The ring's own buffer: valid until the next window is taken. */
  readonly samples: Float32Array;
  /** Position of the first sample in the stream; lost sound counts. */
  readonly startSample: number;
  /** Wall-clock time of the last sample, milliseconds since the epoch. */
  readonly endAtMs: number;
}

/** A window's log-mel as levels, which compare from window to window. */
export interface MelWindow {
  /** [frames × 64], 10 ms each, to its end: all 96, or those at least that no window before it had. Valid until the next. */
  readonly mel: Float32Array;
  /** Decibels of 1 in it, and what 0 in it stands for. */
  readonly unitDb: number;
  readonly zeroDb: number;
  readonly startSample: number;
}

/** What the network says of one window or, row after row, of several. The arrays are its own until the next run. */
export interface NetworkOutput {
  /** Mean over time and frequency of the last convolution's output. */
  readonly embedding: Float32Array;
  /** Scores of the dense heads that the network computes, by head name, in the order of the head's labels. */
  readonly heads: Readonly<Record<string, Float32Array>>;
}

/** Scores by label, in the model's order. */
export type Scores = Readonly<Record<string, number>>;

/** Natural log-odds of kinds of events, in the event head's order. */
export type KindLogOdds = Readonly<Record<string, number>>;

/** One window after the whole analysis, before any decision over time. */
export interface ScoredWindow {
  /** Stream time of the first and last sample, seconds. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Wall-clock time of the last sample, milliseconds since the epoch. */
  readonly endAtMs: number;
  readonly label: string;
  /** Score of `label`, 0…1. */
  readonly confidence: number;
  readonly scores: Scores;
  readonly rmsDbfs: number;
  readonly peakDbfs: number;
  /** The highest AudioSet scores, best first; empty where the model has none. */
  readonly audioset: ReadonlyArray<readonly [name: string, score: number]>;
  /** What kind of event the last seconds were, up to the end of this window; left out where the model has no event head. */
  readonly kinds?: KindLogOdds | undefined;
  /** What of it is known not to be an alarm, by a person's verdict; left out where nothing is. */
  readonly vetoed?: Vetoed | undefined;
}

/** The false alarm that a sound is like. */
export interface VetoMatch {
  readonly episodeId: string;
  /** Cosine, −1…1. */
  readonly similarity: number;
}

/** Which part of what a window says does not count. */
export interface Vetoed {
  /** That its classes are a hit. */
  readonly hit?: VetoMatch | undefined;
  /** What speaks for a kind, a scream excepted. */
  readonly kinds?: VetoMatch | undefined;
}

/** Evidence for a kind of event, and from which on it alarms; nats. */
export interface KindEvidence {
  readonly kind: string;
  readonly value: number;
  readonly line: number;
}

/** An impact that what comes after it may make an alarm. */
export interface WaitingImpact {
  readonly hit: { readonly atMs: number; readonly label: string; readonly score: number };
  /** When the blow was, wall clock. */
  readonly atMs: number;
  /** Louder than this is not silence. */
  readonly silenceDbfs: number;
  /** What went on before it. */
  readonly ongoing: OngoingSound;
}

/** What goes on in a room, whoever falls: how loud a radio was, and what runs; undefined: there was none. */
export interface OngoingSound {
  readonly mediaDbfs?: number | undefined;
  readonly noiseDbfs?: number | undefined;
  /** Whether that noise was water. */
  readonly water: boolean;
  /** Whether anybody spoke, of a radio, too. */
  readonly voices: boolean;
}

/** Impacts that wait, by what they wait for. */
export interface WaitingImpacts {
  readonly silence?: WaitingImpact | undefined;
  readonly voice?: WaitingImpact | undefined;
}

/** The rhythm of an alarm. */
export type Rhythm = (typeof RHYTHMS)[number];

/** A sound beside the alarm that begins or has ended. */
export interface SoundChange {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly heard: boolean;
  /** The highest of late, or as long as it was on, 0…1; 1 where its rhythm is heard. */
  readonly score: number;
  /** That it begins is an event, too. */
  readonly event: boolean;
}

/** What the pipeline makes of one window. */
export interface PipelineResult {
  readonly scored: ScoredWindow;
  /** The network's embedding of the window, an array of its own. */
  readonly embedding: Float32Array;
  /** Embeddings of the sound that speaks for an alarm, copies; empty where none does. */
  readonly subjects: readonly Float32Array[];
  readonly event: DecisionEvent | undefined;
  /** Sounds beside the alarm that begin or end with it. */
  readonly sounds: readonly SoundChange[];
  /** What speaks for each alarm kind by now; empty where the model has no event head. */
  readonly evidence: readonly KindEvidence[];
  /** How loud the room is when nothing happens in it: the quietest window of the seconds before it; undefined where too little is known. */
  readonly floorDbfs: number | undefined;
  /** The window's log-mel, [96 × 64]: the pipeline's own, valid until the next window. */
  readonly mel: Float32Array;
  /** Where the time went, milliseconds. */
  readonly melMs: number;
  readonly networkMs: number;
}

/** Who sees what is heard; a sound changes with the window that was heard last. */
export interface Onlooker {
  heard?(window: ScoredWindow): void;
  event?(event: DecisionEvent): void;
  sound?(change: SoundChange): void;
}

/** A message as the broker gets it: a state as it is from now on, or an event. */
export interface Said {
  readonly topic: string;
  readonly payload: string;
  readonly event: boolean;
}

/** Facts about the running model that travel with every event. */
export interface ModelInfo {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the weights. */
  readonly sha256: string;
  /** One of `ENGINES`, in one of `PRECISIONS` or, on an NPU, float16; and whether an NPU is, or was, to compute. */
  readonly engine: string;
  readonly precision: string;
  readonly npu: boolean;
  /** Output labels of the chosen head, in order. */
  readonly labels: readonly string[];
  /** Those of `labels` that raise the alarm. */
  readonly alarmLabels: readonly string[];
  /** Kinds of events that raise the alarm; empty where the model has no event head. */
  readonly alarmKinds: readonly string[];
}

// What flows back: settings, and what people and sensors say.

/** How readily evidence raises the alarm. */
export type Sensitivity = (typeof SENSITIVITIES)[number];

/** What can be changed while the daemon runs: whether it watches, and parts of the alarm's rule. */
export interface SettingValues {
  readonly enabled: boolean;
  readonly threshold: number;
  readonly hits: number;
  readonly window: number;
  readonly cooldownSeconds: number;
  /** Left out where the model has no event head. */
  readonly sensitivity?: Sensitivity | undefined;
  /** When quiet hours begin and end, local time, `22:00`; left out where there are none. */
  readonly quietFrom?: string | undefined;
  readonly quietTo?: string | undefined;
}

export type SettingName = keyof SettingValues;

/** Of a sound beside the alarm, what can be changed while the daemon runs. */
export interface SoundSettings {
  /** A window is a hit from this score on. */
  readonly threshold: number;
  /** It is heard with so many hits within its time… */
  readonly hits: number;
  /** …until it has had none for so long. */
  readonly holdSeconds: number;
}

export type SoundSetting = keyof SoundSettings;

/** What somebody who is there and well is heard by. */
export type SignOfLife = (typeof SIGNS_OF_LIFE)[number];

/** That a person has seen an alarm. */
export interface Acknowledgement {
  /** Who. */
  readonly by?: string | undefined;
  /** Which alarm; undefined: the latest. */
  readonly episodeId?: string | undefined;
}

/** An alarm that nobody has acknowledged. */
export interface Unanswered {
  readonly episodeId: string;
  readonly label: string;
  readonly kind?: string | undefined;
  /** When it began, by the wall clock as it is now; undefined where nobody knows. */
  readonly atMs: number | undefined;
}

/** What a person says of an alarm. */
export type Verdict = 'false_alarm' | 'real_alarm';

// What the stages are handed.

/** The part of a logger that the stages use; pino's fits. They are handed one and import none. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Time that passes while no sound arrives; injected so that tests need not wait. */
export interface Clock {
  /** Monotonic milliseconds; `wallMs`: wall-clock ones since the epoch. */
  now(): number;
  wallMs(): number;
  /** How long the machine is up, ms: goes on while it sleeps, which `now` does not; to some 10 ms. */
  uptimeMs(): number;
  /** Calls `callback` once after `ms`; returns what cancels it. Does not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
}
