import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mosquitto, type Subscription, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';

const BRIDGE = new URL('../config/fleet/bridge.conf', import.meta.url);
/** More than Mosquitto keeps for a client that is away: an hour of a house with 30 rooms. */
const MANY = 2000;

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
    const bridge = readFileSync(BRIDGE, 'utf8')
      .replaceAll('centre.example:8883', `127.0.0.1:${centre.port}\nrestart_timeout 1`)
      .replace(/^bridge_.*\n/gm, '');
    house = await Mosquitto.start({ config: bridge });
    seen = await centre.collect('bathnet/#', '$SYS/broker/connection/#');
  });
  afterAll(async () => {
    await house?.close();
    await centre?.close();
  });
  const houseIs = (state: string) =>
    until(
      () => seen.messages.some(({ topic, payload }) => topic.endsWith('.centre/state') && payload === state),
      `the house is not said to be ${state}`,
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
