import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { discoveryMessage } from '../../src/publish/discovery.js';
import { topicsOf } from '../../src/publish/topics.js';
import type { ModelInfo } from '../../src/types.js';
import { model } from './samples.js';

/**
 * What Home Assistant accepts, stricter where it would silently ignore: the keys per platform of its
 * homeassistant/components/mqtt/{schemas,entity,binary_sensor,event,sensor}.py.
 */
const id = z.string().regex(/^[a-zA-Z0-9_-]+$/);
const topic = z.string().regex(/^[^+#\s]+$/);
const availability = {
  availability: z.array(z.strictObject({ topic })).min(1),
  availability_mode: z.enum(['all', 'any', 'latest']),
};
const entity = {
  ...z.object(availability).partial().shape,
  name: z.string().min(1),
  unique_id: id,
  entity_category: z.literal('diagnostic').optional(),
  json_attributes_topic: topic.optional(),
  json_attributes_template: z.string().optional(),
  state_topic: topic,
  value_template: z.string().optional(),
};
const binarySensor = z.strictObject({
  p: z.literal('binary_sensor'),
  ...entity,
  device_class: z.enum(['safety', 'problem', 'sound']).optional(),
  payload_on: z.string().optional(),
  payload_off: z.string().optional(),
});
const event = z.strictObject({
  p: z.literal('event'),
  ...entity,
  event_types: z.array(z.string()).min(1),
});
const stateClass = z.enum(['measurement', 'total', 'total_increasing']);
const unitsOf: Record<string, string[]> = {
  duration: ['ms', 's', 'min', 'h', 'd'],
  data_size: ['B', 'kB', 'MB'],
};
const sensor = z
  .strictObject({
    p: z.literal('sensor'),
    ...entity,
    device_class: z.enum(['enum', 'duration', 'data_size']).optional(),
    options: z.array(z.string()).min(1).optional(),
    unit_of_measurement: z.string().min(1).optional(),
    state_class: stateClass.optional(),
    suggested_display_precision: z.int().min(0).optional(),
  })
  .refine((s) => (s.device_class === 'enum') === (s.options !== undefined), 'enum and options go together')
  .refine((s) => !s.options || !(s.unit_of_measurement ?? s.state_class), 'an enum has no unit')
  .refine((s) => new Set(s.options).size === (s.options?.length ?? 0), 'options are unique')
  .refine((s) => {
    const units = unitsOf[s.device_class ?? ''];
    return units === undefined || units.includes(s.unit_of_measurement ?? '');
  }, 'the unit fits the device class');

const discovery = z.strictObject({
  dev: z.strictObject({
    ids: z.array(id).min(1),
    name: z.string().min(1),
    mf: z.string(),
    mdl: z.string(),
    sw: z.string(),
  }),
  o: z.strictObject({ name: z.string(), sw: z.string() }),
  ...availability,
  qos: z.union([z.literal(0), z.literal(1)]),
  cmps: z.record(id, z.discriminatedUnion('p', [binarySensor, event, sensor])),
});

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'upstairs' });

function discover(changes: Partial<ModelInfo> = {}) {
  const { topic, payload } = discoveryMessage({
    deviceId: 'upstairs',
    deviceName: 'Bathroom',
    topics,
    model: { ...model, ...changes },
    version: '0.1.0',
    discoveryPrefix: 'homeassistant',
  });
  return { topic, ...discovery.parse(JSON.parse(payload)) };
}

describe('device discovery', () => {
  it('lies on the topic of the device and fits what Home Assistant accepts', () => {
    const { topic, dev, o } = discover();
    expect(topic).toBe('homeassistant/device/upstairs/config');
    expect(dev).toStrictEqual({
      ids: ['bathnet2mqtt_upstairs'],
      name: 'Bathroom',
      mf: 'bathnet2mqtt',
      mdl: 'Sound detector',
      sw: '0.1.0',
    });
    expect(o).toStrictEqual({ name: 'bathnet2mqtt', sw: '0.1.0' });
  });

  it('announces the entities of the contract', () => {
    const names = Object.values(discover().cmps).map(({ p, name }) => `${p} ${name}`);
    expect(names).toStrictEqual([
      'binary_sensor Abnormal sound',
      'event Alarm',
      'sensor Sound',
      'sensor Confidence',
      'sensor Level',
      'binary_sensor Microphone',
      'sensor Engine',
      'sensor Model',
      'sensor Inference time',
      'sensor Dropped windows',
      'sensor Queued events',
      'sensor MQTT reconnects',
      'sensor Uptime',
      'sensor Memory',
    ]);
  });

  it('gives every entity its own unique id with the device in it', () => {
    const ids = Object.values(discover().cmps).map(({ unique_id }) => unique_id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const each of ids) expect(each).toMatch(/^bathnet2mqtt_upstairs_/);
  });

  it('makes exactly the entities that need sound unavailable without it', () => {
    const { availability, availability_mode, cmps } = discover();
    expect(availability).toStrictEqual([{ topic: 'bathnet/upstairs/availability' }]);
    expect(availability_mode).toBe('all');
    const needSound = Object.entries(cmps).filter(([, { availability }]) => availability !== undefined);
    expect(needSound.map(([key]) => key)).toStrictEqual(['alarm', 'event', 'sound', 'confidence', 'level']);
    for (const [, component] of needSound)
      expect(component).toMatchObject({
        availability: [
          { topic: 'bathnet/upstairs/availability' },
          { topic: 'bathnet/upstairs/input/availability' },
        ],
        availability_mode: 'all',
      });
  });

  it('shows a microphone problem while the input is offline', () => {
    expect(discover().cmps.microphone).toMatchObject({
      device_class: 'problem',
      state_topic: 'bathnet/upstairs/input/availability',
      payload_on: 'offline',
      payload_off: 'online',
    });
  });

  it("takes names, options and alarm labels from the model's data", () => {
    const labels = Array.from({ length: 521 }, (_, i) => `Class ${i}`);
    const one = discover({ labels, alarmLabels: ['screaming'] }).cmps;
    expect(one.alarm?.name).toBe('Screaming sound');
    expect(one.sound).toMatchObject({ options: labels });
    const many = discover({ labels, alarmLabels: ['Screaming', 'Glass'] }).cmps;
    expect(many.alarm).toMatchObject({
      name: 'Alarming sound',
      json_attributes_template: '{"labels":["Screaming","Glass"]}',
    });
    expect(JSON.stringify(many)).not.toMatch(/abnormal/i);
  });

  it('has no null anywhere', () => {
    expect(JSON.stringify(discover())).not.toContain('null');
  });
});
