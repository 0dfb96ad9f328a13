import { connectAsync } from 'mqtt';
import { startApp } from '../app.js';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { createLog } from '../log.js';
import { describeFailure } from '../publish/failure.js';
import { brokerAddress, DEFAULT_TIMING } from '../publish/options.js';
import { topicsOf } from '../publish/topics.js';
import { State, stateFolder } from '../state.js';
import type { Logger } from '../types.js';
import { type ConfigFlags, configFrom } from './flags.js';
import { untilStopped } from './interrupt.js';

/** How long the broker has for its retained messages. */
const RETAINED_MS = 500;
const CONNECT_TIMEOUT_MS = 5000;

/**
 * `simulate FILE`: plays a file through the whole daemon into the configured broker as if it came from the
 * microphone, so that a person can try their automations. Every event is marked `"test": true`.
 */
export async function simulate(file: string, flags: ConfigFlags): Promise<ExitCode> {
  const config = configFrom({ ...flags, source: `file:${file}` });
  const log = createLog(config.log);
  await refuseBesideDaemon(config, log);
  const app = await untilStopped(() => startApp({ config, log, test: true }));
  const { windows, alarms } = app.statistics;
  console.log(`${windows} windows, ${alarms} alarms`);
  return ExitCode.ok;
}

/** Two publishers under one name would contradict each other, and throw each other out at the broker. */
async function refuseBesideDaemon(config: ReturnType<typeof configFrom>, log: Logger): Promise<void> {
  const deviceId = config.device.id ?? new State(stateFolder(config.stateDir, process.env), log).deviceId();
  const topics = topicsOf({ prefix: config.mqtt.prefix, deviceId });
  const probe = { ...config.mqtt, deviceId: `${deviceId}-simulate`, topics };
  const { url, options } = brokerAddress(probe, DEFAULT_TIMING);
  const { will: _, ...quiet } = options;
  const client = await connectAsync(url, { ...quiet, connectTimeout: CONNECT_TIMEOUT_MS }).catch((error) => {
    throw new UserError(
      ExitCode.unavailable,
      `no connection to ${url}: ${describeFailure(error instanceof Error ? error : new Error(messageOf(error)))}`,
      'Start the broker, or set mqtt.url: bathnet2mqtt doctor says more.',
      { cause: error },
    );
  });
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
