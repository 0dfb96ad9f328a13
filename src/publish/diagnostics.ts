import type { Component, EntityOptions } from './entities.js';
import type { Topics } from './topics.js';

export const DIAGNOSTIC = { entity_category: 'diagnostic' };
/** Changes with every message about health, and few want to see it: it would fill Home Assistant's database. */
const NOISY = { enabled_by_default: false };
export const MEASUREMENT = { state_class: 'measurement' };
/** Problem is not known once health, which is said every minute, has not been said for so long. */
export const STALE_SECONDS = 150;

/**
 * A problem also where the daemon is gone, so that a dead computer reaches a phone: never unavailable, and made of
 * two topics. An entity has one state topic, hence the wildcard; a template that says nothing changes nothing. `fine`
 * is never retained: after a restart of Home Assistant it must not outlive the daemon's last will.
 */
export function microphone(topics: Topics): Component {
  return {
    p: 'binary_sensor',
    name: 'Microphone',
    device_class: 'problem',
    ...DIAGNOSTIC,
    state_topic: topics.all,
    value_template: "{% if value in ['offline', 'problem'] %}ON{% elif value == 'fine' %}OFF{% endif %}",
    ...always(topics),
  };
}

/** Available as long as Home Assistant has the broker: whatever is said of the daemon counts as `online`. */
export function always({ availability }: Topics): object {
  return { availability: [{ topic: availability, value_template: 'online' }], availability_mode: 'all' };
}

/** Entities about the daemon itself, and what it has been told. */
export function diagnostics({ topics, features }: EntityOptions): Record<string, Component> {
  const sensor = (name: string, template: string, rest: object = {}): Component => ({
    p: 'sensor',
    name,
    ...DIAGNOSTIC,
    state_topic: topics.health,
    value_template: template,
    ...rest,
  });
  const counter = { state_class: 'total_increasing' };
  const seconds = { device_class: 'duration', unit_of_measurement: 's', ...MEASUREMENT };
  return {
    // Who forwards a presence sensor has that already; this one shows what arrives.
    ...(features.occupancy && {
      occupied: {
        p: 'binary_sensor',
        name: 'Occupied',
        device_class: 'occupancy',
        ...DIAGNOSTIC,
        state_topic: topics.occupied,
      },
    }),
    // Whatever is wrong, by name: what nobody looks for elsewhere has to be seen here. It expires, because a broker that
    // dies together with the daemon keeps its last word; Microphone does not, and stays on where a daemon is gone.
    problem: {
      p: 'binary_sensor',
      name: 'Problem',
      device_class: 'problem',
      ...DIAGNOSTIC,
      state_topic: topics.health,
      value_template: "{{ 'ON' if value_json.problems else 'OFF' }}",
      json_attributes_topic: topics.health,
      json_attributes_template: "{{ {'problems': value_json.problems} | tojson }}",
      expire_after: STALE_SECONDS,
      // A daemon that ends again and again says so in each run: no shorter run may take that back.
      ...always(topics),
    },
    engine: sensor('Engine', '{{ value_json.model.engine }}'),
    // The engine's name alone would not say that it is not the one that was asked for.
    ...(features.npu && {
      npu: {
        p: 'binary_sensor',
        name: 'NPU',
        device_class: 'problem',
        ...DIAGNOSTIC,
        state_topic: topics.health,
        value_template: "{{ 'ON' if 'npu_failed' in value_json.problems else 'OFF' }}",
      },
    }),
    model: sensor('Model', '{{ value_json.model.name }} {{ value_json.model.version }}'),
    inference_time: sensor('Inference time', '{{ value_json.inferenceMs }}', {
      ...seconds,
      ...NOISY,
      unit_of_measurement: 'ms',
    }),
    dropped_windows: sensor('Dropped windows', '{{ value_json.droppedWindows }}', counter),
    vetoed: sensor('Vetoed windows', '{{ value_json.vetoed }}', counter),
    queued_events: sensor('Queued events', '{{ value_json.queuedEvents }}', MEASUREMENT),
    mqtt_reconnects: sensor('MQTT reconnects', '{{ value_json.mqttReconnects }}', counter),
    uptime: sensor('Uptime', '{{ value_json.uptimeSeconds }}', { ...seconds, ...NOISY }),
    memory: sensor('Memory', '{{ value_json.memoryMb }}', {
      device_class: 'data_size',
      unit_of_measurement: 'MB',
      ...MEASUREMENT,
      ...NOISY,
    }),
  };
}
