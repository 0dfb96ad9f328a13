import type { DecisionEvent } from '../types.js';
import { always } from './diagnostics.js';
import type { Component, EntityOptions } from './entities.js';

/** What an alarm of no kind that stands out is called among its kinds. */
const OTHER = 'other';

/**
 * Shown as "Alarm started" among the triggers of the device
 * (https://www.home-assistant.io/integrations/device_trigger.mqtt/: an unknown type renders as `subtype type`).
 */
export function deviceTriggers({ topics, model, features }: EntityOptions): Record<string, Component> {
  const trigger = (payload: string, subtype: string, type: string, value: string): Component => ({
    p: 'device_automation',
    automation_type: 'trigger',
    topic: topics.event,
    value_template: `{{ ${value} }}`,
    payload,
    type,
    subtype,
  });
  const onType = (type: DecisionEvent['type'], subtype: string, shown: string) =>
    trigger(type, subtype, shown, 'value_json.event_type');
  const onKind = (kind: string) =>
    trigger(
      `alarm_started ${kind}`,
      capitalized(kind),
      'heard',
      "value_json.event_type ~ ' ' ~ value_json.kind | default('')",
    );
  return {
    alarm_started: onType('alarm_started', 'Alarm', 'started'),
    alarm_ended: onType('alarm_ended', 'Alarm', 'ended'),
    alarm_acknowledged: onType('alarm_acknowledged', 'Alarm', 'acknowledged'),
    alarm_escalated: onType('alarm_escalated', 'Alarm', 'not acknowledged'),
    ...Object.fromEntries(model.alarmKinds.map((kind) => [`heard_${kind}`, onKind(kind)])),
    ...(features.water && {
      water_running_long: onType('water_running_long', 'Water', 'running for long'),
    }),
    ...(features.longStay && { long_stay: onType('long_stay', 'Long stay', 'without a sound') }),
  };
}

/** What started an alarm, as types of an event of its own: those of the event Alarm are what becomes of one. */
export function kindEvent({ topics, model }: EntityOptions): Record<string, Component> {
  const kinds = model.alarmKinds;
  if (kinds.length === 0) return {};
  const kind = `value_json.kind if value_json.kind | default('') in ${JSON.stringify(kinds)} else '${OTHER}'`;
  const event = `{'event_type': ${kind}, 'episodeId': value_json.episodeId, 'test': value_json.test}`;
  return {
    alarm_kind: {
      p: 'event',
      name: 'Alarm kind',
      state_topic: topics.event,
      event_types: [...new Set([...kinds, OTHER])],
      value_template: `{% if value_json.event_type == 'alarm_started' %}{{ (${event}) | tojson }}{% endif %}`,
      ...always(topics),
    },
  };
}

/** `fall_of_glass` → `Fall of glass` */
export function capitalized(kind: string): string {
  return `${kind.charAt(0).toUpperCase()}${kind.slice(1).replaceAll('_', ' ')}`;
}
