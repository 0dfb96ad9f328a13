import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Aedes } from 'aedes';
import type { Command } from 'commander';
import { connectAsync } from 'mqtt';
import { startDevices } from '../daemons.js';
import { ExitCode } from '../errors.js';
import { placeOf } from '../publish/options.js';
import { createLog } from '../system/log.js';
import type { Statistics } from '../system/statistics.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configAlone } from './support/flags.js';
import { untilStopped } from './support/interrupt.js';
import { logLevel, speed, withModel } from './support/options.js';
import { createScreen, isTerminal } from './support/screen.js';

const SCENE = fileURLToPath(new URL('../../config/demo/bathroom.flac', import.meta.url));

export function define(command: Command): void {
  withModel(command).addOption(speed()).addOption(logLevel()).action(finish(demo));
  for (const option of command.options)
    if (option.long === '--config')
      option.description = 'configuration file; what this machine is configured for does not count';
}

/**
 * `demo`: the whole daemon on the bundled scene, with a broker of its own on a free loopback port and a
 * subscriber that prints what `mosquitto_sub -v` would; on a terminal the discovery message is folded. Nothing of
 * it stays, and nobody whom the daemon of this machine tells is told of its alarms.
 */
async function demo(flags: ConfigFlags): Promise<ExitCode> {
  const broker = await startBroker();
  const stateDir = await mkdtemp(join(tmpdir(), 'bathnet2mqtt-demo-'));
  const screen = createScreen(process.stdout, { time: 'stream' });
  try {
    const config = configAlone({
      ...flags,
      source: `file:${SCENE}`,
      mqttUrl: broker.url,
      set: [...(flags.set ?? []), `stateDir=${stateDir}`, 'device.id=demo', 'device.name=Demo bathroom'],
    });
    const subscriber = await connectAsync({
      ...placeOf(new URL(broker.url)),
      clientId: 'demo-subscriber',
    });
    subscriber.on('message', (topic, payload) => {
      const isLong = topic.startsWith(`${config.discovery.prefix}/`) && payload.length > 0;
      screen.print(`${topic} ${screen.live && isLong ? foldDiscovery(topic, `${payload}`) : payload}`);
    });
    await subscriber.subscribeAsync('#', { qos: 1 });
    // What a log says is on the screen anyway; where it is wanted, it must not run into the live line.
    const onScreen = screen.live && isTerminal(process.stderr);
    const level = onScreen && flags.logLevel === undefined ? 'error' : config.log.level;
    const log = await createLog({ ...config.log, level }, onScreen ? screen.writable : undefined);
    const app = await untilStopped(() => startDevices([{ config, log, onlooker: screen }]));
    await subscriber.endAsync();
    screen.close(); // what is heard is over
    screen.print(summary(app.statistics));
  } finally {
    screen.close();
    await broker.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
  return ExitCode.ok;
}

/** An MQTT broker in this process, on loopback only. */
async function startBroker(): Promise<{ url: string; stop(): Promise<void> }> {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        aedes.close(() => server.close(() => resolve()));
      }),
  };
}

function summary({ windows, alarms, latencyMs }: Statistics): string {
  const ms = (q: number) => `${(latencyMs.quantile(q) ?? 0).toFixed(1)} ms`;
  return `── ${windows} windows, ${alarms} alarms, latency p50 ${ms(0.5)}, p99 ${ms(0.99)}`;
}

/** A line for each entity: platform and name. In mode `component` it is the only one, and the topic names its platform. */
function foldDiscovery(topic: string, payload: string): string {
  const { dev, cmps, name } = JSON.parse(payload);
  if (!cmps) return `${dev.name}: ${topic.split('/')[1]} ${name ?? ''}`;
  const lines = Object.values<Record<string, string>>(cmps).map(({ p = '', name, type }) =>
    p === 'device_automation' ? `    device trigger  ${type}` : `    ${p.padEnd(14)}  ${name}`,
  );
  return [`${dev.name}, ${dev.mdl}:`, ...lines].join('\n');
}
