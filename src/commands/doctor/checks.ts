import type { MqttClient } from 'mqtt';
import { listDevices } from '../../audio/devices.js';
import { createSource } from '../../audio/source.js';
import type { Config } from '../../config/schema.js';
import { WINDOW_SAMPLES } from '../../constants.js';
import { ExitCode, UserError } from '../../errors.js';
import { levelOf, SILENCE_DBFS } from '../../features/level.js';
import { readModel } from '../../model/shelf.js';
import { Pipeline } from '../../pipeline.js';
import { announcedTopic } from '../../publish/discovery.js';
import { systemClock } from '../../system/clock.js';
import type { Logger } from '../../types.js';
import { type Visit, visitBroker } from '../support/broker.js';
import { shelvesOf } from '../support/flags.js';

const OLDEST_NODE = 20;
const LISTEN_SECONDS = 3;
const OPEN_TIMEOUT_SECONDS = 10;
/** How long retained messages may take to come. */
const RETAINED_MS = 1000;

/** What a check found: a sentence; where nothing is broken but something is worth a look, a hint as well. */
export interface Finding {
  readonly text: string;
  readonly hint?: string;
}

export function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < OLDEST_NODE)
    throw new UserError(
      ExitCode.unavailable,
      `Node ${process.versions.node} is too old`,
      `Install Node ${OLDEST_NODE} or newer: https://nodejs.org`,
    );
  return { text: `${process.versions.node} on ${process.platform}-${process.arch}` };
}

export async function checkModel(config: Config): Promise<Finding> {
  const { bundle, head } = await readModel(config.model, shelvesOf(config));
  const pipeline = await Pipeline.create(bundle, { ...config.model, head, alarm: config.alarm });
  const silence = { samples: new Float32Array(WINDOW_SAMPLES), startSample: 0, endAtMs: 0 };
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const { melMs, networkMs } = await pipeline.process(silence);
    times.push(melMs + networkMs);
  }
  await pipeline.close();
  const { name, version, engine, alarmLabels } = pipeline.model;
  const median = times.sort((a, b) => a - b)[10] as number;
  const text = `${name} ${version} on ${engine}, ${median.toFixed(1)} ms per window`;
  if (alarmLabels.length === 0)
    return { text, hint: 'No class of this head alarms: name those that should with alarm.labels.' };
  const budgetMs = config.window.hopSeconds * 1000;
  if (median > budgetMs / 2)
    return {
      text,
      hint: `This machine is too slow for a window every ${budgetMs} ms: raise window.hopSeconds.`,
    };
  return { text };
}

/** Opens the input as the daemon would and listens for a moment. */
export async function checkInput(config: Config, log: Logger): Promise<Finding> {
  const { input } = config;
  const heard: Float32Array[] = [];
  let samples = 0;
  const source = createSource(input, log, systemClock);
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), OPEN_TIMEOUT_SECONDS * 1000);
  try {
    for await (const chunk of source.chunks(enough.signal)) {
      heard.push(chunk.samples.slice());
      samples += chunk.samples.length;
      if (samples >= LISTEN_SECONDS * 16_000) break;
    }
  } finally {
    clearTimeout(timer);
    enough.abort();
  }
  const device =
    input.source === 'portaudio' && input.device === 'default'
      ? ` (${(await listDevices(log)).find(({ isDefault }) => isDefault)?.name ?? 'unknown'})`
      : '';
  const name = `${source.description}${device}`;
  if (samples === 0)
    throw new UserError(
      ExitCode.noInput,
      `no sound comes from ${name} within ${OPEN_TIMEOUT_SECONDS} s`,
      'Check that it is plugged in and free (arecord -l, pactl list sources short), or choose another: bathnet2mqtt devices',
    );
  const { rmsDbfs, peakDbfs } = levelOf(Float32Array.from(heard.flatMap((chunk) => [...chunk])));
  if (peakDbfs <= SILENCE_DBFS)
    return {
      text: `${name} gives only digital silence`,
      hint: 'Unmute it and raise its gain: alsamixer (F4), pavucontrol.',
    };
  const text = `${name}, level ${rmsDbfs.toFixed(1)} dBFS RMS, peak ${peakDbfs.toFixed(1)} dBFS`;
  return peakDbfs > -0.1 ? { text, hint: 'It clips: lower its gain (alsamixer, F4).' } : { text };
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
    hint: 'Start the daemon with this configuration; then Home Assistant (2024.11 or newer, MQTT integration, same broker) shows the device.',
  };
}
