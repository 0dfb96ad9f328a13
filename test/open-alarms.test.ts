import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NO_BROKER, tellAlarm } from './support/alarm-source.js';
import { Mosquitto, type Subscription } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');

/** Where it is killed: between any two steps of an alarm's life at which something is sent, kept or forgotten. */
const DELIVERED = [
  'told started',
  'before alarm of started kept',
  'after alarm of started kept',
  'told ended',
  'before alarm of ended removed',
  'after alarm of ended removed',
];
const AWAY = [
  'told started',
  'after event of started kept',
  'after alarm of started kept',
  'told ended',
  'after event of ended kept',
  'after alarm of ended removed',
];

/** Of the alarm in which it is killed there. */
const idOf = (how: 'kept' | 'delivered', at: string | undefined) => `${how} ${at}`.replaceAll(' ', '-');

let broker: Mosquitto;
let seen: Subscription;
let folder: string;
beforeAll(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), 'bathnet-open-alarms-'));
  broker = await Mosquitto.start();
  seen = await broker.subscribe('bathnet/test/#');
});
afterAll(async () => {
  if (skip) return;
  await broker.close();
  await rm(folder, { recursive: true, force: true });
});

interface Told {
  readonly event_type: string;
  readonly episodeId: string;
  readonly id: string;
  readonly endedBy?: string;
}

/** What was told of an alarm, without repeats. */
function toldOf(episodeId: string): Told[] {
  const all: Told[] = seen.on('bathnet/test/event').map((text) => JSON.parse(text));
  const own = all.filter((event) => event.episodeId === episodeId);
  return own.filter((event, i) => own.findIndex(({ id }) => id === event.id) === i);
}

it.skipIf(skip)(
  'an alarm has a start and an end wherever its process is killed, again and again',
  async () => {
    // Each ends what the one before it has left on. With the broker away it cannot see all of that; the next one does.
    for (const [i, at] of DELIVERED.entries()) {
      expect(await tellAlarm(NO_BROKER, folder, idOf('kept', AWAY[i]), AWAY[i]!), AWAY[i]).toBe(true);
      expect(await tellAlarm(broker.url, folder, idOf('delivered', at), at), at).toBe(true);
    }
    expect(await tellAlarm(broker.url, folder, 'last', 'nowhere')).toBe(false);
    const told = (episodeId: string) => new Set(toldOf(episodeId).map(({ event_type }) => event_type));
    await seen.waitFor('bathnet/test/alarm/open', () => seen.on('bathnet/test/alarm/open').at(-1) === '');
    const both = new Set(['alarm_started', 'alarm_ended']);
    // A broker that answers the first message of a process that is dead by then may not read its second, the start.
    const [first, ...later] = DELIVERED;
    expect(told(idOf('delivered', first))).toContain('alarm_ended');
    for (const at of later) expect(told(idOf('delivered', at)), at).toEqual(both);
    for (const at of AWAY.slice(1)) expect(told(idOf('kept', at)), at).toEqual(both);
    // Neither broker nor disk has it: it is lost as a whole (docs/reliability.md).
    expect(told(idOf('kept', AWAY[0]))).toEqual(new Set());
  },
);
