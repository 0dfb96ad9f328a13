import { HOMEPAGE } from '../constants.js';
import type { ModelInfo } from '../types.js';
import { type Component, componentsOf } from './entities.js';
import type { Features } from './features.js';
import type { Message } from './options.js';
import type { Topics } from './topics.js';

/**
 * `device`: one message announces everything (Home Assistant 2024.11 or newer); `component`: one message for
 * each entity, which older versions understand.
 */
export type DiscoveryMode = 'device' | 'component';

export interface DiscoveryOptions {
  readonly mode: DiscoveryMode;
  /** Matches `[a-z0-9_-]+`. */
  readonly deviceId: string;
  /** For people: `Bathroom`. */
  readonly deviceName: string;
  readonly topics: Topics;
  readonly model: ModelInfo;
  readonly features: Features;
  /** Of bathnet2mqtt. */
  readonly version: string;
  /** `homeassistant` */
  readonly discoveryPrefix: string;
  /** Where it is: `Bathroom`. */
  readonly area?: string | undefined;
  /** Its own page, for people. */
  readonly pageUrl?: string | undefined;
}

/**
 * Platforms that are announced by a message of their own in either mode: Home Assistant drops the whole message of a
 * device in which it does not know one, and `time` came in 2026. Such a message alone it does not mind.
 */
const ALONE: ReadonlySet<string> = new Set(['time']);

/**
 * Everything that tells Home Assistant about the device, as retained messages.
 * https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
 */
export function discoveryMessages(options: DiscoveryOptions): Message[] {
  const components = namedComponents(options);
  const alone = Object.entries(components).filter(([, { p }]) => isAnnouncedAlone(options.mode, p));
  return [
    ...(options.mode === 'device' ? [deviceMessage(options, components)] : []),
    ...alone.map(([key, component]) => componentMessage(options, key, component)),
  ];
}

/** Whether a component has a topic of its own where a device is announced in this mode. */
export function isAnnouncedAlone(mode: DiscoveryMode, platform: string): boolean {
  return mode === 'component' || ALONE.has(platform);
}

function componentMessage(options: DiscoveryOptions, key: string, { p, ...component }: Component): Message {
  const { deviceId, discoveryPrefix } = options;
  const shared = p === 'device_automation' ? {} : availabilityOf(options);
  return {
    topic: componentTopic(discoveryPrefix, p, deviceId, key),
    payload: JSON.stringify({ ...deviceOf(options), ...shared, ...component }),
  };
}

/** The message of mode `device` that takes some components back: each is there with its platform alone. */
export function removalMessage(options: DiscoveryOptions, gone: Readonly<Record<string, string>>): Message {
  const removed = Object.fromEntries(Object.entries(gone).map(([key, p]) => [key, { p }]));
  return deviceMessage(options, { ...namedComponents(options), ...removed });
}

function deviceMessage(options: DiscoveryOptions, cmps: Readonly<Record<string, Component>>): Message {
  const together = Object.fromEntries(Object.entries(cmps).filter(([, { p }]) => !ALONE.has(p)));
  const payload = { ...deviceOf(options), ...availabilityOf(options), cmps: together };
  return { topic: deviceTopic(options.discoveryPrefix, options.deviceId), payload: JSON.stringify(payload) };
}

/** Where the device is announced, or one entity that it has with every model. */
export function announcedTopic(
  { mode, prefix }: { readonly mode: DiscoveryMode; readonly prefix: string },
  deviceId: string,
): string {
  return mode === 'device'
    ? deviceTopic(prefix, deviceId)
    : componentTopic(prefix, 'binary_sensor', deviceId, 'alarm');
}

export function deviceTopic(discoveryPrefix: string, deviceId: string): string {
  return `${discoveryPrefix}/device/${deviceId}/config`;
}

/** With the device as node and the key as object, so that Home Assistant sees the same id in both modes. */
export function componentTopic(
  discoveryPrefix: string,
  platform: string,
  deviceId: string,
  key: string,
): string {
  return `${discoveryPrefix}/${platform}/${deviceId}/${key}/config`;
}

function deviceOf({ deviceId, deviceName, version, area, pageUrl }: DiscoveryOptions) {
  return {
    dev: {
      ids: [uniqueId(deviceId)],
      name: deviceName,
      mf: 'bathnet2mqtt',
      mdl: 'Sound detector',
      sw: version,
      ...(area !== undefined && { sa: area }),
      ...(pageUrl !== undefined && { cu: pageUrl }),
    },
    o: { name: 'bathnet2mqtt', sw: version, url: HOMEPAGE },
  };
}

function availabilityOf({ topics }: DiscoveryOptions) {
  return { availability: [{ topic: topics.availability }], availability_mode: 'all' };
}

/** Not the bare device id: Home Assistant merges devices of any integration that share an identifier. */
function uniqueId(deviceId: string): string {
  return `bathnet2mqtt_${deviceId}`;
}

/** Components with what makes them this device's; a trigger is no entity and has none of it. */
function namedComponents(options: DiscoveryOptions): Record<string, Component> {
  const { deviceId, deviceName } = options;
  const slug = slugOf(deviceName) || slugOf(deviceId) || 'bathnet2mqtt';
  return Object.fromEntries(
    Object.entries(componentsOf(options)).map(([key, component]) => {
      // Not at the root of the device's message: Home Assistant does not hand that down.
      const common = { ...component, qos: 1 };
      if (component.p === 'device_automation') return [key, common];
      const ids = {
        unique_id: `${uniqueId(deviceId)}_${key}`,
        default_entity_id: `${component.p}.${slug}_${key}`,
      };
      return [key, { ...common, ...ids }];
    }),
  );
}

/** `Bathroom sound` → `bathroom_sound`; empty where nothing of the name fits into an entity id. */
function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
}
