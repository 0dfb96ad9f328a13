import type { SettingName, SignOfLife, SoundSetting } from '../types.js';

/** What a person can tell the daemon to do; each has a command topic, none has a state. */
type Action = 'acknowledge' | 'test' | 'feedback';
/** What others know better than the daemon, and tell it. */
type Told = 'occupied';

/** Every topic under `<prefix>/<deviceId>`. */
export interface Topics {
  readonly base: string;
  readonly availability: string;
  readonly inputAvailability: string;
  /** Whether sound can be listened to: `fine` or `problem`, never retained. */
  readonly microphone: string;
  /** All topics right under the base, this one and `availability` among them. */
  readonly all: string;
  readonly alarm: string;
  /** What the next start must know of the alarm that is on; empty while none is. */
  readonly openAlarm: string;
  readonly event: string;
  readonly class: string;
  readonly level: string;
  readonly health: string;
  readonly scores: string;
  /** `ON` while water runs. */
  readonly water: string;
  /** `ON` while someone speaks. */
  readonly speech: string;
  /** When each was last heard, ISO 8601; nothing before that. */
  readonly lastHeard: Readonly<Record<SignOfLife, string>>;
  /** `ON` while somebody is in the room, as far as the daemon has been told; `None`: not known. */
  readonly occupied: string;
  /** Where the value of each setting is said. */
  readonly settings: Readonly<Record<SettingName, string>>;
  /** Where settings are rolled out to all devices of the prefix; not whether they listen: no one message makes a house deaf. */
  readonly rollouts: Readonly<Record<Exclude<SettingName, 'enabled'>, string>>;
  /** Where settings are changed, actions are asked for, and the daemon is told of the room. */
  readonly commands: Readonly<Record<SettingName | Action | Told, string>>;
}

/** No device may be called so: what is told to it is told to all. */
const EVERY_DEVICE = 'all';

/**
 * @param prefix `bathnet`
 * @param deviceId matches `[a-z0-9_-]+`
 */
export function topicsOf({ prefix, deviceId }: { prefix: string; deviceId: string }): Topics {
  const base = `${prefix}/${deviceId}`;
  const every = `${prefix}/${EVERY_DEVICE}`;
  return {
    base,
    availability: `${base}/availability`,
    inputAvailability: `${base}/input/availability`,
    microphone: `${base}/microphone`,
    all: `${base}/+`,
    alarm: `${base}/alarm`,
    openAlarm: `${base}/alarm/open`,
    event: `${base}/event`,
    class: `${base}/class`,
    level: `${base}/level`,
    health: `${base}/health`,
    scores: `${base}/scores`,
    water: `${base}/water`,
    speech: `${base}/speech`,
    lastHeard: { speech: `${base}/last_heard/speech`, water: `${base}/last_heard/water` },
    occupied: `${base}/occupied`,
    settings: {
      enabled: `${base}/enabled`,
      threshold: `${base}/threshold`,
      hits: `${base}/hits`,
      window: `${base}/window`,
      cooldownSeconds: `${base}/cooldownSeconds`,
      sensitivity: `${base}/sensitivity`,
      quietFrom: `${base}/quietFrom`,
      quietTo: `${base}/quietTo`,
    },
    rollouts: tunedUnder(every),
    commands: {
      enabled: `${base}/enabled/set`,
      ...tunedUnder(base),
      acknowledge: `${base}/acknowledge/set`,
      test: `${base}/test/set`,
      feedback: `${base}/feedback/set`,
      occupied: `${base}/occupied/set`,
    },
  };
}

/** Where all settings but `enabled` are changed. */
function tunedUnder(base: string): Topics['rollouts'] {
  return {
    threshold: `${base}/threshold/set`,
    hits: `${base}/hits/set`,
    window: `${base}/window/set`,
    cooldownSeconds: `${base}/cooldownSeconds/set`,
    sensitivity: `${base}/sensitivity/set`,
    quietFrom: `${base}/quietFrom/set`,
    quietTo: `${base}/quietTo/set`,
  };
}

/** Where one of the sounds beside the alarm is said, and its settings said and changed. */
export interface SoundTopics {
  readonly state: string;
  readonly settings: Readonly<Record<SoundSetting, { readonly state: string; readonly command: string }>>;
}

/** @param id matches `[a-z0-9_]+` */
export function soundTopicsOf({ base }: Pick<Topics, 'base'>, id: string): SoundTopics {
  // Right under the base, where access lists and HTTP look for commands.
  const setting = (name: SoundSetting) => {
    const state = `${base}/${id}_${name}`;
    return { state, command: `${state}/set` };
  };
  return {
    state: `${base}/sound/${id}`,
    settings: {
      threshold: setting('threshold'),
      hits: setting('hits'),
      holdSeconds: setting('holdSeconds'),
    },
  };
}

/** Where states are retained that every model has. */
export function retainedTopics(topics: Topics): string[] {
  const { availability, inputAvailability, alarm, openAlarm, level, health, occupied, settings } = topics;
  const { enabled, threshold, hits, window, cooldownSeconds } = settings;
  const states = [availability, inputAvailability, alarm, openAlarm, topics.class, level, health, occupied];
  return [...states, enabled, threshold, hits, window, cooldownSeconds];
}
