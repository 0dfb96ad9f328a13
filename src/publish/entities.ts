import { NUMBER_RANGES, SENSITIVITIES, SOUND_RANGES } from '../constants.js';
import type { DecisionEvent, ModelInfo, SoundSetting } from '../types.js';
import { always, DIAGNOSTIC, diagnostics, MEASUREMENT, microphone } from './diagnostics.js';
import type { Features } from './features.js';
import { soundTopicsOf, type Topics } from './topics.js';
import { capitalized, deviceTriggers, kindEvent } from './triggers.js';

export interface EntityOptions {
  readonly topics: Topics;
  readonly model: ModelInfo;
  readonly features: Features;
}

/** One entity or device trigger, as Home Assistant's documentation of its platform describes it. */
export type Component = Readonly<{ p: string; [key: string]: unknown }>;

const EVENT_TYPES = [
  'alarm_started',
  'alarm_ended',
  'alarm_acknowledged',
  'alarm_escalated',
  'water_running_long',
  'long_stay',
  'sound_heard',
  'test',
] as const satisfies readonly DecisionEvent['type'][];

const SETTING = { entity_category: 'config' };
const SECONDS = { device_class: 'duration', unit_of_measurement: 's' };

/**
 * All components of the device by their key, which must never change its meaning: Home Assistant knows an
 * entity by it.
 */
export function componentsOf(options: EntityOptions): Record<string, Component> {
  return {
    ...alarmEntities(options),
    ...kindEvent(options),
    ...soundEntities(options),
    ...signsOfLife(options),
    ...controls(options),
    ...sounds(options),
    ...deviceTriggers(options),
    microphone: microphone(options.topics),
    ...diagnostics(options),
  };
}

/** The alarm and what happens in it: to be seen also where the microphone goes away meanwhile. */
function alarmEntities({ topics, model }: EntityOptions): Record<string, Component> {
  return {
    alarm: {
      p: 'binary_sensor',
      name: alarmName(model.alarmLabels),
      device_class: 'safety',
      state_topic: topics.alarm,
      json_attributes_topic: topics.alarm,
      // The same whatever the state. As an expression: a label may look like a template, which one that stands alone is.
      json_attributes_template: `{{ ${JSON.stringify({
        labels: model.alarmLabels,
        ...(model.alarmKinds.length > 0 && { kinds: model.alarmKinds }),
      })} | tojson }}`,
    },
    // Events that waited come before the daemon is online, and of several that come while an entity is unavailable Home
    // Assistant shows the last one alone.
    event: {
      p: 'event',
      name: 'Alarm',
      state_topic: topics.event,
      event_types: EVENT_TYPES,
      ...always(topics),
    },
  };
}

/** Entities that mean something only while sound arrives. */
function soundEntities({ topics, model, features }: EntityOptions): Record<string, Component> {
  const components: Record<string, Component> = {
    sound: {
      p: 'sensor',
      name: 'Sound',
      device_class: 'enum',
      options: model.labels,
      state_topic: topics.class,
      value_template: '{{ value_json.label }}',
    },
    confidence: {
      p: 'sensor',
      name: 'Confidence',
      unit_of_measurement: '%',
      ...MEASUREMENT,
      suggested_display_precision: 0,
      state_topic: topics.class,
      value_template: '{{ (value_json.confidence * 100) | round(1) }}',
    },
    level: {
      p: 'sensor',
      name: 'Level',
      // No device class: sound_pressure is decibels above the threshold of hearing, these are below full scale.
      unit_of_measurement: 'dB',
      ...MEASUREMENT,
      state_topic: topics.level,
      value_template: '{{ value_json.rmsDbfs }}',
    },
    ...(features.water && {
      water: {
        p: 'binary_sensor',
        name: 'Water running',
        device_class: 'running',
        state_topic: topics.water,
      },
    }),
    ...(features.speech && {
      speech: { p: 'binary_sensor', name: 'Speech', device_class: 'sound', state_topic: topics.speech },
    }),
  };
  return Object.fromEntries(
    Object.entries(components).map(([key, component]) => [key, { ...component, ...whileHearing(topics) }]),
  );
}

/** When what was last heard: as true while no sound arrives as before. */
function signsOfLife({ topics, features }: EntityOptions): Record<string, Component> {
  const last = (name: string, state_topic: string): Component => ({
    p: 'sensor',
    name,
    device_class: 'timestamp',
    state_topic,
  });
  return {
    ...(features.speech && { last_speech: last('Speech last heard', topics.lastHeard.speech) }),
    ...(features.water && { last_water: last('Water last heard', topics.lastHeard.water) }),
  };
}

/** Not known while no sound arrives. */
function whileHearing({ availability, inputAvailability }: Topics): object {
  return {
    availability: [{ topic: availability }, { topic: inputAvailability }],
    availability_mode: 'all',
  };
}

/** What Home Assistant takes a sound for; anything else is a sound. */
const DEVICE_CLASSES: Readonly<Record<string, string>> = {
  smoke_alarm: 'smoke',
  co_alarm: 'carbon_monoxide',
};

const SOUND_SETTING_NAMES: Readonly<Record<SoundSetting, string>> = {
  threshold: 'threshold',
  hits: 'hits',
  holdSeconds: 'hold time',
};

/** Sounds beside the alarm, each with its settings, which few need. */
function sounds({ topics, features }: EntityOptions): Record<string, Component> {
  const components: Record<string, Component> = {};
  for (const { id, name, adjustable } of features.sounds ?? []) {
    const { state, settings } = soundTopicsOf(topics, id);
    components[`sound_${id}`] = {
      p: 'binary_sensor',
      name,
      device_class: DEVICE_CLASSES[id] ?? 'sound',
      state_topic: state,
      ...whileHearing(topics),
    };
    for (const setting of adjustable)
      components[`sound_${id}_${SOUND_SETTING_NAMES[setting].replace(' ', '_')}`] = {
        p: 'number',
        name: `${name} ${SOUND_SETTING_NAMES[setting]}`,
        state_topic: settings[setting].state,
        command_topic: settings[setting].command,
        ...SOUND_RANGES[setting],
        ...(setting === 'holdSeconds' && SECONDS),
        mode: 'box',
        enabled_by_default: false,
        ...SETTING,
      };
  }
  return components;
}

/** What a person changes and presses. */
function controls({ topics, model, features }: EntityOptions): Record<string, Component> {
  const { settings, commands } = topics;
  const number = (name: string, setting: keyof typeof NUMBER_RANGES, rest: object = {}): Component => ({
    p: 'number',
    name,
    state_topic: settings[setting],
    command_topic: commands[setting],
    ...NUMBER_RANGES[setting],
    mode: 'box',
    ...SETTING,
    ...rest,
  });
  const time = (name: string, setting: 'quietFrom' | 'quietTo'): Component => ({
    p: 'time',
    name,
    state_topic: settings[setting],
    command_topic: commands[setting],
    ...SETTING,
  });
  const button = (name: string, command_topic: string, payload_press = 'PRESS', rest: object = {}) => ({
    p: 'button',
    name,
    command_topic,
    payload_press,
    ...rest,
  });
  return {
    detection: {
      p: 'switch',
      name: 'Detection',
      state_topic: settings.enabled,
      command_topic: commands.enabled,
    },
    ...(model.alarmKinds.length > 0 && {
      sensitivity: {
        p: 'select',
        name: 'Sensitivity',
        options: SENSITIVITIES,
        state_topic: settings.sensitivity,
        command_topic: commands.sensitivity,
        ...SETTING,
      },
    }),
    threshold: number('Threshold', 'threshold'),
    hits: number('Hits', 'hits'),
    window: number('Window', 'window'),
    cooldown: number('Cooldown', 'cooldownSeconds', SECONDS),
    ...(features.quietHours && {
      quiet_from: time('Quiet hours from', 'quietFrom'),
      quiet_to: time('Quiet hours to', 'quietTo'),
    }),
    acknowledge: button('Acknowledge', commands.acknowledge),
    test: button('Test alarm', commands.test, 'PRESS', DIAGNOSTIC),
    ...(features.feedback && {
      false_alarm: button('False alarm', commands.feedback, 'false_alarm'),
      real_alarm: button('Real alarm', commands.feedback, 'real_alarm'),
    }),
  };
}

/** `Abnormal sound` where one label alarms; several would not fit in a name, they are attributes. */
function alarmName(labels: readonly string[]): string {
  const [label] = labels;
  return labels.length === 1 && label !== undefined ? `${capitalized(label)} sound` : 'Alarming sound';
}
