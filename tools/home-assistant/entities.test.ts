import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { NUMBER_RANGES, SENSITIVITIES } from '../../src/constants.js';
import { lacksBrowser } from '../../test/support/browser.js';
import { until } from '../../test/support/mosquitto.js';
import type { State } from './api.js';
import { Home, type Room } from './home.js';
import { openBrowser, openPage } from './page.js';

const installed = inject('homeAssistant');

/** Entity id, name on the device's page, class, category and a state that it has while all is well. */
const ENTITIES: readonly (readonly [string, string, string | undefined, string | null, RegExp])[] = [
  ['binary_sensor.bathroom_alarm', 'Abnormal sound', 'safety', null, /^off$/],
  ['binary_sensor.bathroom_microphone', 'Microphone', 'problem', 'diagnostic', /^off$/],
  ['binary_sensor.bathroom_occupied', 'Occupied', 'occupancy', 'diagnostic', /^unknown$/],
  ['binary_sensor.bathroom_problem', 'Problem', 'problem', 'diagnostic', /^off$/],
  ['binary_sensor.bathroom_sound_co_alarm', 'Carbon monoxide alarm', 'carbon_monoxide', null, /^off$/],
  ['binary_sensor.bathroom_sound_smoke_alarm', 'Smoke alarm', 'smoke', null, /^off$/],
  ['binary_sensor.bathroom_speech', 'Speech', 'sound', null, /^off$/],
  ['binary_sensor.bathroom_water', 'Water running', 'running', null, /^off$/],
  ['button.bathroom_acknowledge', 'Acknowledge', undefined, null, /^unknown$/],
  ['button.bathroom_false_alarm', 'False alarm', undefined, null, /^unknown$/],
  ['button.bathroom_real_alarm', 'Real alarm', undefined, null, /^unknown$/],
  ['button.bathroom_test', 'Test alarm', undefined, 'diagnostic', /^unknown$/],
  ['event.bathroom_alarm_kind', 'Alarm kind', undefined, null, /^unknown$/],
  ['event.bathroom_event', 'Alarm', undefined, null, /^unknown$/],
  ['number.bathroom_cooldown', 'Cooldown', 'duration', 'config', /^10/],
  ['number.bathroom_hits', 'Hits', undefined, 'config', /^3/],
  ['number.bathroom_threshold', 'Threshold', undefined, 'config', /^0\.\d+$/],
  ['number.bathroom_window', 'Window', undefined, 'config', /^4/],
  ['select.bathroom_sensitivity', 'Sensitivity', undefined, 'config', /^normal$/],
  ['sensor.bathroom_confidence', 'Confidence', undefined, null, /^\d+(\.\d+)?$/],
  ['sensor.bathroom_dropped_windows', 'Dropped windows', undefined, 'diagnostic', /^\d+$/],
  ['sensor.bathroom_engine', 'Engine', undefined, 'diagnostic', /^onnxruntime|tfjs/],
  ['sensor.bathroom_last_speech', 'Speech last heard', 'timestamp', null, /^unknown$/],
  ['sensor.bathroom_last_water', 'Water last heard', 'timestamp', null, /^unknown$/],
  ['sensor.bathroom_level', 'Level', undefined, null, /^-\d+(\.\d+)?$/],
  ['sensor.bathroom_model', 'Model', undefined, 'diagnostic', /^bathnet-mini \d/],
  ['sensor.bathroom_mqtt_reconnects', 'MQTT reconnects', undefined, 'diagnostic', /^0$/],
  ['sensor.bathroom_queued_events', 'Queued events', undefined, 'diagnostic', /^0$/],
  ['sensor.bathroom_sound', 'Sound', 'enum', null, /^background$/],
  ['sensor.bathroom_vetoed', 'Vetoed windows', undefined, 'diagnostic', /^0$/],
  ['switch.bathroom_detection', 'Detection', undefined, null, /^on$/],
  ['time.bathroom_quiet_from', 'Quiet hours from', undefined, 'config', /^22:00:00$/],
  ['time.bathroom_quiet_to', 'Quiet hours to', undefined, 'config', /^07:00:00$/],
];

/** There, but only for those who look for it. */
const DISABLED = [
  ['number.bathroom_sound_co_alarm_hold_time', 'Carbon monoxide alarm hold time', 'config'],
  ['number.bathroom_sound_smoke_alarm_hits', 'Smoke alarm hits', 'config'],
  ['number.bathroom_sound_smoke_alarm_hold_time', 'Smoke alarm hold time', 'config'],
  ['number.bathroom_sound_smoke_alarm_threshold', 'Smoke alarm threshold', 'config'],
  ['sensor.bathroom_inference_time', 'Inference time', 'diagnostic'],
  ['sensor.bathroom_memory', 'Memory', 'diagnostic'],
  ['sensor.bathroom_uptime', 'Uptime', 'diagnostic'],
];
const SETTINGS = [
  ...['sense.longStayMinutes=30', 'device.area=Upstairs', 'web.enabled=true'],
  ...['web.url=http://bathroom.example:8099/', 'web.port=0', 'discovery.birthTopic=home/birth'],
  ...['quietHours.from=22:00', 'quietHours.to=7:00', 'quietHours.threshold=0.8'],
].flatMap((setting) => ['--set', setting]);

describe.skipIf(!installed)('Home Assistant', () => {
  let home: Home;
  let room: Room;
  beforeAll(async () => {
    if (!installed) return;
    home = await Home.start(installed);
    room = await home.room('bathroom', 'Bathroom', ...SETTINGS);
  });
  afterAll(() => home?.close());

  const states = async () => {
    const ids = ENTITIES.map(([id]) => id);
    return (await home.api.states()).filter(({ entity_id }) => ids.includes(entity_id));
  };
  const unavailable = async () =>
    (await states()).filter(({ state }) => state === 'unavailable').map(({ entity_id }) => entity_id);

  it('knows the device', async () => {
    const { identifiers, manufacturer, model, sw_version, ...device } = await home.device('Bathroom');
    expect({ identifiers, manufacturer, model }).toEqual({
      identifiers: [['mqtt', 'bathnet2mqtt_bathroom']],
      manufacturer: 'bathnet2mqtt',
      model: 'Sound detector',
    });
    expect(sw_version).toMatch(/^\d+\.\d+/);
    expect(device.configuration_url).toBe('http://bathroom.example:8099/');
    const areas = await home.api.command<{ area_id: string; name: string }[]>({
      type: 'config/area_registry/list',
    });
    expect(areas.find(({ area_id }) => area_id === device.area_id)?.name).toBe('Upstairs');
  });

  it('has every entity under its name, with class and category, and no other', async () => {
    const entities = await home.entities(await home.device('Bathroom'));
    const byId = ([a]: unknown[], [b]: unknown[]) => String(a).localeCompare(String(b));
    const known = entities.map((each) => [each.entity_id, each.original_name, each.entity_category]);
    const expected = [...ENTITIES.map(([id, name, , category]) => [id, name, category]), ...DISABLED];
    expect(known.sort(byId)).toEqual(expected.sort(byId));
    const now = new Map((await states()).map((state) => [state.entity_id, state]));
    expect(ENTITIES.map(([id]) => [id, now.get(id)?.attributes.device_class])).toEqual(
      ENTITIES.map(([id, , deviceClass]) => [id, deviceClass]),
    );
  });

  it.each(ENTITIES)('shows the state of %s', async (id, _name, _class, _category, usual) => {
    await home.until(id, ({ state }) => usual.test(state));
  });

  it('says what the alarm listens for, and the ranges and choices of settings', async () => {
    const attributes = async (id: string) => (await home.api.state(id))?.attributes;
    expect(await attributes('binary_sensor.bathroom_alarm')).toMatchObject({
      labels: ['abnormal'],
      kinds: expect.arrayContaining(['impact', 'scream']),
    });
    expect(await attributes('select.bathroom_sensitivity')).toMatchObject({ options: [...SENSITIVITIES] });
    expect(await attributes('number.bathroom_threshold')).toMatchObject(NUMBER_RANGES.threshold);
    expect(await attributes('event.bathroom_event')).toMatchObject({
      event_types: expect.arrayContaining(['alarm_started', 'alarm_escalated', 'test']),
    });
    expect(await attributes('event.bathroom_alarm_kind')).toMatchObject({
      event_types: ['impact', 'breaking', 'scream', 'distress', 'other'],
    });
  });

  it('offers the device triggers', async () => {
    const { id } = await home.device('Bathroom');
    const command = { type: 'device_automation/trigger/list', device_id: id };
    const triggers = await home.api.command<{ domain: string; type: string; subtype: string }[]>(command);
    const ours = triggers.filter(({ domain }) => domain === 'mqtt');
    expect(ours.map(({ subtype, type }) => `${subtype} ${type}`).sort()).toEqual([
      'Alarm acknowledged',
      'Alarm ended',
      'Alarm not acknowledged',
      'Alarm started',
      'Breaking heard',
      'Distress heard',
      'Impact heard',
      'Long stay without a sound',
      'Scream heard',
      'Water running for long',
    ]);
  });

  it.skipIf(lacksBrowser())('shows the dashboard that ships, and every entity in it', async () => {
    const browser = await openBrowser();
    try {
      const page = await openPage(browser, home.api, { viewport: { width: 1280, height: 1000 } });
      await page.goto(`${home.homeAssistant.url}/bath-room/bathroom`);
      for (const text of ['Is everything all right?', 'Abnormal sound', 'Threshold', 'Engine'])
        await page.getByText(text).first().waitFor({ timeout: 60_000 });
      const missing = page.locator('hui-warning, hui-warning-element, hui-error-card');
      expect(await missing.allTextContents()).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  describe('commands and is told', () => {
    /** The setting is changed over there, then over here: both know it. */
    it.each<[string, string, object, string, string, string]>([
      ['number.bathroom_threshold', 'number.set_value', { value: 0.75 }, 'threshold', '0.75', '0.65'],
      ['number.bathroom_hits', 'number.set_value', { value: 2 }, 'hits', '2', '3'],
      ['number.bathroom_window', 'number.set_value', { value: 5 }, 'window', '5', '4'],
      ['number.bathroom_cooldown', 'number.set_value', { value: 20 }, 'cooldownSeconds', '20', '30'],
      [
        'select.bathroom_sensitivity',
        'select.select_option',
        { option: 'high' },
        'sensitivity',
        'high',
        'low',
      ],
      ['switch.bathroom_detection', 'switch.turn_off', {}, 'enabled', 'OFF', 'ON'],
      ['time.bathroom_quiet_from', 'time.set_value', { time: '23:15:00' }, 'quietFrom', '23:15', '21:30'],
      ['time.bathroom_quiet_to', 'time.set_value', { time: '08:00:00' }, 'quietTo', '08:00', '06:45'],
    ])('%s', async (entity_id, action, data, setting, there, here) => {
      const seen = await home.broker.subscribe('bathnet/#');
      const topic = `bathnet/bathroom/${setting}`;
      await home.api.act(action, { entity_id, ...data });
      await seen.waitFor(topic, (payload) => payload === there);
      await home.until(entity_id, ({ state }) => sameAs(state, there));
      home.broker.publish(`${topic}/set`, here);
      await home.until(entity_id, ({ state }) => sameAs(state, here));
      await seen.close();
    });

    it('refuses what is out of range', async () => {
      const wrong = { entity_id: 'number.bathroom_threshold', value: 2 };
      await expect(home.api.act('number.set_value', wrong)).rejects.toThrow('400');
      home.broker.publish('bathnet/bathroom/threshold/set', '7');
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(Number((await home.api.state('number.bathroom_threshold'))?.state)).toBe(0.65);
    });

    it('the button Test alarm, which is an event', async () => {
      await home.api.act('button.press', { entity_id: 'button.bathroom_test' });
      const { attributes } = await home.until(
        'event.bathroom_event',
        (now) => now.attributes.event_type === 'test',
      );
      expect(attributes).toMatchObject({ test: true, replayed: false });
    });

    it('whether somebody is in the room', async () => {
      home.broker.publish('bathnet/bathroom/occupied/set', 'ON');
      await home.until('binary_sensor.bathroom_occupied', 'on');
      home.broker.publish('bathnet/bathroom/occupied/set', 'None');
      await home.until('binary_sensor.bathroom_occupied', 'unknown');
    });
  });

  /** On a busy machine the microphone may have stood still, too. */
  const allThere = () =>
    until(async () => (await unavailable()).length === 0, 'something is unavailable', 60_000);

  /** What cannot be said without sound. */
  const HEARD = ['confidence', 'level', 'sound'].map((key) => `sensor.bathroom_${key}`);
  const SENSED = ['sound_co_alarm', 'sound_smoke_alarm', 'speech', 'water'].map(
    (key) => `binary_sensor.bathroom_${key}`,
  );

  it('shows what cannot be heard as unavailable, and the microphone as a problem', async () => {
    await allThere();
    room.microphone.mute();
    await home.until('binary_sensor.bathroom_microphone', 'on');
    await home.until('sensor.bathroom_sound', 'unavailable');
    expect((await unavailable()).sort()).toEqual([...SENSED, ...HEARD].sort());
    room.microphone.unmute();
    await home.until('binary_sensor.bathroom_microphone', 'off');
    await allThere();
  });

  it('shows all but microphone, problem and events as unavailable while the daemon is gone', async () => {
    await room.daemon.kill('SIGKILL');
    await home.until('binary_sensor.bathroom_microphone', 'on');
    await home.until('switch.bathroom_detection', 'unavailable');
    const others = ENTITIES.map(([id]) => id).filter((id) => !/^event|_(microphone|problem)$/.test(id));
    expect((await unavailable()).sort()).toEqual(others.sort());
  });

  it('has complained about nothing', () => {
    expect(complaints(home.homeAssistant.log)).toEqual([]);
  });
});

function sameAs(state: State['state'], payload: string): boolean {
  const same = state.toUpperCase() === payload.toUpperCase() || Number(state) === Number(payload);
  return same || state === `${payload}:00`; // a time of day has seconds there
}

/** Warnings and errors that have to do with MQTT; that something took long is the machine's. */
const complaints = (log: string) =>
  log
    .split('\n')
    .filter(
      (line) => /WARNING|ERROR/.test(line) && /mqtt|bathnet/i.test(line) && !/took [\d.]+ sec/.test(line),
    );
