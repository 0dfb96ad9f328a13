import { join } from 'node:path';
import type { Config } from './config/schema.js';
import { VERSION } from './constants.js';
import { type DiscoveryOptions, discoveryMessages } from './publish/discovery.js';
import { type Features, featuresOf } from './publish/features.js';
import type { MqttOptions } from './publish/options.js';
import { type Topics, topicsOf } from './publish/topics.js';
import type { ModelInfo } from './types.js';

/** Where messages go, and how the device is announced. */
export interface MessageOptions {
  readonly topics: Topics;
  readonly features: Features;
  readonly discovery: DiscoveryOptions;
  readonly mqtt: MqttOptions;
}

/**
 * What a configuration, a device and a model make of it.
 *
 * @param occupancy whether anything depends on somebody being in the room
 */
export function messageOptions(
  config: Config,
  deviceId: string,
  stateFolder: string,
  model: ModelInfo,
  occupancy: boolean,
): MessageOptions {
  const topics = topicsOf({ prefix: config.mqtt.prefix, deviceId });
  const features = featuresOf(model, config.sense, occupancy);
  const discovery = {
    mode: config.discovery.mode,
    deviceId,
    deviceName: config.device.name,
    topics,
    model,
    features,
    version: VERSION,
    discoveryPrefix: config.discovery.prefix,
  };
  const mqtt = {
    ...config.mqtt,
    deviceId,
    topics,
    outboxFolder: join(stateFolder, 'outbox'),
    discovery: config.discovery.enabled ? discoveryMessages(discovery) : undefined,
  };
  return { topics, features, discovery, mqtt };
}
