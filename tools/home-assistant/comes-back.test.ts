import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { until } from '../../test/support/mosquitto.js';
import { TcpProxy } from '../../test/support/proxy.js';
import { addAutomation, importBlueprint } from './automations.js';
import { type Entity, Home, type Room } from './home.js';
import { Phone } from './phone.js';

const installed = inject('homeAssistant');
/** In which an alarm begins and ends. */
const ALARM_MS = 15_000;
/** Times are announced in another way than all else. */
const QUIET = ['from=04:00', 'to=04:01', 'threshold=0.6'].flatMap((key) => ['--set', `quietHours.${key}`]);
/** Longer than each restart: what is repeated then is so because Home Assistant is back. */
const ESCALATE = [...QUIET, '--set', 'sense.escalateSeconds=600'];
/** Nobody's presence matters, so that there is no entity Occupied. */
const ALONE = [
  ...QUIET,
  ...['Silence', 'Voice'].flatMap((after) => ['--set', `sense.thump${after}Seconds=0`]),
];

describe.skipIf(!installed)('all is back, and nothing twice,', () => {
  let home: Home;
  let room: Room;
  let phone: Phone;
  /** What Home Assistant has of the room before anything is restarted, and what a person has made of it. */
  let entities: Entity[];
  /** Notifications before the test. */
  let told = 0;

  beforeAll(async () => {
    if (!installed) return;
    home = await Home.start(installed);
    room = await home.room('bathroom', 'Bathroom', ...ESCALATE);
    phone = await Phone.register(home.api, 'Phone');
    await importBlueprint(home.api, 'blueprint.yaml');
    const input = {
      ...{ alarm_event: 'event.bathroom_event', acknowledge_button: 'button.bathroom_acknowledge' },
      ...{ microphone: 'binary_sensor.bathroom_microphone', phone: phone.deviceId, silent_minutes: 3 },
    };
    const use_blueprint = { path: 'bathnet2mqtt/blueprint.yaml', input };
    await addAutomation(home.api, 'alarm', { use_blueprint });
    await home.api.command({
      type: 'config/entity_registry/update',
      ...{ entity_id: 'sensor.bathroom_level', name: 'How loud', new_entity_id: 'sensor.how_loud' },
    });
    await wellAgain();
    entities = await registered();
  });
  beforeEach(() => {
    told = phone?.notifications.length ?? 0;
  });
  afterAll(async () => {
    await phone?.close();
    await home?.close();
  });

  const titles = () => phone.notifications.slice(told).flatMap(({ title }) => title ?? []);
  const registered = async (name = 'Bathroom') =>
    (await home.entities(await home.device(name))).map(({ entity_id, unique_id, ...rest }) => ({
      ...{ entity_id, unique_id },
      ...{ original_name: rest.original_name, entity_category: rest.entity_category },
    })) as Entity[];

  async function wellAgain(): Promise<void> {
    await home.until('sensor.bathroom_sound', 'background');
    await home.until('sensor.how_loud', ({ state }) => Number(state) < 0);
    await home.until('binary_sensor.bathroom_microphone', 'off');
    await home.until('binary_sensor.bathroom_alarm', 'off');
    await home.until('time.bathroom_quiet_to', '04:01:00');
    await home.until('sensor.bathroom_model', ({ state }) => state.startsWith('bathnet-mini'));
  }

  async function nothingTwice(): Promise<void> {
    expect((await home.devices()).map(({ name }) => name)).toEqual(['Bathroom']);
    expect(await registered()).toEqual(entities);
  }

  it('after a restart of Home Assistant: what the phone was told is not told again, and an alarm of that time is told and repeated', async () => {
    await home.api.act('button.press', { entity_id: 'button.bathroom_test' });
    await phone.waitFor('Test: Alarm in the bathroom', told);
    await home.homeAssistant.stop();
    room.microphone.fall();
    // It has begun and ended before anybody is there who could tell it, so it is kept until somebody is.
    await new Promise((resolve) => setTimeout(resolve, ALARM_MS));
    await home.homeAssistant.run();
    await wellAgain();
    await nothingTwice();
    await phone.tap(await phone.waitFor('Nobody has reacted yet', told), 'I am looking after it');
    expect(titles()).toEqual([
      'Test: Alarm in the bathroom',
      'Alarm in the bathroom',
      'Alarm in the bathroom: it is quiet again',
      'Nobody has reacted yet',
    ]);
    // The broker may be gone before this arrives: Home Assistant keeps it then, and says it of the next alarm.
  });

  it('after a restart of the broker, which keeps nothing: an alarm of that time is repeated', async () => {
    await home.broker.stop();
    await home.until('switch.bathroom_detection', 'unavailable');
    room.microphone.fall();
    await new Promise((resolve) => setTimeout(resolve, ALARM_MS));
    await home.broker.run();
    // The daemon is there again before Home Assistant is, which may miss the alarm itself.
    await phone.tap(await phone.waitFor('Nobody has reacted yet', told), 'I am looking after it');
    await wellAgain();
    await nothingTwice();
    expect(titles().filter((title) => !title.startsWith('Alarm in the bathroom'))).toEqual([
      'Nobody has reacted yet',
    ]);
  });

  it('after an outage of the daemon alone: that an alarm of that time began is told, and that it is over', async () => {
    const proxy = await TcpProxy.before(home.broker.port);
    await room.daemon.kill();
    restart('bathroom', 'Bathroom', ...ESCALATE, '--mqtt-url', proxy.url);
    await wellAgain();
    proxy.set({ toBroker: 'drop', toClient: 'drop' });
    proxy.cut();
    await home.until('switch.bathroom_detection', 'unavailable');
    room.microphone.fall();
    await until(() => room.daemon.stderr.includes('alarm_ended'), 'the alarm is not over', 60_000);
    proxy.set({});
    const [alarm, quiet] = ['Alarm in the bathroom', 'Alarm in the bathroom: it is quiet again'];
    await phone.tap(await phone.waitFor(quiet, told), 'I am looking after it');
    expect(titles()).toEqual([alarm, quiet]);
    await wellAgain();
    await proxy.close();
  });

  it('after a restart of the daemon', async () => {
    await room.daemon.kill();
    await home.until('binary_sensor.bathroom_microphone', 'on');
    restart('bathroom', 'Bathroom', ...ESCALATE);
    await wellAgain();
    await nothingTwice();
    expect(titles()).toEqual([]);
  });

  it('where an entity has gone', async () => {
    await room.daemon.kill();
    restart('bathroom', 'Bathroom', ...ALONE);
    await wellAgain();
    const occupied = ({ entity_id }: Entity) => entity_id === 'binary_sensor.bathroom_occupied';
    entities = entities.filter((entity) => !occupied(entity));
    await nothingTwice();
  });

  it.each(['component', 'device'])(
    'as it is announced in mode %s, having been so in the other',
    async (mode) => {
      await room.daemon.kill();
      restart('bathroom', 'Bathroom', ...ALONE, '--set', `discovery.mode=${mode}`);
      await wellAgain();
      await nothingTwice();
    },
  );

  it('where the device gets another name: entities keep their ids', async () => {
    await room.daemon.kill();
    restart('bathroom', 'Small bathroom', ...ALONE);
    await home.device('Small bathroom');
    await wellAgain();
    expect((await home.devices()).map(({ name }) => name)).toEqual(['Small bathroom']);
    expect(await registered('Small bathroom')).toEqual(entities);
  });

  it('where the device gets another id: it is another one, and the old one is gone', async () => {
    await room.daemon.kill();
    restart('washroom', 'Washroom', ...ALONE);
    await home.device('Washroom');
    await home.until('sensor.washroom_sound', 'background');
    expect((await home.devices()).map(({ name }) => name)).toEqual(['Washroom']);
    expect(await registered('Washroom')).toHaveLength(entities.length);
  });

  function restart(id: string, name: string, ...args: readonly string[]): void {
    room = { ...room, daemon: home.start(room.microphone, id, name, ...args) };
  }
});
