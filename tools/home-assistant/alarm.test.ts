import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { addAutomation, importBlueprint } from './automations.js';
import { Home, type Room } from './home.js';
import { type Notification, Phone } from './phone.js';

const installed = inject('homeAssistant');
/** Of the rooms' daemons; short, so that the tests are. */
const ESCALATE_SECONDS = 12;
const SILENT_MINUTES = 0.05;
const LONG_STAY_MINUTES = 0.15;
const WATER_MINUTES = 0.1;
const DETECTION_HOURS = 1 / 1200;
/** What the sensors that are made of it ask for. */
const HEALTH = {
  ...{ model: { engine: 'e', name: 'm', version: '1' }, inferenceMs: 1, droppedWindows: 0, vetoed: 0 },
  ...{ memoryMb: 1, uptimeSeconds: 1, mqttReconnects: 0, diskFreeMb: 1 },
};
/** Where an automation of the device triggers says what it was started by. */
const TRIGGERED = 'seen/trigger';

describe.skipIf(!installed)('the blueprint for the phone', () => {
  let home: Home;
  let phone: Phone;
  /** Hears of the bathroom alone. */
  let other: Phone;
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
    const water = `sense.waterMinutes=${WATER_MINUTES}`;
    bathroom = await home.room('bathroom', 'Bathroom', ...set([...rule, water]));
    const stay = `sense.longStayMinutes=${LONG_STAY_MINUTES}`;
    toilet = await home.room('toilet', 'Guest toilet', ...set([...rule, stay]));
    phone = await Phone.register(home.api, 'Phone');
    other = await Phone.register(home.api, "Anna's phone");
    await importBlueprint(home.api, 'blueprint.yaml');
    const gone = await Phone.registerAndRemove(home.api, 'Old phone');
    const mute = await Phone.registerWithoutPush(home.api, 'Tablet');
    const many = {
      ...{ phone: [gone, mute, phone.deviceId, other.deviceId], detection: 'switch.bathroom_detection' },
    };
    const quietly = { critical: false, when_acknowledged: 'replace', when_ended: 'keep' };
    for (const [id, name, choices] of [
      ['bathroom', 'the bathroom', { ...many, detection_hours: DETECTION_HOURS }],
      // One phone, as in automations that were made when no more could be chosen.
      ['guest_toilet', 'the guest toilet', { ...quietly, phone: phone.deviceId, silent_minutes: 1 }],
    ] as const)
      await addAutomation(home.api, `alarm_${id}`, {
        use_blueprint: {
          path: 'bathnet2mqtt/blueprint.yaml',
          input: {
            alarm_event: `event.${id}_event`,
            acknowledge_button: `button.${id}_acknowledge`,
            microphone: `binary_sensor.${id}_microphone`,
            room: name,
            silent_minutes: SILENT_MINUTES,
            ...choices,
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
    await other?.close();
    await home?.close();
  });
  afterEach(async () => {
    if (!installed) return;
    for (const id of ['bathroom', 'guest_toilet']) await home.until(`binary_sensor.${id}_alarm`, 'off');
    before = phone.notifications.length;
  });

  const titles = () => phone.notifications.slice(before).flatMap(({ title }) => title ?? []);
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
    expect(alarm.message).toMatch(/^Heard: (impact|breaking)\. Please look after the bathroom\.$/);
    expect(alarm.data).toMatchObject({
      priority: 'high',
      push: { 'interruption-level': 'critical' },
    });
    // What one phone acknowledges is taken off both.
    expect(await other.waitFor('Alarm in the bathroom')).toMatchObject({ message: alarm.message });
    await phone.tap(alarm, 'I am looking after it');
    await Promise.all([phone, other].map((each) => each.waitForRemoval(alarm.data?.tag)));
    const acknowledged = await eventOf('bathroom', 'alarm_acknowledged');
    expect(acknowledged.attributes.episodeId).toBe(attributes.episodeId);
    const ended = await eventOf('bathroom', 'alarm_ended');
    expect(ended.attributes).toMatchObject({
      ...{ episodeId: attributes.episodeId, endedBy: 'silence', acknowledged: true },
    });
    await new Promise((resolve) => setTimeout(resolve, ESCALATE_SECONDS * 1000));
    expect(titles()).toEqual(['Alarm in the bathroom']);
    // As an alarm, and as its kind.
    const start = ['alarm_started', 'alarm_started'];
    expect(seen.on(TRIGGERED)).toEqual([...start, 'alarm_acknowledged', 'alarm_ended']);
    const kind = await home.api.state('event.bathroom_alarm_kind');
    expect(kind?.attributes).toMatchObject({
      ...{ event_type: attributes.kind, episodeId: attributes.episodeId, test: false },
    });
  });

  it('an alarm that nobody acknowledges is told again, after it was said without a sound that it is quiet', async () => {
    bathroom.microphone.fall();
    const first = await notified('Alarm in the bathroom');
    // The end of an earlier run's alarm, told late, takes no newer one's message.
    const late = { event_type: 'alarm_ended', episodeId: 'older', kind: 'impact', durationSeconds: 1 };
    home.broker.publish('bathnet/bathroom/event', JSON.stringify(late));
    await home.until(`event.bathroom_event`, ({ attributes }) => attributes.episodeId === 'older');
    const quiet = await notified('Alarm in the bathroom: it is quiet again');
    expect(quiet.message).toMatch(
      /^Heard: \w+\. Nobody has acknowledged it\. Please look after the bathroom\.$/,
    );
    const { tag, actions } = first.data ?? {};
    expect(quiet.data).toMatchObject({ tag, actions, push: { 'interruption-level': 'passive' } });
    const again = await notified('Nobody has reacted yet');
    expect(again.message).toMatch(/^Heard: (impact|breaking|abnormal)/);
    expect(again.data).toMatchObject({ tag, actions });
    await eventOf('bathroom', 'alarm_escalated');
    await phone.tap(quiet, 'I am looking after it');
    await phone.waitForRemoval(tag, before);
    expect(titles()).toEqual([first.title, quiet.title, again.title]);
  });

  it('says who looks after an alarm where that is wanted, and is not critical where it is not', async () => {
    toilet.microphone.fall();
    const alarm = await notified('Alarm in the guest toilet');
    expect(alarm.data?.push).toEqual({ 'interruption-level': 'time-sensitive' });
    await eventOf('guest_toilet', 'alarm_ended');
    home.broker.publish('bathnet/toilet/acknowledge/set', '{"by":"Anna"}');
    const { message, data } = await notified('Alarm in the guest toilet: somebody is looking after it');
    expect(message).toMatch(/^Anna acknowledged it \d+ seconds after it began\.$/);
    expect(data).toMatchObject({ tag: alarm.data?.tag, actions: [] });
    expect(titles()).toHaveLength(2);
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

  it('phones that are gone or get no messages keep none after them from being told', async () => {
    const told = other.notifications.length;
    await home.api.act('button.press', { entity_id: 'button.bathroom_test' });
    const { message } = await notified('Test: Alarm in the bathroom');
    expect(message).toBe('The test button was pressed.');
    await other.waitFor('Test: Alarm in the bathroom', told);
    expect(home.homeAssistant.log).toContain('notify.mobile_app_tablet');
  });

  it('the test button takes no message of an alarm, and what it says acknowledges none', async () => {
    bathroom.microphone.fall();
    const alarm = await notified('Alarm in the bathroom');
    await home.api.act('button.press', { entity_id: 'button.bathroom_test' });
    const test = await notified('Test: Alarm in the bathroom');
    expect(test.data?.tag).not.toBe(alarm.data?.tag);
    expect(test.data?.actions).toEqual([]);
    await phone.tap(alarm, 'I am looking after it');
    await phone.waitForRemoval(alarm.data?.tag, before);
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

  it('water that runs for long', async () => {
    bathroom.microphone.water(WATER_MINUTES * 60 + 10);
    const { message, data } = await notified('Water is running in the bathroom');
    expect(message).toMatch(/^It has been running for \d+ minutes\.$/);
    expect(data?.push).toEqual({ 'interruption-level': 'time-sensitive' });
    await home.until('binary_sensor.bathroom_water', 'off');
  });

  it('detection that nobody has switched on again', async () => {
    const entity_id = 'switch.bathroom_detection';
    await home.api.act('switch.turn_off', { entity_id });
    const { message, data } = await notified('Detection is off in the bathroom');
    expect(message).toContain('Nothing is watched over until it is switched on.');
    await home.api.act('switch.turn_on', { entity_id });
    await phone.waitForRemoval(data?.tag, before);
  });

  it('whatever else is wrong, also what comes to it, until it ends', async () => {
    const set = (setting: string, value: string) =>
      home.broker.publish(`bathnet/bathroom/${setting}/set`, value);
    const { state: cooldown } = await home.until(
      'number.bathroom_cooldown',
      ({ state }) => Number(state) >= 0,
    );
    set('cooldownSeconds', '86400');
    const { message, data } = await notified('Problem in the bathroom');
    expect(message).toBe(`For ${SILENT_MINUTES} minutes: the rule will hardly ever alarm.`);
    // Until the daemon says its own again.
    const problems = ['rule_hardly_alarms', 'disk_nearly_full', 'no_sound'];
    const { attributes } = await home.until('binary_sensor.bathroom_problem', 'on');
    expect(attributes.problems).toEqual(['rule_hardly_alarms']);
    home.broker.publish('bathnet/bathroom/health', JSON.stringify({ ...HEALTH, problems }));
    const more = await phone.waitFor('Problem in the bathroom', phone.notifications.length);
    expect(more.message).toBe(
      `For ${SILENT_MINUTES} minutes: the rule will hardly ever alarm; the disk is nearly full.`,
    );
    expect(more.data?.tag).toBe(data?.tag);
    set('cooldownSeconds', String(Number(cooldown)));
    await home.until('binary_sensor.bathroom_problem', 'off');
    await phone.waitForRemoval(data?.tag, before);
    expect(new Set(titles())).toEqual(new Set(['Problem in the bathroom']));
  });

  it('a microphone that gives no sound, then a daemon that is gone', async () => {
    bathroom.microphone.mute();
    const silent = await notified('No sound from the bathroom');
    expect(silent.message).toMatch(/^The microphone has given no sound.+until it is back\.$/);
    bathroom.microphone.unmute();
    await home.until('binary_sensor.bathroom_microphone', 'off');
    await phone.waitForRemoval(silent.data?.tag, before);
    await toilet.daemon.kill('SIGKILL');
    const gone = await notified('No sound from the guest toilet');
    expect(gone.message).toMatch(/^The computer with the microphone or the broker has been gone/);
    expect(titles()).toEqual(['No sound from the bathroom', 'No sound from the guest toilet']);
    toilet = { ...toilet, daemon: home.start(toilet.microphone, 'toilet', 'Guest toilet') };
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

  it('a daemon that was gone already when Home Assistant started', async () => {
    await toilet.daemon.kill('SIGKILL');
    await home.until('binary_sensor.guest_toilet_microphone', 'on');
    await home.homeAssistant.stop();
    const from = phone.notifications.length;
    await home.homeAssistant.run();
    const { message } = await phone.waitFor('No sound from the guest toilet', from);
    expect(message).toMatch(/^The computer with the microphone or the broker has been gone/);
    home.start(toilet.microphone, 'toilet', 'Guest toilet');
    await home.until('binary_sensor.guest_toilet_microphone', 'off');
  });

  it('a daemon that died together with a broker which has kept that it was there, also after a restart of Home Assistant', async () => {
    const seen = await home.broker.subscribe('homeassistant/device/bathroom/config', 'bathnet/bathroom/#');
    await home.broker.stop('SIGKILL'); // so that it says of nobody that he is gone
    await bathroom.daemon.kill('SIGKILL');
    const kept = seen.messages.filter(({ retained }) => retained);
    await notified('No sound from the bathroom');
    let from = phone.notifications.length;
    await home.broker.run();
    for (const { topic, payload } of kept)
      home.broker.publish(topic, payload.replace(/"expire_after":\d+/, '"expire_after":5'), '-r');
    await home.until('binary_sensor.bathroom_microphone', 'off');
    const { message } = await phone.waitFor('No sound from the bathroom', from);
    expect(message).toMatch(/^The computer with the microphone or the broker has been gone/);
    await home.homeAssistant.stop();
    from = phone.notifications.length;
    await home.homeAssistant.run();
    const again = await phone.waitFor('No sound from the bathroom', from);
    expect(again.message).toBe(message);
    await home.until('binary_sensor.bathroom_microphone', 'unknown');
    from = phone.notifications.length;
    home.start(bathroom.microphone, 'bathroom', 'Bathroom');
    await phone.waitForRemoval(again.data?.tag, from);
    await home.until('binary_sensor.bathroom_microphone', 'off');
  });
});
