import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Aedes } from 'aedes';
import type { Command } from 'commander';
import { connectAsync } from 'mqtt';
import { startApp } from '../app.js';
import { ExitCode } from '../errors.js';
import { createLog } from '../system/log.js';
import type { Statistics } from '../system/statistics.js';
import type { ScoredWindow } from '../types.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom } from './support/flags.js';
import { untilStopped } from './support/interrupt.js';
import { logLevel, speed, withModel } from './support/options.js';

const SCENE = fileURLToPath(new URL('../../config/demo/bathroom.flac', import.meta.url));

export function define(command: Command): void {
  withModel(command).addOption(speed()).addOption(logLevel()).action(finish(demo));
}

/**
 * `demo`: the whole daemon on the bundled scene, with a broker of its own on a free loopback port and a
 * subscriber that prints what `mosquitto_sub -v` would. Nothing of it stays.
 */
async function demo(flags: ConfigFlags): Promise<ExitCode> {
  const broker = await startBroker();
  const stateDir = await mkdtemp(join(tmpdir(), 'bathnet2mqtt-demo-'));
  const screen = createScreen();
  try {
    const config = configFrom({
      ...flags,
      source: `file:${SCENE}`,
      mqttUrl: broker.url,
      set: [...(flags.set ?? []), `stateDir=${stateDir}`, 'device.id=demo', 'device.name=Demo bathroom'],
    });
    const subscriber = await connectAsync(broker.url, { clientId: 'demo-subscriber' });
    subscriber.on('message', (topic, payload) => screen.message(`${topic} ${payload}`));
    await subscriber.subscribeAsync('#', { qos: 1 });
    // On a terminal log lines would run into the live line; what they say is on the screen anyway.
    const quiet = process.stdout.isTTY && process.stderr.isTTY && flags.logLevel === undefined;
    const log = createLog(quiet ? { ...config.log, level: 'error' } : config.log);
    const app = await untilStopped(() => startApp({ config, log, onWindow: screen.live }));
    await subscriber.endAsync();
    screen.message(summary(app.statistics));
  } finally {
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

/** Messages scroll; on a terminal the live line stays below them, elsewhere it is printed when it changes. */
function createScreen() {
  const sticky = process.stdout.isTTY;
  let line = '';
  let label = '';
  return {
    message(text: string) {
      process.stdout.write(sticky ? `\r\x1b[K${text}\n${line}` : `${text}\n`);
    },
    live(window: ScoredWindow) {
      line = liveLine(window);
      if (sticky) process.stdout.write(`\r\x1b[K${line}`);
      else if (window.label !== label) process.stdout.write(`${line}\n`);
      label = window.label;
    },
  };
}

function liveLine({ endSeconds, label, confidence, rmsDbfs }: ScoredWindow): string {
  const bar = (share: number) => '█'.repeat(Math.round(Math.min(1, Math.max(0, share)) * 10)).padEnd(10, '·');
  const time = `${endSeconds.toFixed(1).padStart(5)} s`;
  const percent = `${Math.round(confidence * 100)}`.padStart(3);
  const level = rmsDbfs.toFixed(0).padStart(4);
  return `── ${time}  ${label.padEnd(10)} ${bar(confidence)} ${percent} %   ${bar((rmsDbfs + 70) / 70)} ${level} dBFS`;
}

function summary({ windows, alarms, latencyMs }: Statistics): string {
  const ms = (q: number) => `${(latencyMs.quantile(q) ?? 0).toFixed(1)} ms`;
  return `── ${windows} windows, ${alarms} alarms, latency p50 ${ms(0.5)}, p99 ${ms(0.99)}`;
}
