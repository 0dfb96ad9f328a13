import { z } from 'zod';

/**
 * What Home Assistant accepts of MQTT discovery, after its documentation
 * (https://www.home-assistant.io/integrations/mqtt/ and the page of each platform), stricter where it would
 * silently ignore: unknown keys, and values that contradict each other.
 */
const id = z.string().regex(/^[a-zA-Z0-9_-]+$/);
const topic = z.string().regex(/^[^+#\s]+$/);
const template = z.string().min(1);

const availability = {
  availability: z.array(z.strictObject({ topic, value_template: template.optional() })).min(1),
  availability_mode: z.enum(['all', 'any', 'latest']),
};
const qos = { qos: z.literal([0, 1, 2]) };

/** Keys that every entity may have. */
const entity = <P extends string>(p: P) => ({
  p: z.literal(p),
  ...z.object(availability).partial().shape,
  ...qos,
  name: z.string().min(1),
  unique_id: id,
  default_entity_id: z.string().regex(new RegExp(`^${p}\\.(?!_)(?!.*__)[a-z0-9_]+(?<!_)$`)),
  json_attributes_topic: topic.optional(),
  json_attributes_template: template.optional(),
});
/** A topic to subscribe to may have wildcards. */
const topicFilter = z.string().regex(/^[^+#\s]+(\/\+)?$/);
/** What is only read cannot be configuration. */
const readOnly = {
  entity_category: z.literal('diagnostic').optional(),
  state_topic: topicFilter,
  value_template: template.optional(),
};
const category = { entity_category: z.enum(['config', 'diagnostic']).optional() };

const binarySensor = z.strictObject({
  ...entity('binary_sensor'),
  ...readOnly,
  device_class: z
    .enum(['safety', 'problem', 'sound', 'running', 'occupancy', 'carbon_monoxide', 'smoke'])
    .optional(),
  payload_on: z.string().optional(),
  payload_off: z.string().optional(),
  expire_after: z.int().positive().optional(),
});

const event = z.strictObject({
  ...entity('event'),
  ...readOnly,
  event_types: z.array(z.string().min(1)).min(1).refine(unique, 'event types are unique'),
});

const unitsOf: Readonly<Record<string, readonly string[]>> = {
  duration: ['ms', 's', 'min', 'h', 'd'],
  data_size: ['B', 'kB', 'MB', 'GB'],
};
const unitFits = ({ device_class, unit_of_measurement }: Record<string, unknown>) => {
  const units = unitsOf[String(device_class)];
  return units === undefined || units.includes(String(unit_of_measurement));
};

const sensor = z
  .strictObject({
    ...entity('sensor'),
    ...readOnly,
    device_class: z.enum(['enum', 'duration', 'data_size', 'timestamp']).optional(),
    options: z.array(z.string().min(1)).min(1).refine(unique, 'options are unique').optional(),
    unit_of_measurement: z.string().min(1).optional(),
    state_class: z.enum(['measurement', 'total', 'total_increasing']).optional(),
    enabled_by_default: z.literal(false).optional(),
    suggested_display_precision: z.int().min(0).optional(),
  })
  .refine((s) => (s.device_class === 'enum') === (s.options !== undefined), 'enum and options go together')
  .refine((s) => !s.options || !(s.unit_of_measurement ?? s.state_class), 'an enum has no unit')
  .refine(
    (s) => s.device_class !== 'timestamp' || !(s.unit_of_measurement ?? s.state_class),
    'a time has no unit',
  )
  .refine(unitFits, 'the unit fits the device class');

const switchEntity = z.strictObject({
  ...entity('switch'),
  ...category,
  state_topic: topic,
  command_topic: topic,
  payload_on: z.string().optional(),
  payload_off: z.string().optional(),
});

const number = z
  .strictObject({
    ...entity('number'),
    ...category,
    state_topic: topic,
    command_topic: topic,
    min: z.number(),
    max: z.number(),
    step: z.number().min(0.001),
    mode: z.enum(['auto', 'box', 'slider']),
    enabled_by_default: z.literal(false).optional(),
    device_class: z.enum(['duration']).optional(),
    unit_of_measurement: z.string().min(1).optional(),
  })
  .refine(({ min, max }) => min < max, 'min is below max')
  .refine(unitFits, 'the unit fits the device class');

const button = z.strictObject({
  ...entity('button'),
  ...category,
  command_topic: topic,
  payload_press: z.string().min(1),
});

const select = z.strictObject({
  ...entity('select'),
  ...category,
  state_topic: topic,
  command_topic: topic,
  options: z.array(z.string().min(1)).min(1).refine(unique, 'options are unique'),
});

const time = z.strictObject({ ...entity('time'), ...category, state_topic: topic, command_topic: topic });

/** No entity: it has no unique id, no name and no availability. */
const deviceTrigger = z.strictObject({
  p: z.literal('device_automation'),
  ...qos,
  automation_type: z.literal('trigger'),
  topic,
  payload: z.string().min(1),
  value_template: template,
  type: z.string().min(1),
  subtype: z.string().min(1),
});

const entityComponent = z.discriminatedUnion('p', [
  binarySensor,
  event,
  sensor,
  switchEntity,
  number,
  button,
  select,
  time,
]);
const component = z.union([entityComponent, deviceTrigger]);
/** A component that is taken back has its platform alone. */
const removed = z.strictObject({ p: z.string().min(1) });

const device = {
  dev: z.strictObject({
    ids: z.array(id).min(1),
    name: z.string().min(1),
    mf: z.string(),
    mdl: z.string(),
    sw: z.string(),
    sa: z.string().min(1).optional(),
    cu: z.url({ protocol: /^https?$/ }).optional(),
  }),
  o: z.strictObject({ name: z.string().min(1), sw: z.string(), url: z.url({ protocol: /^https?$/ }) }),
};

/** `<prefix>/device/<id>/config`; the root's `qos` is not handed down, so it has none. */
export const deviceDiscovery = z.strictObject({
  ...device,
  ...availability,
  cmps: z
    .record(id, z.union([component, removed]))
    .refine((all) => unique(values(all, 'unique_id')), 'unique ids are unique')
    .refine((all) => unique(values(all, 'default_entity_id')), 'entity ids are unique')
    .refine(
      (all) =>
        unique(Object.values(all).flatMap((one) => ('subtype' in one ? [`${one.type} ${one.subtype}`] : []))),
      'type and subtype of triggers are unique',
    ),
});

/** One message of `<prefix>/<platform>/<node>/<object>/config`, with the platform that its topic names. */
export function parseComponentDiscovery(topic: string, payload: string) {
  const [, platform] = /^[^/]+\/([a-z_]+)\/[a-zA-Z0-9_-]+\/[a-zA-Z0-9_-]+\/config$/.exec(topic) ?? [];
  const { dev, o, ...rest } = JSON.parse(payload);
  z.strictObject(device).parse({ dev, o });
  return component.parse({ p: platform, ...rest });
}

function values(all: Record<string, object>, key: string): unknown[] {
  return Object.values(all).flatMap((one) => (key in one ? [one[key as keyof typeof one]] : []));
}

function unique(list: readonly unknown[]): boolean {
  return new Set(list).size === list.length;
}
