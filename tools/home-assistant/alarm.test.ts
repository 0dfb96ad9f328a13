import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { addAutomation, importBlueprint } from './automations.js';
import { Home, type Room } from './home.js';
import { type Notification, Phone } from './phone.js';

const installed = inject('homeAssistant');
/** Of the rooms' daemons; short, so that the tests are. */
const ESCALATE_SECONDS = 12;
const SILENT_MINUTES = 0.05;
const LONG_STAY_MINUTES = 0.15;
/** Where an automation of the device triggers says what it was started by. */
const TRIGGERED = 'seen/trigger';

describe.skipIf(!installed)('the blueprint for the phone', () => {
  let home: Home;
  let phone: Phone;
  let bathroom: Room;
  let toilet: Room;
  /** Notifications before the test. */
  let before = 0;

  beforeAll(async () => {
    if (!installed) return;
    home = await Home.start(installed);
    const rule = [
      `sense.escalateSeconds=${ESCALATE_SECONDS}`,
      'sense.escalateTimes=1',
      'alarm.cooldownSeconds=0',
    ];
    const set = (settings: readonly string[]) => settings.flatMap((setting) => ['--set', setting]);
    bathroom = await home.room('bathroom', 'Bathroom', ...set(rule));
    const stay = `sense.longStayMinutes=${LONG_STAY_MINUTES}`;
    toilet = await home.room('toilet', 'Guest toilet', ...set([...rule, stay]));
    phone = await Phone.register(home.api, 'Phone');
    await importBlueprint(home.api, 'blueprint.yaml');
    for (const [id, name] of [
      ['bathroom', 'the bathroom'],
      ['guest_toilet', 'the guest toilet'],
    ] as const)
      await addAutomation(home.api, `alarm_${id}`, {
        use_blueprint: {
          path: 'bathnet2mqtt/blueprint.yaml',
          input: {
            alarm_event: `event.${id}_event`,
            acknowledge_button: `button.${id}_acknowledge`,
            microphone: `binary_sensor.${id}_microphone`,
            phone: phone.deviceId,
            room: name,
            silent_minutes: SILENT_MINUTES,
          },
        },
      });
    const { id: device_id } = await home.device('Bathroom');
    const list = { type: 'device_automation/trigger/list', device_id };
    const triggers = (await home.api.command<{ domain: string }[]>(list)).filter(
      ({ domain }) => domain === 'mqtt',
    );
    const payload = '{{ trigger.payload_json.event_type }}';
    const actions = [{ action: 'mqtt.publish', data: { topic: TRIGGERED, payload } }];
    await addAutomation(home.api, 'triggered', { mode: 'queued', triggers, actions });
    for (const id of ['bathroom', 'guest_toilet']) {
      await home.until(`sensor.${id}_sound`, 'background');
      await home.until(`automation.alarm_${id}`, 'on');
      await home.until(`binary_sensor.${id}_microphone`, 'off');
    }
    before = phone.notifications.length;
  });
  afterAll(async () => {
    await phone?.close();
    await home?.close();
  });
  afterEach(async () => {
    if (!installed) return;
    for (const id of ['bathroom', 'guest_toilet']) await home.until(`binary_sensor.${id}_alarm`, 'off');
    before = phone.notifications.length;
  });

  const titles = () => phone.notifications.slice(before).map(({ title }) => title);
  const notified = (title: string): Promise<Notification> => phone.waitFor(title, before);
  const eventOf = (id: string, type: string) =>
    home.until(`event.${id}_event`, ({ attributes }) => attributes.event_type === type);

  it('an alarm turns Abnormal sound on, is an event, fires the device triggers, and reaches the phone; acknowledged there it is not repeated', async () => {
    const seen = await home.broker.subscribe(TRIGGERED);
    bathroom.microphone.fall();
    await home.until('binary_sensor.bathroom_alarm', 'on');
    const { attributes } = await eventOf('bathroom', 'alarm_started');
    expect(attributes).toMatchObject({
      ...{ label: 'abnormal', test: false, replayed: false, friendly_name: 'Bathroom Alarm' },
      ...{ confidence: expect.any(Number), scores: { abnormal: expect.any(Number) } },
      ...{ episodeId: expect.stringMatching(/^[\da-f-]{36}$/), model: { name: 'bathnet-mini' } },
    });
    const alarm = await notified('Alarm in the bathroom');
    expect(alarm.message).toMatch(/^Heard: abnormal \(\d+ %\)\. Please look after the bathroom\.$/);
    expect(alarm.data).toMatchObject({
      ttl: 0,
      priority: 'high',
      push: { 'interruption-level': 'critical' },
    });
    await phone.tap(alarm, 'I am looking after it');
    const acknowledged = await eventOf('bathroom', 'alarm_acknowledged');
    expect(acknowledged.attributes.episodeId).toBe(attributes.episodeId);
    const ended = await eventOf('bathroom', 'alarm_ended');
    expect(ended.attributes).toMatchObject({ episodeId: attributes.episodeId, endedBy: 'silence' });
    await new Promise((resolve) => setTimeout(resolve, ESCALATE_SECONDS * 1000));
    expect(titles()).toEqual(['Alarm in the bathroom']);
    expect(seen.on(TRIGGERED)).toEqual(['alarm_started', 'alarm_acknowledged', 'alarm_ended']);
  });

  it('an alarm that nobody acknowledges is told again', async () => {
    bathroom.microphone.fall();
    const first = await notified('Alarm in the bathroom');
    const again = await notified('Nobody has reacted yet');
    expect(again.message).toMatch(/^Heard: abnormal/);
    expect(again.data).toMatchObject({ tag: first.data?.tag, actions: first.data?.actions });
    await eventOf('bathroom', 'alarm_escalated');
    expect(titles()).toEqual(['Alarm in the bathroom', 'Nobody has reacted yet']);
  });

  it('two rooms tell of their alarms side by side, and each is acknowledged by itself', async () => {
    bathroom.microphone.fall();
    toilet.microphone.fall();
    const [here, there] = await Promise.all([
      notified('Alarm in the bathroom'),
      notified('Alarm in the guest toilet'),
    ]);
    expect(there.data?.tag).not.toBe(here.data?.tag);
    await phone.tap(there, 'I am looking after it');
    await eventOf('guest_toilet', 'alarm_acknowledged');
    await notified('Nobody has reacted yet');
    await eventOf('bathroom', 'alarm_escalated');
    expect(titles().filter((title) => title === 'Nobody has reacted yet')).toHaveLength(1);
    await phone.tap(here, 'I am looking after it');
    await eventOf('bathroom', 'alarm_acknowledged');
  });

  it('the test button reaches the phone', async () => {
    await home.api.act('button.press', { entity_id: 'button.bathroom_test' });
    const { message } = await notified('Test: Alarm in the bathroom');
    expect(message).toBe('The test button was pressed.');
  });

  it('somebody who stays for long without a sound', async () => {
    home.broker.publish('bathnet/toilet/occupied/set', 'ON');
    const { message, data } = await notified('Long silence in the guest toilet');
    expect(message).toMatch(
      /^Somebody has been there for \d+ minutes.+Please look after the guest toilet\.$/,
    );
    expect(data?.actions).toBeUndefined();
    home.broker.publish('bathnet/toilet/occupied/set', 'OFF');
  });

  it('a microphone that gives no sound, then a daemon that is gone', async () => {
    bathroom.microphone.mute();
    const { message } = await notified('No sound from the bathroom');
    expect(message).toContain('Nothing is watched over until it is back.');
    bathroom.microphone.unmute();
    await home.until('binary_sensor.bathroom_microphone', 'off');
    await toilet.daemon.kill('SIGKILL');
    await notified('No sound from the guest toilet');
    expect(titles()).toEqual(['No sound from the bathroom', 'No sound from the guest toilet']);
    home.start(toilet.microphone, 'toilet', 'Guest toilet');
    await home.until('binary_sensor.guest_toilet_microphone', 'off');
  });

  it('a broker that is gone', async () => {
    await home.broker.stop();
    await notified('No sound from the bathroom');
    await notified('No sound from the guest toilet');
    await home.broker.run();
    await home.until('binary_sensor.bathroom_microphone', 'off');
    await home.until('binary_sensor.guest_toilet_microphone', 'off');
    // Twice for a room whose daemon takes longer to come back than the few seconds that count here.
    expect(new Set(titles())).toEqual(
      new Set(['No sound from the bathroom', 'No sound from the guest toilet']),
    );
  });
});
