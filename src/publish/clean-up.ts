import { z } from 'zod';
import type { Logger } from '../types.js';
import type { MqttPublisher } from './client.js';
import {
  componentTopic,
  type DiscoveryMode,
  type DiscoveryOptions,
  deviceTopic,
  discoveryMessages,
  removalMessage,
} from './discovery.js';
import { componentsOf } from './entities.js';
import type { Message } from './options.js';

const FILE = 'announced.json';

/** No wildcard, not endless: a damaged record must not make a topic that cannot be published. */
const topic = z
  .string()
  .max(1000)
  .regex(/^[^+#\0]+$/);

const announcementSchema = z.strictObject({
  mode: z.enum(['device', 'component']),
  discoveryPrefix: topic,
  deviceId: topic,
  /** Platform of each component by its key. */
  components: z.record(topic, topic),
  /** Topics with a retained state. */
  states: z.array(topic),
});

/** What the broker and Home Assistant have been told to keep; remembered, so that a later run can take it back. */
type Announcement = z.infer<typeof announcementSchema>;

/**
 * Lets the publisher begin with what takes back, or hands over, what an earlier run has announced and this one
 * does not; then remembers what is announced now.
 *
 * @param announced whether Home Assistant is told anything at all
 * @param store files that survive a restart
 */
export function cleanUp(
  publisher: Pick<MqttPublisher, 'sendFirst'>,
  store: { read(name: string): string | undefined; write(name: string, text: string): void },
  options: DiscoveryOptions,
  announced: boolean,
  log: Logger,
): void {
  const now = announcementOf(options, announced);
  const text = `${JSON.stringify(now)}\n`;
  const kept = store.read(FILE);
  if (kept === text) return;
  const before = kept === undefined ? undefined : parseAnnouncement(kept);
  if (kept !== undefined && before === undefined)
    log.warn({ file: FILE }, 'what an earlier run has announced is not known: entities may be left over');
  const messages = before ? cleanUpMessages(before, now, options) : [];
  const remember = () => store.write(FILE, text);
  if (messages.length === 0) {
    remember();
    return;
  }
  log.info({ messages: messages.length }, 'the device has changed: what is no longer true is taken back');
  publisher.sendFirst(messages, remember);
}

/** @param announced whether Home Assistant is told anything at all */
function announcementOf(options: DiscoveryOptions, announced: boolean): Announcement {
  const { mode, discoveryPrefix, deviceId } = options;
  const components = announced
    ? Object.fromEntries(Object.entries(componentsOf(options)).map(([key, { p }]) => [key, p]))
    : {};
  return { mode, discoveryPrefix, deviceId, components, states: retainedTopics(options) };
}

function parseAnnouncement(text: string): Announcement | undefined {
  try {
    return announcementSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * Retained messages, in order, that bring what an earlier run has left to what is announced now: entities
 * that are no longer there are removed, another device id removes the old device and its states, and another
 * discovery mode hands the entities over with their settings
 * (https://www.home-assistant.io/integrations/mqtt/#migration-from-single-component-to-device-based-discovery).
 */
function cleanUpMessages(before: Announcement, now: Announcement, options: DiscoveryOptions): Message[] {
  const stays = (key: string) => key in now.components;
  const sameDevice =
    before.deviceId === now.deviceId &&
    before.discoveryPrefix === now.discoveryPrefix &&
    Object.keys(now.components).length > 0;
  const entities = sameDevice
    ? [...removals(before, stays, options), ...handOver(before, now.mode, stays, options)]
    : configTopics(before).map(empty);
  return [...entities, ...before.states.filter((state) => !now.states.includes(state)).map(empty)];
}

function removals(
  before: Announcement,
  stays: (key: string) => boolean,
  options: DiscoveryOptions,
): Message[] {
  const gone = Object.fromEntries(Object.entries(before.components).filter(([key]) => !stays(key)));
  if (Object.keys(gone).length === 0) return [];
  return before.mode === 'device'
    ? [removalMessage(options, gone)]
    : configTopics({ ...before, components: gone }).map(empty);
}

/** Home Assistant lets go of the entities without forgetting them, finds them again, and the old topics go. */
function handOver(
  before: Announcement,
  mode: DiscoveryMode,
  stays: (key: string) => boolean,
  options: DiscoveryOptions,
): Message[] {
  const kept = Object.fromEntries(Object.entries(before.components).filter(([key]) => stays(key)));
  const old = configTopics({ ...before, components: kept });
  if (before.mode === mode || old.length === 0) return [];
  const letGo = old.map((topic) => ({ topic, payload: JSON.stringify({ migrate_discovery: true }) }));
  return [...letGo, ...discoveryMessages(options), ...old.map(empty)];
}

function configTopics({ mode, discoveryPrefix, deviceId, components }: Announcement): string[] {
  const entries = Object.entries(components);
  if (mode === 'component')
    return entries.map(([key, platform]) => componentTopic(discoveryPrefix, platform, deviceId, key));
  return entries.length > 0 ? [deviceTopic(discoveryPrefix, deviceId)] : [];
}

function retainedTopics({
  topics,
  features,
  model,
}: Pick<DiscoveryOptions, 'topics' | 'features' | 'model'>) {
  const { availability, inputAvailability, alarm, level, health, water, speech, occupied, settings } = topics;
  const { sensitivity, ...others } = settings;
  return [
    ...[availability, inputAvailability, alarm, topics.class, level, health, occupied],
    ...(features.water ? [water] : []),
    ...(features.speech ? [speech] : []),
    ...Object.values(others),
    ...(model.alarmKinds.length > 0 ? [sensitivity] : []),
  ];
}

/** An empty retained message removes what is retained, and what Home Assistant has made of it. */
function empty(topic: string): Message {
  return { topic, payload: '' };
}
