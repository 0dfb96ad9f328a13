// Some of the fleet's devices in one process: everything that a daemon says and hears over MQTT, no sound and no
// model; see fleet.mjs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_ALARM_RULE } from '../../dist/alarm/rule.js';
import { loadConfig } from '../../dist/config/load.js';
import { messageOptions } from '../../dist/messages.js';
import { MqttPublisher } from '../../dist/publish/client.js';
import { Commands } from '../../dist/publish/commands.js';
import { Reporter } from '../../dist/publish/reporter.js';
import { State } from '../../dist/storage/state.js';
import { systemClock } from '../../dist/system/clock.js';

const HOP_MS = 480;
const { url, from, to, folder, eventSeconds } = JSON.parse(process.argv[2]);
const manifest = JSON.parse(
  readFileSync(new URL('../../models/bathnet-mini/model.json', import.meta.url), 'utf8'),
);
const { labels } = manifest.heads[manifest.defaultHead];
const model = {
  name: manifest.name,
  version: manifest.version,
  sha256: manifest.weights.sha256,
  engine: 'none',
  labels,
  alarmLabels: labels.slice(-1),
  alarmKinds: manifest.event.alarm.kinds,
};
const listening = { model, sense: { asksForOccupancy: true }, sounds: { rules: [] } };

let sent = 0;
let devices = [];
process.on('message', async (message) => {
  if (message === 'start')
    devices = Array.from({ length: to - from }, (_, i) => startDevice(`device-${from + i}`));
  else if (message === 'quiet') {
    for (const { quiet } of devices) quiet();
    while (devices.some(({ publisher }) => publisher.stats.queuedEvents > 0)) await pause(100);
    process.send({ sent });
  } else {
    await Promise.all(devices.map(({ stop }) => stop()));
    process.disconnect();
  }
});
process.send({ ready: true });

function startDevice(deviceId) {
  const log = {
    debug() {},
    info: (_, text) =>
      text.startsWith('connected') && process.send({ connected: deviceId, atMs: Date.now() }),
    warn() {},
    error: (fields, text) => console.error(deviceId, text, fields),
  };
  const config = loadConfig({ env: {}, cwd: folder, flags: { 'mqtt.url': url, 'device.name': deviceId } });
  const state = new State(join(folder, deviceId), log);
  const { topics, features, mqtt } = messageOptions(config, deviceId, state, listening, log);
  const publisher = new MqttPublisher(mqtt, log, systemClock);
  const health = () => ({
    uptimeSeconds: process.uptime(),
    memoryMb: 100,
    inferenceMs: 10,
    droppedWindows: 0,
    vetoed: 0,
  });
  const reporter = new Reporter(
    publisher,
    { ...config.publish, features },
    model,
    topics,
    health,
    systemClock,
  );
  const { hits, threshold, window, cooldownSeconds } = DEFAULT_ALARM_RULE;
  const target = {
    settings: { enabled: true, hits, threshold, window, cooldownSeconds, sensitivity: 'normal' },
    set: () => undefined,
    acknowledge() {},
    test() {},
    occupied() {},
    feedback: () => undefined,
  };
  const commands = new Commands(publisher, topics, target, log, systemClock);
  publisher.start();
  commands.start();
  reporter.inputOnline();
  const timers = [setInterval(hear, HOP_MS)];
  // Not all at one time: neither sound nor events do that.
  timers.push(setTimeout(tell, Math.random() * eventSeconds * 1000));

  /** A window of a room in which something is heard now and then. */
  function hear() {
    const loud = Math.random();
    const scores = Object.fromEntries(
      labels.map((label, i) => [label, i === (loud > 0.9 ? 1 : 0) ? 0.9 : 0.03]),
    );
    const label = loud > 0.9 ? labels[1] : labels[0];
    const level = { rmsDbfs: -60 + 30 * loud, peakDbfs: -40 + 30 * loud };
    const endAtMs = Date.now();
    reporter.window({
      label,
      confidence: 0.9,
      scores,
      ...level,
      audioset: [],
      endAtMs,
      startSeconds: 0,
      endSeconds: 1,
    });
  }

  function tell() {
    sent++;
    reporter.event({ type: 'test', atMs: Date.now() });
    timers.push(setTimeout(tell, (0.5 + Math.random()) * eventSeconds * 1000));
  }

  return {
    publisher,
    quiet: () => clearTimeout(timers.at(-1)),
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      commands.stop();
      reporter.stop();
      await publisher.stop();
    },
  };
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
