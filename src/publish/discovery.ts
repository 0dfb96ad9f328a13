import type { ModelInfo } from '../types.js';
import type { Message } from './options.js';
import type { Topics } from './topics.js';

export interface DiscoveryOptions {
  /** Matches `[a-z0-9_-]+`. */
  readonly deviceId: string;
  /** For people: `Bathroom`. */
  readonly deviceName: string;
  readonly topics: Topics;
  readonly model: ModelInfo;
  /** Of bathnet2mqtt. */
  readonly version: string;
  /** `homeassistant` */
  readonly discoveryPrefix: string;
}

/**
 * Home Assistant's device discovery (2024.11 or newer): one retained message that announces the device with
 * all its entities. Abbreviated keys as in its documentation,
 * https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
 */
export function discoveryMessage(options: DiscoveryOptions): Message {
  const { deviceId, deviceName, topics, version, discoveryPrefix } = options;
  // Not the bare device id: Home Assistant merges devices of any integration that share an identifier.
  const id = `bathnet2mqtt_${deviceId}`;
  const components = [...soundComponents(options), ...daemonComponents(topics)];
  return {
    topic: `${discoveryPrefix}/device/${deviceId}/config`,
    payload: JSON.stringify({
      dev: { ids: [id], name: deviceName, mf: 'bathnet2mqtt', mdl: 'Sound detector', sw: version },
      o: { name: 'bathnet2mqtt', sw: version },
      availability: [{ topic: topics.availability }],
      availability_mode: 'all',
      qos: 1,
      cmps: Object.fromEntries(
        components.map(([key, component]) => [key, { ...component, unique_id: `${id}_${key}` }]),
      ),
    }),
  };
}

type Component = readonly [
  key: string,
  config: Readonly<Record<'p' | 'name', string>> & Readonly<Record<string, unknown>>,
];

/** Entities that mean something only while sound arrives. */
function soundComponents({ topics, model }: DiscoveryOptions): Component[] {
  const availability = [{ topic: topics.availability }, { topic: topics.inputAvailability }];
  const components: Component[] = [
    [
      'alarm',
      {
        p: 'binary_sensor',
        name: alarmName(model.alarmLabels),
        device_class: 'safety',
        state_topic: topics.alarm,
        json_attributes_topic: topics.alarm,
        // No template in it: the labels are the same whatever the state.
        json_attributes_template: JSON.stringify({ labels: model.alarmLabels }),
      },
    ],
    [
      'event',
      {
        p: 'event',
        name: 'Alarm',
        state_topic: topics.event,
        event_types: ['alarm_started', 'alarm_ended'],
      },
    ],
    [
      'sound',
      {
        p: 'sensor',
        name: 'Sound',
        device_class: 'enum',
        options: model.labels,
        state_topic: topics.class,
        value_template: '{{ value_json.label }}',
      },
    ],
    [
      'confidence',
      {
        p: 'sensor',
        name: 'Confidence',
        unit_of_measurement: '%',
        state_class: 'measurement',
        suggested_display_precision: 0,
        state_topic: topics.class,
        value_template: '{{ (value_json.confidence * 100) | round(1) }}',
      },
    ],
    [
      'level',
      {
        p: 'sensor',
        name: 'Level',
        // No device class: sound_pressure is decibels above the threshold of hearing, these are below full scale.
        unit_of_measurement: 'dB',
        state_class: 'measurement',
        state_topic: topics.level,
        value_template: '{{ value_json.rmsDbfs }}',
      },
    ],
  ];
  return components.map(([key, config]) => [key, { ...config, availability, availability_mode: 'all' }]);
}

/** Entities about the daemon itself. */
function daemonComponents(topics: Topics): Component[] {
  const diagnostic = (key: string, name: string, field: string, rest: object = {}): Component => [
    key,
    {
      p: 'sensor',
      name,
      entity_category: 'diagnostic',
      state_topic: topics.health,
      value_template: `{{ value_json.${field} }}`,
      ...rest,
    },
  ];
  const counter = { state_class: 'total_increasing' };
  return [
    [
      'microphone',
      {
        p: 'binary_sensor',
        name: 'Microphone',
        device_class: 'problem',
        entity_category: 'diagnostic',
        state_topic: topics.inputAvailability,
        payload_on: 'offline',
        payload_off: 'online',
      },
    ],
    diagnostic('engine', 'Engine', 'model.engine'),
    diagnostic('model', 'Model', 'model.name', {
      value_template: '{{ value_json.model.name }} {{ value_json.model.version }}',
    }),
    diagnostic('inference_time', 'Inference time', 'inferenceMs', {
      device_class: 'duration',
      unit_of_measurement: 'ms',
      state_class: 'measurement',
    }),
    diagnostic('dropped_windows', 'Dropped windows', 'droppedWindows', counter),
    diagnostic('queued_events', 'Queued events', 'queuedEvents', { state_class: 'measurement' }),
    diagnostic('mqtt_reconnects', 'MQTT reconnects', 'mqttReconnects', counter),
    diagnostic('uptime', 'Uptime', 'uptimeSeconds', {
      device_class: 'duration',
      unit_of_measurement: 's',
      state_class: 'measurement',
    }),
    diagnostic('memory', 'Memory', 'memoryMb', {
      device_class: 'data_size',
      unit_of_measurement: 'MB',
      state_class: 'measurement',
    }),
  ];
}

/** `Abnormal sound` where one label alarms; several would not fit in a name, they are attributes. */
function alarmName(labels: readonly string[]): string {
  const [label] = labels;
  return labels.length === 1 && label !== undefined
    ? `${label.charAt(0).toUpperCase()}${label.slice(1)} sound`
    : 'Alarming sound';
}
