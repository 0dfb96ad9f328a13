import type { Sketch } from '../files/sketch.js';
import { clock } from './axes.js';

/** What a class is in a bathroom; it gives the colour. */
export type Role = 'alarm' | 'water' | 'speech' | 'other';

/** A line over time, a value for each window. */
export interface Curve {
  readonly name: string;
  readonly values: Float32Array;
}

export interface AlarmSpan {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Kind of event, or the class where it was one that alarmed. */
  readonly name: string;
  readonly peakConfidence: number;
}

/** A time in which a sound beside the alarm was on. */
export interface SoundSpan {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** 1 where it was heard by its rhythm. */
  readonly peakScore: number;
}

/** A recording and all that was heard in it, to be drawn. */
export interface Recording {
  /** As people call it. */
  readonly name: string;
  readonly seconds: number;
  readonly verdict: string;
  readonly confidence: number;
  /** Model, head and engine. */
  readonly heardBy: string;
  readonly sketches: readonly Sketch[];
  /** Of a frequency, in mel bands. */
  readonly bandOf: (hz: number) => number;
  /** From the start of one window to the start of the next. */
  readonly hopSeconds: number;
  /** The classes that are drawn: all of them, or those that are heard most. */
  readonly classes: ReadonlyArray<Curve & { readonly role: Role }>;
  /** How many classes are not. */
  readonly classesLeftOut: number;
  /** Of each window the class that it is taken for, among `classes`; −1 for one that is not drawn. */
  readonly taken: Int8Array;
  /** Evidence for each kind of event, as a share of the line at which it alarms. */
  readonly evidence: readonly Curve[];
  /** Scores of an alarm class: a hit, and an alarm at once. */
  readonly threshold: number;
  readonly instantThreshold: number;
  readonly alarms: readonly AlarmSpan[];
  readonly sounds: readonly SoundSpan[];
  /** For so long after an alarm no other starts. */
  readonly cooldownSeconds: number;
}

/** What it is, in a sentence. */
export function summary({ seconds, verdict, confidence, alarms, heardBy }: Recording): string {
  const count =
    alarms.length === 0 ? 'no alarm' : alarms.length === 1 ? 'an alarm' : `${alarms.length} alarms`;
  return `${clock(seconds)} of sound, taken for ${verdict} (${confidence.toFixed(2)}), with ${count}. Heard by ${heardBy}.`;
}

/** In words, for those who do not see it. */
export function describe(recording: Recording): string {
  const { alarms, sounds } = recording;
  return summary(recording) + listed('Alarms', alarms) + listed('Sounds', sounds);
}

function listed(
  what: string,
  spans: readonly Pick<AlarmSpan, 'name' | 'startSeconds' | 'endSeconds'>[],
): string {
  const said = spans.map(
    ({ name, startSeconds, endSeconds }) => `${name} ${clock(startSeconds)} to ${clock(endSeconds)}`,
  );
  const most = said.slice(0, 20).join(', ');
  const more = said.length > 20 ? ` and ${said.length - 20} more` : '';
  return said.length > 0 ? ` ${what}: ${most}${more}.` : '';
}

/** What the lane of alarms shows: alarms, and after each the time in which no other starts. */
export function laneOf({
  alarms,
  cooldownSeconds,
  seconds,
}: Recording): (AlarmSpan & { cooldown: boolean })[] {
  return alarms.flatMap((alarm) => {
    const from = alarm.endSeconds;
    const cooldown = { ...alarm, name: 'cooldown', startSeconds: from, cooldown: true };
    const to = Math.min(seconds, from + cooldownSeconds);
    return [{ ...alarm, cooldown: false }, ...(to > from ? [{ ...cooldown, endSeconds: to }] : [])];
  });
}
