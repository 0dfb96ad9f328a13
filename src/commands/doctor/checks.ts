import type { MqttClient } from 'mqtt';
import { doubtsOf } from '../../alarm/doubts.js';
import type { AlarmRule } from '../../alarm/rule.js';
import type { Config } from '../../config/schema.js';
import { WINDOW_SAMPLES } from '../../constants.js';
import { ExitCode, UserError } from '../../errors.js';
import type { Bundle } from '../../model/bundle.js';
import { readModel } from '../../model/shelf.js';
import { Pipeline } from '../../pipeline.js';
import { announcedTopic } from '../../publish/discovery.js';
import { stateOf } from '../../storage/device.js';
import { Settings } from '../../storage/settings.js';
import { stateFolder } from '../../storage/state.js';
import { systemClock } from '../../system/clock.js';
import { timeZone } from '../../system/time-zone.js';
import type { Logger } from '../../types.js';
import { type Visit, visitBroker } from '../support/broker.js';
import { shelvesOf } from '../support/flags.js';

/** How long retained messages may take to come. */
const RETAINED_MS = 1000;

/** What a check found: a sentence; where nothing is broken but something is worth a look, a hint as well. */
export interface Finding {
  readonly text: string;
  readonly hint?: string;
}

/** What listens, for other checks. */
export interface Listening {
  readonly bundle: Bundle;
  readonly head: string | undefined;
  readonly rule: AlarmRule;
}

/** An older one than is needed does not come this far: main.ts. */
export function checkNode(): Finding {
  return { text: `${process.versions.node} on ${process.platform}-${process.arch}` };
}

/** @returns also what was read, and the alarm rule of bundle and configuration */
export async function checkModel(config: Config): Promise<Finding & Listening> {
  const { bundle, head } = await readModel(config.model, shelvesOf(config));
  let fallback: UserError | undefined;
  const onFallback = (failure: UserError) => {
    fallback = failure;
  };
  const pipeline = await Pipeline.create(bundle, { ...config.model, head, alarm: config.alarm, onFallback });
  const silence = { samples: new Float32Array(WINDOW_SAMPLES), startSample: 0, endAtMs: 0 };
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const { melMs, networkMs } = await pipeline.process(silence);
    times.push(melMs + networkMs);
  }
  await pipeline.close();
  const { model, rule } = pipeline;
  const listening = { bundle, head, rule };
  const { name, version, engine, precision } = model;
  const median = times.sort((a, b) => a - b)[10] as number;
  const text = `${name} ${version} on ${engine} in ${precision}, ${median.toFixed(1)} ms per window`;
  if (fallback) return { text: `${text}, because ${fallback.message}`, ...listening, hint: fallback.hint };
  const budgetMs = config.window.hopSeconds * 1000;
  if (median > budgetMs / 2)
    return {
      text,
      ...listening,
      hint: `This machine is too slow for a window every ${budgetMs} ms: raise window.hopSeconds.`,
    };
  return { text, ...listening };
}

/** Whether an alarm can come by the rule in force, with what was set over MQTT. */
export function checkDetection(config: Config, deviceId: string, rule: AlarmRule, log: Logger): Finding {
  const kept = stateOf(stateFolder(config.stateDir, process.env), deviceId, log);
  const settings = new Settings(kept, rule, log, systemClock);
  settings.load();
  const { enabled, ...changed } = settings.values;
  const [doubt] = doubtsOf(enabled, { ...rule, ...changed }, config.window.hopSeconds);
  if (doubt) return { text: doubt.text, hint: doubt.hint };
  const alarming = [...rule.labels, ...(rule.evidence?.kinds ?? [])].join(', ');
  return {
    text: `on, for ${alarming}: ${changed.hits} of ${changed.window} windows from ${changed.threshold}`,
  };
}

/** Whether quiet hours are by the time of this place. */
export function checkQuietHours({ from, to }: NonNullable<Config['quietHours']>): Finding {
  const { text: now, doubt } = timeZone();
  const text = `from ${from} to ${to}, local time: ${now}`;
  return doubt ? { text: `${text}: ${doubt.text}`, hint: doubt.hint } : { text };
}

export async function checkBroker(config: Config): Promise<Finding & Visit> {
  const visit = await visitBroker(config, `doctor-${process.pid}`);
  return { text: `connected to ${visit.url}, MQTT ${visit.protocol}`, ...visit };
}

export async function checkDiscovery(config: Config, client: MqttClient, deviceId: string): Promise<Finding> {
  const { prefix } = config.discovery;
  // A broker that takes no long message has got one for each entity.
  const topics = (['device', 'component'] as const).map((mode) => announcedTopic({ mode, prefix }, deviceId));
  const topic = announcedTopic(config.discovery, deviceId);
  const retained = new Map<string, string>();
  client.on('message', (name, payload) => retained.set(name, payload.toString()));
  const granted = await client.subscribeAsync([...topics, `${prefix}/status`], { qos: 1 }).catch(() => []);
  if (granted.length === 0 || granted.some(({ qos }) => qos >= 128))
    throw new UserError(
      ExitCode.unavailable,
      `the broker does not let this user read ${topic}`,
      `Allow the user ${prefix}/# and ${config.mqtt.prefix}/# in the broker's access list.`,
    );
  await new Promise((resolve) => setTimeout(resolve, RETAINED_MS));
  const found = topics.find((each) => retained.get(each));
  if (found) return { text: `device ${deviceId} is announced on ${found}` };
  return {
    text: `device ${deviceId} is not announced on ${topic}`,
    hint: 'Start the daemon with this configuration; then Home Assistant (2024.11 or newer, MQTT integration, same broker) shows the device. Where it runs and Home Assistant does show it, this user may not read that topic, and need not.',
  };
}
