import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOMEPAGE } from '../../src/constants.js';
import { STALE_SECONDS } from '../../src/publish/diagnostics.js';
import { type DiscoveryOptions, discoveryMessages } from '../../src/publish/discovery.js';
import { HEALTH_INTERVAL_MS } from '../../src/publish/reporter.js';
import { topicsOf } from '../../src/publish/topics.js';
import { lacksJinja } from '../support/require.js';
import { deviceDiscovery, parseComponentDiscovery } from './home-assistant.js';
import { ALL_FEATURES, model } from './samples.js';

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'upstairs' });
const options: DiscoveryOptions = {
  mode: 'device',
  deviceId: 'upstairs',
  deviceName: 'Bathroom',
  topics,
  model,
  features: ALL_FEATURES,
  version: '0.1.0',
  discoveryPrefix: 'homeassistant',
};

const ALL = ['threshold', 'hits', 'holdSeconds'] as const;

function discover(changes: Partial<DiscoveryOptions> = {}) {
  const [message, ...rest] = discoveryMessages({ ...options, ...changes });
  expect(rest).toEqual([]);
  const { cmps, ...root } = deviceDiscovery.parse(JSON.parse(message?.payload ?? ''));
  const components = cmps as Record<string, Record<string, unknown>>;
  return { topic: message?.topic, ...root, components };
}

describe('device discovery', () => {
  it('has each sound beside the alarm as a sensor, with what can be set of it', () => {
    const sounds = [
      { id: 'smoke_alarm', name: 'Smoke alarm', adjustable: ALL },
      { id: 'co_alarm', name: 'Carbon monoxide alarm', adjustable: ['holdSeconds'] as const },
      { id: 'dog', name: 'Dog', adjustable: ALL },
    ];
    const { components } = discover({ features: { ...options.features, sounds } });
    expect(components.sound_smoke_alarm).toMatchObject({ p: 'binary_sensor', device_class: 'smoke' });
    expect(components.sound_co_alarm).toMatchObject({ device_class: 'carbon_monoxide' });
    expect(Object.keys(components).filter((key) => key.startsWith('sound_co_alarm'))).toEqual([
      'sound_co_alarm',
      'sound_co_alarm_hold_time',
    ]);
    expect(components.sound_dog).toMatchObject({ name: 'Dog', device_class: 'sound' });
    expect(components.sound_dog?.availability).toHaveLength(2);
    expect(components.sound_dog_threshold).toMatchObject({ p: 'number', enabled_by_default: false, max: 1 });
    expect(components.sound_dog_hits).toMatchObject({
      name: 'Dog hits',
      command_topic: expect.stringMatching(/dog_hits\/set$/),
    });
    expect(components.sound_dog_hold_time).toMatchObject({
      name: 'Dog hold time',
      unit_of_measurement: 's',
      min: 1,
    });
  });

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
    expect(o).toStrictEqual({ name: 'bathnet2mqtt', sw: '0.1.0', url: HOMEPAGE });
    expect(discover({ area: 'Upstairs', pageUrl: 'http://10.0.0.5:8099/' }).dev).toMatchObject({
      sa: 'Upstairs',
      cu: 'http://10.0.0.5:8099/',
    });
  });

  it('announces the entities and triggers of the contract', () => {
    const names = Object.values(discover().components).map(
      ({ p, name, subtype, type }) => `${p} ${name ?? `${subtype} ${type}`}`,
    );
    expect(names).toStrictEqual([
      'binary_sensor Abnormal sound',
      'event Alarm',
      'sensor Sound',
      'sensor Confidence',
      'sensor Level',
      'binary_sensor Water running',
      'binary_sensor Speech',
      'sensor Speech last heard',
      'sensor Water last heard',
      'switch Detection',
      'number Threshold',
      'number Hits',
      'number Window',
      'number Cooldown',
      'button Acknowledge',
      'button Test alarm',
      'button False alarm',
      'button Real alarm',
      'device_automation Alarm started',
      'device_automation Alarm ended',
      'device_automation Alarm acknowledged',
      'device_automation Alarm not acknowledged',
      'device_automation Water running for long',
      'device_automation Long stay without a sound',
      'binary_sensor Microphone',
      'binary_sensor Occupied',
      'binary_sensor Problem',
      'sensor Engine',
      'binary_sensor NPU',
      'sensor Model',
      'sensor Inference time',
      'sensor Dropped windows',
      'sensor Vetoed windows',
      'sensor Queued events',
      'sensor MQTT reconnects',
      'sensor Uptime',
      'sensor Memory',
    ]);
  });

  it('leaves out what the model cannot tell and what nobody keeps', () => {
    const features = {
      water: false,
      speech: false,
      feedback: false,
      occupancy: false,
      npu: false,
      longStay: false,
      quietHours: false,
    };
    const { components } = discover({ features });
    for (const key of [
      'water',
      'speech',
      'last_water',
      'last_speech',
      'false_alarm',
      'real_alarm',
      'occupied',
      'long_stay',
    ])
      expect(components).not.toHaveProperty(key);
  });

  it('gives every entity its own unique id with the device in it', () => {
    const { components } = discover();
    for (const [key, { p, unique_id }] of Object.entries(components))
      expect(unique_id).toBe(p === 'device_automation' ? undefined : `bathnet2mqtt_upstairs_${key}`);
  });

  it('suggests entity ids that say platform, device and meaning', () => {
    const { components } = discover({ deviceName: 'Salle de bain, 1er étage' });
    expect(components.alarm?.default_entity_id).toBe('binary_sensor.salle_de_bain_1er_etage_alarm');
    expect(components.acknowledge?.default_entity_id).toBe('button.salle_de_bain_1er_etage_acknowledge');
    expect(discover({ deviceName: 'バスルーム' }).components.alarm?.default_entity_id).toBe(
      'binary_sensor.upstairs_alarm',
    );
  });

  it('fits whatever the device is called and whatever the model tells', () => {
    const labels = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 });
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9_-]+$/),
        fc.string({ minLength: 1, unit: 'grapheme' }),
        labels,
        fc.constantFrom('device', 'component'),
        (deviceId, deviceName, labels, mode) => {
          const topics = topicsOf({ prefix: 'bathnet', deviceId });
          const changed = { ...options, mode, deviceId, deviceName, topics };
          const messages = discoveryMessages({
            ...changed,
            model: { ...model, labels, alarmLabels: labels },
          });
          for (const { topic, payload } of messages)
            if (mode === 'device') deviceDiscovery.parse(JSON.parse(payload));
            else parseComponentDiscovery(topic, payload);
        },
      ),
      { numRuns: 100 },
    );
  });

  it.skipIf(lacksJinja())('takes no label for a template', () => {
    const labels = ['{{ 6 * 7 }}', '{% x %}', '{#', '}}"\'\\', 'Schläge 😀'];
    const { alarm } = discover({ model: { ...model, labels, alarmLabels: labels } }).components;
    const render = 'import sys, jinja2; print(jinja2.Template(sys.argv[1]).render())';
    const attributes = execFileSync('python3', ['-c', render, String(alarm?.json_attributes_template)]);
    expect(JSON.parse(String(attributes))).toEqual({ labels });
  });

  it('makes exactly the entities that need sound unavailable without it', () => {
    const { availability, availability_mode, components } = discover();
    expect(availability).toStrictEqual([{ topic: 'bathnet/upstairs/availability' }]);
    expect(availability_mode).toBe('all');
    const own = Object.entries(components).filter(([, { availability }]) => availability !== undefined);
    const needSound = own.filter(([key]) => !['microphone', 'event', 'problem'].includes(key));
    // Not the alarm: what becomes of an alarm is to be seen also where the microphone goes away in it.
    expect(needSound.map(([key]) => key)).toStrictEqual([
      ...['sound', 'confidence', 'level', 'water', 'speech'],
    ]);
    for (const [, component] of needSound)
      expect(component).toMatchObject({
        availability: [
          { topic: 'bathnet/upstairs/availability' },
          { topic: 'bathnet/upstairs/input/availability' },
        ],
        availability_mode: 'all',
      });
  });

  it('shows a microphone problem while the input is offline or the daemon gone, and is never unavailable', () => {
    const { microphone } = discover().components;
    expect(microphone).toMatchObject({
      device_class: 'problem',
      state_topic: 'bathnet/upstairs/+',
      value_template: "{% if value in ['offline', 'problem'] %}ON{% elif value == 'fine' %}OFF{% endif %}",
      // Whatever is said there, it is available.
      availability: [{ topic: 'bathnet/upstairs/availability', value_template: 'online' }],
    });
    expect([topics.availability, topics.microphone].map((topic) => topic.split('/').length)).toEqual([3, 3]);
  });

  it('shows events also while the daemon is gone: after an outage they come before it is online', () => {
    const { components } = discover({ model: { ...model, alarmKinds: ['impact'] } });
    const events = Object.values(components).filter(({ p }) => p === 'event');
    expect(events).toHaveLength(2);
    // Whatever is said there, it is available: of several events Home Assistant would show the last one alone.
    for (const event of events)
      expect(event).toMatchObject({
        availability: [{ topic: topics.availability, value_template: 'online' }],
        availability_mode: 'all',
      });
  });

  it('shows when signs of life were last heard, also without sound', () => {
    const { last_speech, last_water } = discover().components;
    expect([last_speech?.state_topic, last_water?.state_topic]).toEqual(Object.values(topics.lastHeard));
    expect(last_water).toMatchObject({ p: 'sensor', device_class: 'timestamp' });
    expect(last_water).not.toHaveProperty('availability');
    expect(last_water).not.toHaveProperty('entity_category');
  });

  it('shows what the daemon has been told of the room, also without sound', () => {
    const { occupied } = discover().components;
    expect(occupied).toMatchObject({
      device_class: 'occupancy',
      entity_category: 'diagnostic',
      state_topic: 'bathnet/upstairs/occupied',
    });
    expect(occupied).not.toHaveProperty('availability');
  });

  it('offers settings as configuration, each with its own state and command', () => {
    const { components } = discover();
    expect(components.threshold).toMatchObject({
      state_topic: 'bathnet/upstairs/threshold',
      command_topic: 'bathnet/upstairs/threshold/set',
      min: 0,
      max: 1,
      step: 0.01,
      entity_category: 'config',
    });
    expect(components.cooldown).toMatchObject({
      command_topic: 'bathnet/upstairs/cooldownSeconds/set',
      unit_of_measurement: 's',
    });
    expect(components.detection).toMatchObject({
      state_topic: 'bathnet/upstairs/enabled',
      command_topic: 'bathnet/upstairs/enabled/set',
    });
    expect(components.false_alarm).toMatchObject({
      command_topic: 'bathnet/upstairs/feedback/set',
      payload_press: 'false_alarm',
    });
  });

  it('offers a sensitivity where the model has kinds of events, and names those that alarm', () => {
    const { components } = discover({ model: { ...model, alarmKinds: ['impact', 'scream'] } });
    expect(components.sensitivity).toMatchObject({
      p: 'select',
      state_topic: 'bathnet/upstairs/sensitivity',
      command_topic: 'bathnet/upstairs/sensitivity/set',
      options: ['low', 'normal', 'high'],
      entity_category: 'config',
    });
    expect(components.alarm).toMatchObject({
      json_attributes_template: '{{ {"labels":["abnormal"],"kinds":["impact","scream"]} | tojson }}',
    });
    expect(discover().components.sensitivity).toBeUndefined();
  });

  it('triggers on the type of an event', () => {
    expect(discover().components.alarm_started).toStrictEqual({
      p: 'device_automation',
      automation_type: 'trigger',
      topic: 'bathnet/upstairs/event',
      value_template: '{{ value_json.event_type }}',
      payload: 'alarm_started',
      type: 'started',
      subtype: 'Alarm',
      qos: 1,
    });
  });

  it('has every kind of alarm as a type of event and as a trigger', () => {
    const { components } = discover({ model: { ...model, alarmKinds: ['impact', 'scream'] } });
    expect(components.alarm_kind).toMatchObject({
      p: 'event',
      event_types: ['impact', 'scream', 'other'],
      state_topic: 'bathnet/upstairs/event',
    });
    expect(components.heard_scream).toMatchObject({
      payload: 'alarm_started scream',
      type: 'heard',
      subtype: 'Scream',
    });
    expect(Object.keys(discover().components).filter((key) => /kind|heard/.test(key))).toEqual([]);
  });

  it('tells Home Assistant of every type of event', () => {
    const { components } = discover();
    expect(components.event?.event_types).toContain('long_stay');
    expect(components.long_stay).toMatchObject({ topic: 'bathnet/upstairs/event', payload: 'long_stay' });
  });

  it("takes names, options and alarm labels from the model's data", () => {
    const labels = Array.from({ length: 521 }, (_, i) => `Class ${i}`);
    const one = discover({ model: { ...model, labels, alarmLabels: ['screaming'] } }).components;
    expect(one.alarm?.name).toBe('Screaming sound');
    expect(one.sound).toMatchObject({ options: labels });
    const many = discover({ model: { ...model, labels, alarmLabels: ['Screaming', 'Glass'] } }).components;
    expect(many.alarm).toMatchObject({
      name: 'Alarming sound',
      json_attributes_template: '{{ {"labels":["Screaming","Glass"]} | tojson }}',
    });
    expect(JSON.stringify(many)).not.toMatch(/abnormal/i);
  });

  it('shows at first no diagnostic that changes all the time', () => {
    const hidden = Object.entries(discover().components).filter(
      ([, { enabled_by_default }]) => enabled_by_default === false,
    );
    expect(hidden.map(([key]) => key)).toEqual(['inference_time', 'uptime', 'memory']);
  });

  it('says all of it in messages below 4 KB where each entity has its own', () => {
    const sounds = [{ id: 'smoke_alarm', name: 'Smoke alarm', adjustable: ALL }];
    const area = 'a'.repeat(200);
    const long = { area, pageUrl: `http://${'b'.repeat(60)}.example:8099/`, deviceName: 'c'.repeat(200) };
    const kinds = ['impact', 'breaking', 'scream', 'distress'];
    const messages = discoveryMessages({
      ...{ ...options, ...long, mode: 'component' },
      model: { ...model, alarmKinds: kinds },
      features: { ...options.features, sounds },
    });
    expect(Math.max(...messages.map(({ payload }) => payload.length))).toBeLessThan(4000);
  });

  it('has no null anywhere', () => {
    expect(JSON.stringify(discoveryMessages(options))).not.toContain('null');
  });

  it('lets Problem alone expire, once health is missing twice: Microphone stays a problem where the daemon is gone', () => {
    const expiring = Object.entries(discover().components).filter(([, each]) => 'expire_after' in each);
    expect(expiring).toMatchObject([
      ['problem', { state_topic: topics.health, expire_after: STALE_SECONDS }],
    ]);
    expect(STALE_SECONDS * 1000).toBeGreaterThan(2 * HEALTH_INTERVAL_MS);
  });
});

describe('quiet hours', () => {
  const features = { ...options.features, quietHours: true };
  const topicOf = (key: string) => `homeassistant/time/upstairs/${key}/config`;

  it.each(['device', 'component'] as const)(
    'are times with a message of their own (%s), which an older Home Assistant does not know',
    (mode) => {
      const messages = discoveryMessages({ ...options, mode, features });
      const times = messages.filter(({ topic }) => topic.includes('/time/'));
      expect(times.map(({ topic }) => topic)).toEqual([topicOf('quiet_from'), topicOf('quiet_to')]);
      expect(parseComponentDiscovery(topicOf('quiet_from'), times[0]?.payload ?? '')).toMatchObject({
        name: 'Quiet hours from',
        state_topic: 'bathnet/upstairs/quietFrom',
        command_topic: 'bathnet/upstairs/quietFrom/set',
        entity_category: 'config',
      });
      for (const { topic, payload } of messages)
        if (!topic.includes('/time/')) expect(payload).not.toContain('Quiet hours');
    },
  );
});

describe('component discovery', () => {
  const messages = discoveryMessages({ ...options, mode: 'component' });

  it('announces the same components, each on a topic of its own that fits what Home Assistant accepts', () => {
    const { components } = discover();
    expect(messages.map(({ topic }) => topic)).toStrictEqual(
      Object.entries(components).map(([key, { p }]) => `homeassistant/${p}/upstairs/${key}/config`),
    );
    for (const { topic, payload } of messages) {
      const key = topic.split('/')[3] as string;
      const expected = { ...components[key] };
      if (expected.p !== 'device_automation') expected.availability_mode = 'all';
      expected.availability ??=
        expected.p === 'device_automation' ? undefined : [{ topic: topics.availability }];
      expect(parseComponentDiscovery(topic, payload)).toEqual(expected);
    }
  });
});
