import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach } from 'vitest';
import { topicsOf } from '../../src/publish/topics.js';
import { Daemons, type Program } from './daemon.js';
import { Mosquitto, type Subscription } from './mosquitto.js';

/** Of the device of `Daemons`. */
export const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
export const DEVICE_CONFIG = 'homeassistant/device/test/config';

/** A broker, somebody who publishes there, and daemons: for each test anew. */
export interface Household {
  daemons: Daemons;
  broker: Mosquitto;
  person: MqttClient;
  /** A daemon that is online and listens to commands, and all that is said from then on. */
  startDaemon(args: readonly string[]): Promise<{ daemon: Program; seen: Subscription }>;
  /** Publishes until the broker has it. */
  publish(topic: string, payload: string | Buffer, retain?: boolean): Promise<unknown>;
}

/** @param skip the tests are skipped, and nothing is started for them */
export function household(skip: boolean): Household {
  const home = {
    async startDaemon(args) {
      const seen = await home.broker.subscribe('#');
      const daemon = home.daemons.start(home.broker.url, args);
      await seen.waitFor(topics.availability, (payload) => payload === 'online');
      return { daemon, seen };
    },
    publish: (topic, payload, retain = false) => home.person.publishAsync(topic, payload, { qos: 1, retain }),
  } as Household;
  beforeEach(async () => {
    if (skip) return;
    home.daemons = await Daemons.create();
    home.broker = await Mosquitto.start();
    home.person = await connectAsync(home.broker.url, { reconnectPeriod: 50 });
  });
  afterEach(async () => {
    if (skip) return;
    await home.daemons.close();
    await home.person.endAsync(true);
    await home.broker.close();
  });
  return home;
}

/** The events that have been said. */
export const events = (seen: Subscription) => seen.on(topics.event).map((payload) => JSON.parse(payload));
