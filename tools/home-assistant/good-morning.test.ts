import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { addAutomation, importBlueprint } from './automations.js';
import { Home, type Room } from './home.js';
import { TIME_ZONE } from './instance.js';
import { Phone } from './phone.js';

const installed = inject('homeAssistant');
/** Until the hour comes at which something should have been heard: Home Assistant has to know of it before. */
const AHEAD_SECONDS = 4;
const ROOMS = ['bathroom', 'guest_toilet'];
const ACTED = 'seen/morning';

const date = (aheadSeconds: number) => new Date(Date.now() + aheadSeconds * 1000);
/** `09:59:58` there. */
const timeOfDay = (aheadSeconds: number) =>
  date(aheadSeconds).toLocaleTimeString('en-GB', { timeZone: TIME_ZONE });
/** `mon` there. */
const weekday = (aheadSeconds: number) =>
  date(aheadSeconds).toLocaleDateString('en', { timeZone: TIME_ZONE, weekday: 'short' }).toLowerCase();

describe.skipIf(!installed)('the blueprint for the morning', () => {
  let home: Home;
  let phone: Phone;
  /** Before it are one that is gone and one that gets no messages. */
  let phones: string[];
  let bathroom: Room;
  let toilet: Room;

  beforeAll(async () => {
    if (!installed) return;
    home = await Home.start(installed);
    bathroom = await home.room('bathroom', 'Bathroom');
    toilet = await home.room('toilet', 'Guest toilet');
    phone = await Phone.register(home.api, 'Phone');
    const gone = await Phone.registerAndRemove(home.api, 'Old phone');
    phones = [gone, await Phone.registerWithoutPush(home.api, 'Tablet'), phone.deviceId];
    await importBlueprint(home.api, 'good-morning.yaml');
    for (const id of ROOMS) {
      await home.until(`sensor.${id}_sound`, 'background');
      await home.until(`binary_sensor.${id}_microphone`, 'off');
    }
  });
  afterAll(async () => {
    await phone?.close();
    await home?.close();
  });

  let mornings = 0;
  /** A morning that begins so many seconds ago, and ends in some. @returns what the phone is told after that */
  const morning = async (beganSecondsAgo: number, choices: object = {}) => {
    const before = phone.notifications.length;
    const alias = `morning_${++mornings}`;
    const by = timeOfDay(AHEAD_SECONDS);
    await addAutomation(home.api, alias, {
      use_blueprint: {
        path: 'bathnet2mqtt/good-morning.yaml',
        input: {
          last_heard: ROOMS.flatMap((id) => [`sensor.${id}_last_speech`, `sensor.${id}_last_water`]),
          microphones: ROOMS.map((id) => `binary_sensor.${id}_microphone`),
          ...{ since: timeOfDay(-beganSecondsAgo), by, phone: phones },
          actions: [
            { action: 'mqtt.publish', data: { topic: ACTED, payload: '{{ finding }}: {{ title }}' } },
          ],
          ...choices,
        },
      },
    });
    await home.until(`automation.${alias}`, 'on');
    const over = async () => {
      await new Promise((resolve) => setTimeout(resolve, (AHEAD_SECONDS + 3) * 1000));
      return phone.notifications.slice(before);
    };
    return {
      before,
      nothing: `No sign of life by ${by.slice(0, 5)}`,
      over,
      end: () => home.api.act('automation.turn_off', { entity_id: `automation.${alias}` }),
    };
  };

  it('tells when nothing was heard in any of the rooms, and once more when something is, whichever phones are gone', async () => {
    const seen = await home.broker.subscribe(ACTED);
    const { before, nothing, end } = await morning(60);
    const { title, message, data } = await phone.waitFor(nothing, before);
    expect(message).toMatch(/^Neither speech nor water was heard since \d\d:\d\d: Bathroom, Guest toilet\.$/);
    expect(data?.push).toEqual({ 'interruption-level': 'time-sensitive' });
    toilet.microphone.speak();
    const up = await phone.waitFor('Somebody is up', before);
    expect(up.message).toMatch(/^Heard at \d\d:\d\d: Bathroom, Guest toilet\.$/);
    expect(up.data).toMatchObject({ tag: data?.tag, push: { 'interruption-level': 'passive' } });
    await seen.waitFor(ACTED, (payload) => payload.startsWith('sign'));
    expect(seen.on(ACTED)).toEqual([`no_sign: ${title}`, 'sign: Somebody is up']);
    await end();
  });

  it('tells it once Home Assistant is back that was away at that hour, and waits for a sign', async () => {
    await home.until('binary_sensor.guest_toilet_speech', 'off'); // of the test before: no sign of this morning
    const aheadSeconds = 40; // Home Assistant takes some of them to end
    const passed = Date.now() + aheadSeconds * 1000;
    const by = timeOfDay(aheadSeconds);
    const { before, end } = await morning(0, { since: timeOfDay(0), by });
    await home.homeAssistant.stop();
    expect(Date.now()).toBeLessThan(passed);
    await new Promise((resolve) => setTimeout(resolve, passed + 1000 - Date.now()));
    await home.homeAssistant.run();
    await phone.waitFor(`No sign of life by ${by.slice(0, 5)}`, before);
    toilet.microphone.speak();
    await phone.waitFor('Somebody is up', before);
    await end();
  });

  it('tells nothing when something was heard, or on another day', async () => {
    bathroom.microphone.water(6);
    const heard = await home.until('sensor.bathroom_last_water', ({ state }) => state !== 'unknown');
    expect(Date.now() - Date.parse(heard.state)).toBeLessThan(60_000);
    await home.until('binary_sensor.bathroom_water', 'off');
    const { over, end } = await morning(120);
    const another = await morning(-AHEAD_SECONDS, { weekdays: [weekday(48 * 3600)] });
    expect([...(await over()), ...(await another.over())]).toEqual([]);
    await end();
  });

  it('names a room whose microphone is gone; and says only that where all are gone', async () => {
    await toilet.daemon.kill('SIGKILL');
    await home.until('binary_sensor.guest_toilet_microphone', 'on');
    const first = await morning(0);
    const { message } = await phone.waitFor(first.nothing, first.before);
    expect(message).toMatch(/Last heard: 2\d{3}-.+\. No sound comes from Guest toilet\.$/);
    await first.end();
    bathroom.microphone.mute();
    await home.until('binary_sensor.bathroom_microphone', 'on');
    const second = await morning(0);
    const deaf = await phone.waitFor('No microphone hears whether somebody is up', second.before);
    expect(deaf.message).toContain('No sound comes from Bathroom, Guest toilet');
    await second.end();
  });
});
