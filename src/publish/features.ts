import type { ModelInfo, SoundSetting } from '../types.js';

/** What is announced only where it does something. */
export interface Features {
  /** The model tells running water. */
  readonly water: boolean;
  /** The model tells speech. */
  readonly speech: boolean;
  /** Verdicts on alarms are kept. */
  readonly feedback: boolean;
  /** Something depends on somebody being in the room. */
  readonly occupancy: boolean;
  /** An NPU is to compute. */
  readonly npu: boolean;
  /** Somebody who is in the room for long without a sound is an event. */
  readonly longStay: boolean;
  /** There are hours in which only a higher score raises the alarm. */
  readonly quietHours: boolean;
  /** Sounds that are sensors of their own; none when left out. */
  readonly sounds?: readonly AnnouncedSound[] | undefined;
}

interface AnnouncedSound {
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** What can be set. */
  readonly adjustable: readonly SoundSetting[];
}

/** One as its rule has it. */
export interface RuledSound {
  readonly id: string;
  readonly name: string;
  /** Those whose scores speak for it. */
  readonly classes: readonly unknown[];
}

/** What is configured of the daemon's senses, as far as it can be seen from outside. */
interface Senses {
  readonly waterLabels: readonly string[];
  readonly speechLabels: readonly string[];
  readonly longStayMinutes: number;
  readonly quietHours?: object | undefined;
}

/**
 * What a model can tell of the daemon's classes of water and speech, and what is switched on.
 *
 * @param sounds those beside the alarm
 * @param occupancy whether anything depends on somebody being in the room
 */
export function featuresOf(
  { labels, npu }: Pick<ModelInfo, 'labels' | 'npu'>,
  { waterLabels, speechLabels, longStayMinutes, quietHours }: Senses,
  sounds: readonly RuledSound[],
  occupancy: boolean,
): Features {
  const hears = (wanted: readonly string[]) => wanted.some((label) => labels.includes(label));
  return {
    water: hears(waterLabels),
    speech: hears(speechLabels),
    feedback: true,
    occupancy,
    npu,
    longStay: longStayMinutes > 0,
    quietHours: quietHours !== undefined,
    sounds: sounds.map(({ id, name, classes }) => ({ id, name, adjustable: adjustableOf(classes) })),
  };
}

/** Of what is heard by its rhythm alone there is no score. */
export function adjustableOf(classes: readonly unknown[]): readonly SoundSetting[] {
  return classes.length > 0 ? ['threshold', 'hits', 'holdSeconds'] : ['holdSeconds'];
}
