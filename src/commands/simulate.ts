import type { Command } from 'commander';
import { startDevices } from '../daemons.js';
import { ExitCode, UserError } from '../errors.js';
import { topicsOf } from '../publish/topics.js';
import { createLog } from '../system/log.js';
import type { Logger, SoundChange } from '../types.js';
import { deviceIdOf, visitBroker } from './support/broker.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom } from './support/flags.js';
import { untilStopped } from './support/interrupt.js';
import { speed, withBroker } from './support/options.js';

/** How long the broker has for its retained messages. */
const RETAINED_MS = 500;

export function define(command: Command): void {
  withBroker(command).argument('<file>', 'WAV, FLAC, OGG or MP3').addOption(speed()).action(finish(simulate));
}

/**
 * `simulate FILE`: plays a file through the whole daemon into the configured broker as if it came from the
 * microphone, so that a person can try their automations. Every event is marked `"test": true`.
 */
async function simulate(file: string, flags: ConfigFlags): Promise<ExitCode> {
  const config = configFrom({ ...flags, source: `file:${file}` });
  const log = await createLog(config.log);
  await refuseBesideDaemon(config, log);
  const heard = new Set<string>();
  const sound = (change: SoundChange) => void (change.heard && heard.add(change.name));
  const app = await untilStopped(() => startDevices([{ config, log, test: true, onlooker: { sound } }]));
  const { windows, alarms } = app.statistics;
  const sounds = heard.size > 0 ? `, and ${[...heard].join(', ')}` : '';
  console.log(`${windows} windows, ${alarms} alarms${sounds}`);
  return ExitCode.ok;
}

/** Two publishers under one name would contradict each other, and throw each other out at the broker. */
async function refuseBesideDaemon(config: ReturnType<typeof configFrom>, log: Logger): Promise<void> {
  const deviceId = await deviceIdOf(config, log);
  const topics = topicsOf({ prefix: config.mqtt.prefix, deviceId });
  const { client } = await visitBroker(config, `${deviceId}-simulate`);
  let online = false;
  client.on('message', (_, payload) => {
    online = payload.toString() === 'online';
  });
  await client.subscribeAsync(topics.availability, { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve, RETAINED_MS));
  await client.endAsync(true);
  if (online)
    throw new UserError(
      ExitCode.unavailable,
      `a daemon is running as ${deviceId}`,
      'Stop it while you simulate (systemctl stop bathnet2mqtt), or press its button "Test alarm".',
    );
}
