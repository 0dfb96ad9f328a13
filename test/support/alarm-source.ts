import { once } from 'node:events';
import { dist, runScript } from './event-source.js';

/**
 * The part of the daemon that tells alarms: ends what an earlier one has left on, starts an alarm, ends it, and stops.
 * Killed on the way where `at` says so: `told started`, or before or after something that it does to a file.
 */
const SCRIPT = `
  import fs from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  const [url, folder, episodeId, at] = process.argv.slice(1);
  const die = () => process.kill(process.pid, 'SIGKILL');
  let phase = 'nothing';
  for (const [call, past] of [['rename', 'kept'], ['rm', 'removed']]) {
    const real = fs[call];
    fs[call] = async (...paths) => {
      const path = paths.find((each) => !each.endsWith('.tmp')) ?? '';
      const what = path.endsWith('open-alarm.json') ? 'alarm' : path.includes('/outbox/') ? 'event' : undefined;
      const name = \`\${what} of \${phase} \${past}\`;
      if (what && at === \`before \${name}\`) die();
      const result = await real(...paths);
      if (what && at === \`after \${name}\`) die();
      return result;
    };
  }
  syncBuiltinESMExports();
  const { OpenAlarms } = await import('${dist('open-alarms.js')}');
  const { MqttPublisher } = await import('${dist('publish/client.js')}');
  const { eventPayload } = await import('${dist('publish/payloads.js')}');
  const { topicsOf } = await import('${dist('publish/topics.js')}');
  const { State } = await import('${dist('storage/state.js')}');
  const { systemClock } = await import('${dist('system/clock.js')}');
  const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
  const nothing = () => {};
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const bounds = { outboxEvents: 1000, outboxBytes: 1e7, outboxDays: 30, outboxFolder: folder + '/outbox' };
  const timing = { reconnectMinMs: 20, reconnectMaxMs: 200, stopTimeoutMs: 2000 };
  const connection = { url, deviceId: 'test', topics, rejectUnauthorized: true, keepaliveSeconds: 30, timing };
  const publisher = new MqttPublisher({ ...connection, ...bounds }, log, systemClock);
  const state = new State(folder, log);
  const model = { name: 'm', version: '1', sha256: '', engine: 'none', labels: [], alarmLabels: [], alarmKinds: [] };
  let number = 0;
  const tell = (event) =>
    publisher.sendEvent(topics.event, eventPayload(event, { id: \`\${process.pid} \${++number}\`, test: false, model }));
  const alarms = new OpenAlarms(publisher, topics.openAlarm, state, systemClock, tell);
  publisher.start();
  alarms.endAbandoned((event) => alarms.event(event));
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const quiet = async () => {
    for (let still = 0; still < 5; still = publisher.stats.queuedEvents > 0 && publisher.connected ? 0 : still + 1) {
      await publisher.written();
      await wait(20);
    }
    await state.settled();
  };
  if (!url.endsWith(':9')) while (!publisher.connected) await wait(5);
  await quiet(); // the broker has told of the alarm that was on
  if (at !== 'nowhere') {
    const alarm = { episodeId, label: 'abnormal', confidence: 0.9, atMs: Date.now() };
    const window = { scores: {}, audioset: [], rmsDbfs: -20 };
    phase = 'started';
    alarms.event({ type: 'alarm_started', ...alarm, reason: 'hits', hits: [], window });
    if (at === 'told started') setImmediate(die); // it lies in the socket
    await quiet();
    phase = 'ended';
    alarms.event({ type: 'alarm_ended', ...alarm, durationSeconds: 1, peakConfidence: 0.9, endedBy: 'silence' });
    if (at === 'told ended') setImmediate(die);
    await quiet();
  }
  await publisher.stop();
  await state.settled();
`;

/** Nobody listens there: the broker is away. */
export const NO_BROKER = 'mqtt://127.0.0.1:9';

/** @returns whether it was killed */
export async function tellAlarm(
  url: string,
  folder: string,
  episodeId: string,
  at: string,
): Promise<boolean> {
  const child = runScript(SCRIPT, [url, folder, episodeId, at], ['ignore', 'inherit', 'inherit']);
  const [, signal] = await once(child, 'exit');
  return signal === 'SIGKILL';
}
