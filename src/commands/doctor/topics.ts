import type { MqttClient } from 'mqtt';
import type { Config } from '../../config/schema.js';
import { ExitCode, UserError } from '../../errors.js';
import { announcedTopic } from '../../publish/discovery.js';
import { refusalOf } from '../../publish/failure.js';
import { retainedTopics, topicsOf } from '../../publish/topics.js';
import type { Visit } from '../support/broker.js';
import type { Finding } from './checks.js';

/** How long retained messages, and those that come back, may take. */
const ARRIVAL_MS = 1000;
const ANSWER_MS = 5000;
/** Home Assistant's event entities ignore an empty object, and no automation finds an event in it. */
const NO_EVENT = '{}';
const SWITCH_ON = 'Switch it on (ON to <base>/enabled/set, the switch Detection).';
const SAY_WHO =
  'Let a presence sensor say ON and OFF there, for example by config/homeassistant/presence.yaml; its topic has to be this one.';

/**
 * Publishes on each topic of the daemon and reads it back: what is retained there once more, so that nothing
 * changes. States of a daemon that runs are its own to publish: they are looked for.
 */
export async function checkTopics(
  config: Config,
  { client, protocol }: Visit,
  deviceId: string,
): Promise<Finding> {
  const topics = topicsOf({ prefix: config.mqtt.prefix, deviceId });
  const states = retainedTopics(topics);
  const discovery = config.discovery.enabled ? [announcedTopic(config.discovery, deviceId)] : [];
  const commands = Object.values(topics.commands);
  const latest = new Map<string, string>();
  const back = new Set<string>();
  client.on('message', (topic, payload, { retain }) => {
    latest.set(topic, payload.toString());
    if (!retain) back.add(topic);
  });
  const deaf = await unheard(client, [...states, ...discovery, topics.event, ...commands]);
  await pause();
  // Looked at each time: a daemon that has just started may come now.
  const online = () => latest.get(topics.availability) === 'online';
  const tried: string[] = [];
  back.clear();
  const refused: string[] = [];
  for (const topic of [...states, ...discovery, topics.event]) {
    if (states.includes(topic) && online()) continue;
    const isEvent = topic === topics.event;
    const reason = await publish(client, topic, isEvent ? NO_EVENT : (latest.get(topic) ?? ''), !isEvent);
    if (reason) refused.push(`${topic} (${reason})`);
    tried.push(topic);
  }
  if (refused.length > 0)
    throw refusal(config, `the broker does not take what is published on ${refused.join(', ')}`);
  const mute = commands.filter((topic) => deaf.includes(topic));
  if (mute.length > 0)
    throw refusal(
      config,
      `commands are not heard: the broker refuses the subscription to ${mute.join(', ')}`,
    );
  await pause();
  const lost = tried.filter((topic) => !back.has(topic));
  const absent = online()
    ? [topics.alarm, topics.inputAvailability].filter((topic) => !latest.has(topic))
    : [];
  const count = tried.length;
  // By its own word: what doctor reads of settings may be the state folder of another user.
  const isOff = online() && latest.get(topics.settings.enabled) === 'OFF';
  const waits = online() && config.sense.longStayMinutes > 0 && latest.get(topics.occupied) === 'None';
  const found = (text: string) => {
    const says = `${text}; the daemon that runs says that`;
    if (isOff) return { text: `${says} detection is off: no alarm comes`, hint: SWITCH_ON };
    if (!waits) return { text };
    const unknown = `it does not know whether somebody is in the room: no stay is long until ${topics.commands.occupied} says so`;
    return { text: `${says} ${unknown}`, hint: SAY_WHO };
  };
  if (lost.length + absent.length === 0) return found(`${count} topics published and read back`);
  // MQTT 5 has said of each that it is taken. Who reads back nothing of that cannot see the daemon's states either.
  if (protocol === '5' && (absent.length === 0 || lost.length === count))
    return found(`${count} topics published; this user may not read ${lost.length} of them back`);
  return {
    text: `the broker acknowledges and does not hand back ${[...lost, ...absent].join(', ')}`,
    hint: `It drops them, or does not let this user read them. Allow the user to read and write ${config.mqtt.prefix}/${deviceId}/# in the broker's access list and look again, or use a broker that speaks MQTT 5, which says so.`,
  };
}

/** @returns the topics to which the broker refuses a subscription */
async function unheard(client: MqttClient, topics: readonly string[]): Promise<string[]> {
  const refused: string[] = [];
  for (const topic of topics) {
    const answer = client.subscribeAsync(topic, { qos: 1 }).then(
      (granted) => granted.some(({ qos }) => qos >= 0x80),
      () => true,
    );
    if (await inTime(client, topic, answer)) refused.push(topic);
  }
  return refused;
}

/** @returns why the broker refuses it, where it says so */
async function publish(client: MqttClient, topic: string, payload: string, retain: boolean) {
  const answer = client.publishAsync(topic, payload, { qos: 1, retain }).then(
    () => undefined,
    (error: Error) => refusalOf(error)?.reason,
  );
  return inTime(client, topic, answer);
}

/** @throws UserError where the broker hangs up instead, or says nothing */
async function inTime<T>(client: MqttClient, topic: string, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const stop = new AbortController();
  const fails = new Promise<never>((_, reject) => {
    const fail = (what: string) =>
      reject(
        new UserError(
          ExitCode.unavailable,
          `the broker ${what} ${topic}`,
          "Allow the user this topic in the broker's access list, and look at its log.",
        ),
      );
    const onClose = () => fail('closes the connection on');
    client.once('close', onClose);
    stop.signal.addEventListener('abort', () => client.off('close', onClose));
    timer = setTimeout(() => fail('does not answer on'), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, fails]);
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

function refusal(config: Config, message: string): UserError {
  return new UserError(
    ExitCode.unavailable,
    message,
    `Allow the user ${config.discovery.prefix}/# and ${config.mqtt.prefix}/# in the broker's access list, or as little as config/mosquitto/acl.example does.`,
  );
}

const pause = () => new Promise((resolve) => setTimeout(resolve, ARRIVAL_MS));
