import { beforeEach, describe, expect, it } from 'vitest';
import { announcementFor } from '../../src/publish/announcement.js';
import { type DiscoveryOptions, discoveryMessages } from '../../src/publish/discovery.js';
import type { Message } from '../../src/publish/options.js';
import { topicsOf } from '../../src/publish/topics.js';
import { deviceDiscovery } from './home-assistant.js';
import { ALL_FEATURES, model, recordingLog } from './samples.js';

const MIGRATE = '{"migrate_discovery":true}';
const NO_WATER = { ...ALL_FEATURES, water: false };
/** What takes back the states that nobody says then. */
const OF_WATER = ['water', 'last_heard/water'].map((name) => ({
  topic: `bathnet/upstairs/${name}`,
  payload: '',
}));

let files: Map<string, string>;
let log: ReturnType<typeof recordingLog>;
beforeEach(() => {
  files = new Map();
  log = recordingLog();
});

/** One run of the daemon: what it says first; `delivered` is false where the broker never gets it. */
function run(changes: Partial<DiscoveryOptions> = {}, announced = true, delivered = true): Message[] {
  const deviceId = changes.deviceId ?? 'upstairs';
  const store = {
    read: (name: string) => files.get(name),
    write: (name: string, text: string) => files.set(name, text),
  };
  const { first, onDone } = announcementFor(store, optionsOf({ deviceId, ...changes }), announced, log);
  if (first.length > 0 && delivered) onDone();
  return [...first];
}

function optionsOf(changes: Partial<DiscoveryOptions>): DiscoveryOptions {
  return {
    mode: 'device',
    deviceId: 'upstairs',
    deviceName: 'Bathroom',
    topics: topicsOf({ prefix: 'bathnet', deviceId: changes.deviceId ?? 'upstairs' }),
    model,
    features: ALL_FEATURES,
    version: '0.1.0',
    discoveryPrefix: 'homeassistant',
    ...changes,
  };
}

const emptied = (messages: Message[]) =>
  messages.filter(({ payload }) => payload === '').map(({ topic }) => topic);

describe('cleaning up after an earlier run', () => {
  it('does nothing where nothing has changed, or there was none', () => {
    expect(run()).toEqual([]);
    expect(run()).toEqual([]);
    expect(run({ version: '9.0.0', deviceName: 'Other' })).toEqual([]);
  });

  it('takes back entities that are gone, each by its platform alone, and their states', () => {
    run();
    const [removal, ...states] = run({ features: NO_WATER });
    const { cmps } = deviceDiscovery.parse(JSON.parse(removal?.payload ?? ''));
    expect(cmps.water).toEqual({ p: 'binary_sensor' });
    expect(cmps.alarm).toMatchObject({ unique_id: 'bathnet2mqtt_upstairs_alarm' });
    expect(states).toEqual(OF_WATER);
    expect(run({ features: NO_WATER })).toEqual([]);
  });

  it('takes back the sensitivity when another model has no kinds of events', () => {
    run({ model: { ...model, alarmKinds: ['impact'] } });
    const [removal, ...states] = run();
    expect(JSON.parse(removal?.payload ?? '').cmps.sensitivity).toEqual({ p: 'select' });
    expect(states).toEqual([{ topic: 'bathnet/upstairs/sensitivity', payload: '' }]);
  });

  it('takes back what is about who is in the room when nothing depends on it any more', () => {
    run();
    const [removal, ...states] = run({
      features: { ...ALL_FEATURES, occupancy: false, npu: false, longStay: false },
    });
    const { cmps } = deviceDiscovery.parse(JSON.parse(removal?.payload ?? ''));
    expect(cmps.occupied).toEqual({ p: 'binary_sensor' });
    expect(cmps.long_stay).toEqual({ p: 'device_automation' });
    expect(states).toEqual([]); // whoever says it still finds it repeated
  });

  it('takes them back again until the broker has got it', () => {
    run();
    const first = run({ features: NO_WATER }, true, false);
    expect(run({ features: NO_WATER })).toEqual(first);
  });

  it('removes entities of their own topics', () => {
    run({ mode: 'component' });
    expect(run({ mode: 'component', features: { ...ALL_FEATURES, feedback: false } })).toEqual([
      { topic: 'homeassistant/button/upstairs/false_alarm/config', payload: '' },
      { topic: 'homeassistant/button/upstairs/real_alarm/config', payload: '' },
    ]);
  });

  it.each(['device', 'component'] as const)(
    'removes the device of another id with all its states (%s)',
    (mode) => {
      run({ mode });
      const messages = run({ mode, deviceId: 'downstairs' });
      const topics = emptied(messages);
      expect(topics).toHaveLength(messages.length);
      const old = topicsOf({ prefix: 'bathnet', deviceId: 'upstairs' });
      const states = [old.availability, old.settings.threshold, old.health, old.water, old.occupied];
      expect(topics).toEqual(expect.arrayContaining(states));
      const configs = discoveryMessages(optionsOf({ mode })).map(({ topic }) => topic);
      expect(topics.slice(0, configs.length)).toEqual(configs);
      expect(topics.join(' ')).not.toContain('downstairs');
    },
  );

  it('removes the device where it is no longer announced, and keeps its states', () => {
    run();
    expect(run({}, false)).toEqual([{ topic: 'homeassistant/device/upstairs/config', payload: '' }]);
    expect(run({}, false)).toEqual([]);
    expect(run()).toEqual([]);
  });

  it('hands entities over from one message each to one for all, as documented', () => {
    run({ mode: 'component' });
    const messages = run({ mode: 'device' });
    const old = discoveryMessages(optionsOf({ mode: 'component' })).map(({ topic }) => topic);
    expect(messages).toEqual([
      ...old.map((topic) => ({ topic, payload: MIGRATE })),
      ...discoveryMessages(optionsOf({ mode: 'device' })),
      ...old.map((topic) => ({ topic, payload: '' })),
    ]);
  });

  it('hands them back, and removes for good what is gone at the same time', () => {
    run({ mode: 'device' });
    const [removal, ...messages] = run({ mode: 'component', features: NO_WATER });
    expect(JSON.parse(removal?.payload ?? '').cmps.water).toEqual({ p: 'binary_sensor' });
    const topic = 'homeassistant/device/upstairs/config';
    expect(messages).toEqual([
      { topic, payload: MIGRATE },
      ...discoveryMessages(optionsOf({ mode: 'component', features: NO_WATER })),
      { topic, payload: '' },
      ...OF_WATER,
    ]);
  });

  it('leaves a time where it is in both modes, and takes it back from there', () => {
    const features = { ...ALL_FEATURES, quietHours: true };
    const times = ['quiet_from', 'quiet_to'].map((key) => `homeassistant/time/upstairs/${key}/config`);
    run({ mode: 'component', features });
    const handedOver = run({ mode: 'device', features });
    expect(emptied(handedOver).filter((topic) => topic.includes('/time/'))).toEqual([]);
    expect(handedOver.filter(({ payload }) => payload === MIGRATE).length).toBeGreaterThan(20);
    const settings = ['quietFrom', 'quietTo'].map((name) => `bathnet/upstairs/${name}`);
    expect(run().map(({ topic, payload }) => payload || topic)).toEqual([...times, ...settings]);
    run({ features });
    expect(emptied(run({ deviceId: 'cellar' }))).toEqual(
      expect.arrayContaining(['homeassistant/device/upstairs/config', ...times, ...settings]),
    );
  });

  it.each(['', '{', '{"mode":"device"}', JSON.stringify({ states: ['#'] })])(
    'says that it cannot where the record is damaged: %j',
    (text) => {
      files.set('announced.json', text);
      expect(run()).toEqual([]);
      expect(log.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
      expect(run()).toEqual([]);
      expect(log.lines).toHaveLength(1);
    },
  );

  it('says that it cannot where the record cannot be read, and keeps another', () => {
    const read = () => {
      throw new Error('EACCES');
    };
    const store = { read, write: (name: string, text: string) => files.set(name, text) };
    expect(announcementFor(store, optionsOf({}), true, log).first).toEqual([]);
    expect(log.lines.join()).toMatch(/warn what an earlier run has announced is not known/);
    expect(files.get('announced.json')).toMatch(/^{"mode":"device"/);
  });
});
