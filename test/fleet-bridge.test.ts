import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mosquitto, type Subscription, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';

const BRIDGE = new URL('../config/fleet/bridge.conf', import.meta.url);
/** More than Mosquitto keeps for a client that is away: an hour of a house with 30 rooms. */
const MANY = 2000;
/** Over two seconds, in which who is pushed off is gone twice. */
const COMMANDS = 20;

describe.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))('a house with a centre', () => {
  let centre: Mosquitto;
  let house: Mosquitto;
  let seen: Subscription;
  const say = (topic: string, payload: string, ...more: string[]) =>
    execFileSync('mosquitto_pub', ['-p', `${house.port}`, '-q', '1', '-t', topic, ...more], {
      input: payload,
    });

  beforeAll(async () => {
    centre = await Mosquitto.start({ persistent: true });
    house = await startHouse('north');
    seen = await centre.collect('bathnet/#', '$SYS/broker/connection/#');
  });
  afterAll(async () => {
    await house?.close();
    await centre?.close();
  });
  /** As its file says, but for TLS. */
  const startHouse = (name: string) => {
    const config = readFileSync(BRIDGE, 'utf8')
      .replaceAll('HOUSE', name)
      .replaceAll('centre.example:8883', `127.0.0.1:${centre.port}\nrestart_timeout 1`)
      .replace(/^bridge_.*\n/gm, '');
    return Mosquitto.start({ config });
  };
  const houseIs = (state: string, name = 'north') =>
    until(
      () => seen.on(`$SYS/broker/connection/${name}.centre/state`).includes(state),
      `${name} is not said to be ${state}`,
    );

  it('sends an alarm on that came while the centre was away, whatever else was said, and how things are', async () => {
    await houseIs('1');
    await centre.stop();
    say('bathnet/north-101/health', '{"problems":[]}\n'.repeat(MANY), '-l');
    say('bathnet/north-101/event', '{"id":"a","event_type":"alarm_started"}', '-s');
    say('bathnet/north-101/alarm', 'ON', '-s', '-r');
    await centre.run();
    await seen.waitFor('bathnet/north-101/alarm', (payload) => payload === 'ON');
    await seen.waitFor('bathnet/north-101/event', (payload) => payload.includes('alarm_started'));
  });

  it('has a place at the centre beside another one on a computer of the same name', async () => {
    const south = await startHouse('south');
    try {
      await houseIs('1');
      await houseIs('1', 'south');
      const commands = await Promise.all([house, south].map((each) => each.subscribe('bathnet/+/+/set')));
      for (let i = 0; i < COMMANDS; i++) {
        centre.publish('bathnet/south-101/threshold/set', `${i}`, '-q', '1');
        await sleep(100);
      }
      for (const each of commands) expect(each.on('bathnet/south-101/threshold/set')).toHaveLength(COMMANDS);
      expect(seen.on('$SYS/broker/connection/north.centre/state').slice(-1)).toEqual(['1']);
    } finally {
      await south.close();
    }
  });

  it('hears what the centre commands, and the centre when the house is gone', async () => {
    const commands = await house.subscribe('bathnet/+/+/set');
    await until(() => {
      centre.publish('bathnet/north-101/acknowledge/set', 'PRESS');
      return commands.on('bathnet/north-101/acknowledge/set').length > 0;
    }, 'the command does not arrive');
    await house.stop('SIGKILL');
    await houseIs('0');
    expect(seen.on('bathnet/north-101/alarm').at(-1)).toBe('ON');
  });
});
