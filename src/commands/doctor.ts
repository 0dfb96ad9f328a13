import type { Command } from 'commander';
import type { MqttClient } from 'mqtt';
import { listDevices } from '../audio/devices.js';
import { createSource } from '../audio/source.js';
import type { Config } from '../config/schema.js';
import { WINDOW_SAMPLES } from '../constants.js';
import { ExitCode, UserError } from '../errors.js';
import { levelOf, SILENCE_DBFS } from '../features/level.js';
import { readModel } from '../model/shelf.js';
import { Pipeline } from '../pipeline.js';
import { systemClock } from '../system/clock.js';
import { createLog } from '../system/log.js';
import type { Logger } from '../types.js';
import { deviceIdOf, visitBroker } from './support/broker.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom, shelvesOf } from './support/flags.js';
import { withInput } from './support/options.js';

const OLDEST_NODE = 20;
const LISTEN_SECONDS = 3;
const OPEN_TIMEOUT_SECONDS = 10;
/** How long retained messages may take to come. */
const RETAINED_MS = 1000;

export function define(command: Command): void {
  withInput(command).action(finish(doctor));
}

/** What a check found: a sentence; where nothing is broken but something is worth a look, a hint as well. */
interface Finding {
  readonly text: string;
  readonly hint?: string;
}

/**
 * `doctor`: checks every part that the daemon needs and says what to do about each that fails. It changes
 * nothing: no message is published, and a running daemon is not disturbed.
 *
 * @returns the exit code of the first failure
 */
async function doctor(flags: ConfigFlags): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const check = async <T extends Finding>(
    name: string,
    action: () => Promise<T> | T,
  ): Promise<T | undefined> => {
    try {
      const finding = await action();
      console.log(`${finding.hint ? 'note' : 'ok  '}  ${name}: ${finding.text}`);
      if (finding.hint) console.log(`      → ${finding.hint}`);
      return finding;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      console.log(`FAIL  ${name}: ${error.message}\n      → ${error.hint}`);
      exitCode ||= error.code;
      return undefined;
    }
  };

  await check('node', checkNode);
  const configured = await check('configuration', () => ({ text: 'valid', config: configFrom(flags) }));
  if (!configured) return exitCode;
  const { config } = configured;
  const log = createLog({ ...config.log, level: flags.logLevel ?? 'error' });
  await check('model', () => checkModel(config));
  await check('microphone', () => checkInput(config, log));
  const broker = await check('broker', () => checkBroker(config));
  if (broker && config.discovery.enabled)
    await check('discovery', () => checkDiscovery(config, broker.client, log)).finally(() =>
      broker.client.endAsync(true),
    );
  return exitCode;
}

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < OLDEST_NODE)
    throw new UserError(
      ExitCode.unavailable,
      `Node ${process.versions.node} is too old`,
      `Install Node ${OLDEST_NODE} or newer: https://nodejs.org`,
    );
  return { text: `${process.versions.node} on ${process.platform}-${process.arch}` };
}

async function checkModel(config: Config): Promise<Finding> {
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
async function checkInput(config: Config, log: Logger): Promise<Finding> {
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

async function checkBroker(config: Config): Promise<Finding & { client: MqttClient }> {
  const { url, client } = await visitBroker(config, `doctor-${process.pid}`);
  return { text: `connected to ${url}`, client };
}

async function checkDiscovery(config: Config, client: MqttClient, log: Logger): Promise<Finding> {
  const deviceId = deviceIdOf(config, log);
  const { prefix } = config.discovery;
  const topic =
    config.discovery.mode === 'device'
      ? `${prefix}/device/${deviceId}/config`
      : `${prefix}/binary_sensor/${deviceId}/alarm/config`;
  const retained = new Map<string, string>();
  client.on('message', (name, payload) => retained.set(name, payload.toString()));
  const granted = await client.subscribeAsync([topic, `${prefix}/status`], { qos: 1 });
  if (granted.some(({ qos }) => qos >= 128))
    throw new UserError(
      ExitCode.unavailable,
      `the broker does not let this user read ${topic}`,
      `Allow the user ${prefix}/# and ${config.mqtt.prefix}/# in the broker's access list.`,
    );
  await new Promise((resolve) => setTimeout(resolve, RETAINED_MS));
  if (retained.get(topic)) return { text: `device ${deviceId} is announced on ${topic}` };
  return {
    text: `device ${deviceId} is not announced on ${topic}`,
    hint: 'Start the daemon with this configuration; then Home Assistant (2024.11 or newer, MQTT integration, same broker) shows the device.',
  };
}
