import { z } from 'zod';
import { PUBLISHABLE_TOPIC } from '../constants.js';
import { keptText, type Store } from '../storage/kept-file.js';
import type { Logger } from '../types.js';
import {
  componentTopic,
  type DiscoveryMode,
  type DiscoveryOptions,
  deviceTopic,
  discoveryMessages,
  isAnnouncedAlone,
  removalMessage,
} from './discovery.js';
import { componentsOf } from './entities.js';
import type { Announcement, Message } from './options.js';
import { retainedTopics, soundTopicsOf } from './topics.js';

const FILE = 'announced.json';

/** A damaged record must not make one that cannot be published. */
const topic = z.string().regex(PUBLISHABLE_TOPIC);

const recordSchema = z.strictObject({
  mode: z.enum(['device', 'component']),
  discoveryPrefix: topic,
  deviceId: topic,
  /** Platform of each component by its key. */
  components: z.record(topic, topic),
  /** Topics with a retained state. */
  states: z.array(topic),
  /** Mode component, because the broker did not take the long message of mode device. */
  small: z.boolean().optional(),
});

/** What the broker and Home Assistant have been told to keep; remembered, so that a later run can take it back. */
type AnnouncementRecord = z.infer<typeof recordSchema>;

/**
 * What this run announces, after what takes back, or hands over, what an earlier run has announced and this one
 * does not; remembers what is announced once that is done.
 *
 * A broker that has once not taken the long message of mode `device` gets small ones from then on, also after a
 * restart: entities are the same in both modes.
 *
 * @param announced whether Home Assistant is told anything at all
 */
export function announcementFor(
  store: Store,
  options: DiscoveryOptions,
  announced: boolean,
  log: Logger,
): Announcement {
  const kept = keptText(store, FILE);
  const before = kept === undefined ? undefined : parseRecord(kept);
  if (kept !== undefined && before === undefined)
    log.warn({ file: FILE }, 'what an earlier run has announced is not known: entities may be left over');
  const small = options.mode === 'device' && before?.small === true && before.deviceId === options.deviceId;
  return small ? smallAnnouncement(store, options, announced) : announcement(store, options, announced);
}

function announcement(
  store: Store,
  options: DiscoveryOptions,
  announced: boolean,
  small = false,
): Announcement {
  const now: AnnouncementRecord = { ...recordOf(options, announced), ...(small && { small }) };
  const text = `${JSON.stringify(now)}\n`;
  const kept = keptText(store, FILE);
  const before = kept === undefined ? undefined : parseRecord(kept);
  const first = before && kept !== text ? cleanUpMessages(before, now, options) : [];
  const onDone = () => store.write(FILE, text);
  if (first.length === 0 && kept !== text) onDone();
  return {
    messages: announced ? discoveryMessages(options) : [],
    first,
    onDone,
    ...(options.mode === 'device' && {
      longTopic: deviceTopic(options.discoveryPrefix, options.deviceId),
      smaller: () => smallAnnouncement(store, options, announced),
    }),
  };
}

function smallAnnouncement(store: Store, options: DiscoveryOptions, announced: boolean): Announcement {
  return announcement(store, { ...options, mode: 'component' }, announced, true);
}

/** @param announced whether Home Assistant is told anything at all */
function recordOf(options: DiscoveryOptions, announced: boolean): AnnouncementRecord {
  const { mode, discoveryPrefix, deviceId } = options;
  const components = announced
    ? Object.fromEntries(Object.entries(componentsOf(options)).map(([key, { p }]) => [key, p]))
    : {};
  return { mode, discoveryPrefix, deviceId, components, states: statesOf(options) };
}

function parseRecord(text: string): AnnouncementRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(text));
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
function cleanUpMessages(
  before: AnnouncementRecord,
  now: AnnouncementRecord,
  options: DiscoveryOptions,
): Message[] {
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
  before: AnnouncementRecord,
  stays: (key: string) => boolean,
  options: DiscoveryOptions,
): Message[] {
  const gone = Object.entries(before.components).filter(([key]) => !stays(key));
  const [alone, together] = separate(before.mode, gone);
  const removal = Object.keys(together).length > 0 ? [removalMessage(options, together)] : [];
  return [...removal, ...configTopics({ ...before, components: alone }).map(empty)];
}

/** Home Assistant lets go of the entities without forgetting them, finds them again, and the old topics go. */
function handOver(
  before: AnnouncementRecord,
  mode: DiscoveryMode,
  stays: (key: string) => boolean,
  options: DiscoveryOptions,
): Message[] {
  const kept = Object.entries(before.components).filter(([key]) => stays(key));
  // Those that have the same topic in both modes stay there.
  const moved = kept.filter(([, platform]) => !isAnnouncedAlone('device', platform));
  const old = configTopics({ ...before, components: Object.fromEntries(moved) });
  if (before.mode === mode || old.length === 0) return [];
  const letGo = old.map((topic) => ({ topic, payload: JSON.stringify({ migrate_discovery: true }) }));
  return [...letGo, ...discoveryMessages(options), ...old.map(empty)];
}

function configTopics({ mode, discoveryPrefix, deviceId, components }: AnnouncementRecord): string[] {
  const [alone, together] = separate(mode, Object.entries(components));
  return [
    ...(Object.keys(together).length > 0 ? [deviceTopic(discoveryPrefix, deviceId)] : []),
    ...Object.entries(alone).map(([key, p]) => componentTopic(discoveryPrefix, p, deviceId, key)),
  ];
}

type Platforms = AnnouncementRecord['components'];

/** Components that have a topic of their own, and those that share the device's. */
function separate(
  mode: DiscoveryMode,
  components: [string, string][],
): [alone: Platforms, together: Platforms] {
  const alone = components.filter(([, platform]) => isAnnouncedAlone(mode, platform));
  const together = components.filter((each) => !alone.includes(each));
  return [Object.fromEntries(alone), Object.fromEntries(together)];
}

function statesOf({ topics, features, model }: Pick<DiscoveryOptions, 'topics' | 'features' | 'model'>) {
  const sounds = (features.sounds ?? []).flatMap(({ id, adjustable }) => {
    const { state, settings } = soundTopicsOf(topics, id);
    return [state, ...adjustable.map((name) => settings[name].state)];
  });
  return [
    ...retainedTopics(topics),
    ...(features.water ? [topics.water, topics.lastHeard.water] : []),
    ...(features.speech ? [topics.speech, topics.lastHeard.speech] : []),
    ...(model.alarmKinds.length > 0 ? [topics.settings.sensitivity] : []),
    ...(features.quietHours ? [topics.settings.quietFrom, topics.settings.quietTo] : []),
    ...sounds,
  ];
}

/** An empty retained message removes what is retained, and what Home Assistant has made of it. */
function empty(topic: string): Message {
  return { topic, payload: '' };
}
