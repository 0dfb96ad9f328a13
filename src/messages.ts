import { join } from 'node:path';
import type { Config } from './config/schema.js';
import { VERSION } from './constants.js';
import { announcementFor } from './publish/announcement.js';
import { type Features, featuresOf, type RuledSound } from './publish/features.js';
import type { MqttOptions } from './publish/options.js';
import { pageUrl } from './publish/page-url.js';
import { type Topics, topicsOf } from './publish/topics.js';
import type { Store } from './storage/kept-file.js';
import type { Logger, ModelInfo } from './types.js';

/** Where messages go, and how the device is announced. */
export interface MessageOptions {
  readonly topics: Topics;
  readonly features: Features;
  readonly mqtt: MqttOptions;
}

/** What listens, as far as it is announced. */
interface Listening {
  readonly model: ModelInfo;
  /** Whether anything depends on somebody being in the room. */
  readonly sense: { readonly asksForOccupancy: boolean };
  /** Those beside the alarm. */
  readonly sounds: { readonly rules: readonly RuledSound[] };
}

/**
 * What a configuration, a device and a model make of it.
 *
 * @param state what survives a restart
 */
export function messageOptions(
  config: Config,
  deviceId: string,
  state: Store & { readonly folder: string },
  { model, sense, sounds }: Listening,
  log: Logger,
): MessageOptions {
  const topics = topicsOf({ prefix: config.mqtt.prefix, deviceId });
  const configured = { ...config.sense, quietHours: config.quietHours };
  const features = featuresOf(model, configured, sounds.rules, sense.asksForOccupancy);
  const discovery = {
    mode: config.discovery.mode,
    deviceId,
    deviceName: config.device.name,
    topics,
    model,
    features,
    version: VERSION,
    discoveryPrefix: config.discovery.prefix,
    area: config.device.area,
    pageUrl: pageUrl(config.web),
  };
  const mqtt = {
    ...config.mqtt,
    deviceId,
    topics,
    outboxFolder: join(state.folder, 'outbox'),
    birthTopic: config.discovery.birthTopic,
    announcement: announcementFor(state, discovery, config.discovery.enabled, log),
  };
  return { topics, features, mqtt };
}
