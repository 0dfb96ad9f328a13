import { connectAsync, type MqttClient } from 'mqtt';
import type { Config } from '../../config/schema.js';
import { ExitCode, messageOf, UserError } from '../../errors.js';
import { describeFailure } from '../../publish/failure.js';
import { brokerAddress, DEFAULT_TIMING } from '../../publish/options.js';
import { ProtocolChoice } from '../../publish/protocol.js';
import { topicsOf } from '../../publish/topics.js';
import { ownDeviceId } from '../../storage/device.js';
import { stateFolder } from '../../storage/state.js';
import type { Logger } from '../../types.js';

const CONNECT_TIMEOUT_MS = 5000;

/** The device id that the daemon has with this configuration. */
export async function deviceIdOf(config: Config, log: Logger): Promise<string> {
  return config.device.id ?? ownDeviceId(stateFolder(config.stateDir, process.env), log);
}

/** A connection of somebody who looks around. */
export interface Visit {
  readonly url: string;
  readonly protocol: '5' | '3.1.1';
  readonly client: MqttClient;
}

/**
 * Connects to look around: under another client id than the daemon's, and without a last will.
 *
 * @param visitor names the client
 * @throws UserError unavailable, where there is no connection
 */
export async function visitBroker(config: Config, visitor: string): Promise<Visit> {
  const topics = topicsOf({ prefix: config.mqtt.prefix, deviceId: visitor });
  const { url, options } = brokerAddress({ ...config.mqtt, deviceId: visitor, topics }, DEFAULT_TIMING);
  const { will: _, ...quiet } = options;
  const choice = new ProtocolChoice(config.mqtt.protocol);
  for (;;) {
    const { version: protocolVersion, name: protocol } = choice;
    try {
      const address = { ...quiet, protocolVersion, connectTimeout: CONNECT_TIMEOUT_MS };
      return { url, protocol, client: await connectAsync(address) };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
      // Without a code: the broker has just hung up.
      if (choice.refused('code' in error ? error : undefined)) continue;
      throw new UserError(
        ExitCode.unavailable,
        `no connection to ${url}: ${describeFailure(error)}`,
        'Set mqtt.url, mqtt.username and mqtt.passwordFile to what your broker expects, or start it (systemctl status mosquitto).',
        { cause: error },
      );
    }
  }
}
