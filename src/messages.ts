import { join } from 'node:path';
import type { Config } from './config/schema.js';
import { VERSION } from './constants.js';
import { announcementFor, type Store } from './publish/announcement.js';
import { type AnnouncedSound, type Features, featuresOf } from './publish/features.js';
import type { MqttOptions } from './publish/options.js';
import { type Topics, topicsOf } from './publish/topics.js';
import type { Logger, ModelInfo } from './types.js';

/** Where messages go, and how the device is announced. */
export interface MessageOptions {
  readonly topics: Topics;
  readonly features: Features;
  readonly mqtt: MqttOptions;
}

/**
 * What a configuration, a device and a model make of it.
 *
 * @param state what survives a restart
 * @param occupancy whether anything depends on somebody being in the room
 * @param sounds those beside the alarm
 */
export function messageOptions(
  config: Config,
  deviceId: string,
  state: Store & { readonly folder: string },
  model: ModelInfo,
  occupancy: boolean,
  sounds: readonly AnnouncedSound[],
  log: Logger,
): MessageOptions {
  const topics = topicsOf({ prefix: config.mqtt.prefix, deviceId });
  const features = featuresOf(model, config.sense, sounds, occupancy);
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
    outboxFolder: join(state.folder, 'outbox'),
    announcement: announcementFor(state, discovery, config.discovery.enabled, log),
  };
  return { topics, features, mqtt };
}
