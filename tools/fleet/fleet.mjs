// Many devices on one broker, which is restarted: do all come back, without a storm, and does every event arrive?
// npm run fleet writes docs/fleet.md. Needs Mosquitto, on Linux.
//
//   --devices N       (default 200)
//   --processes N     that they share (default 4)
//   --event-seconds N between two events of a device, on average (default 30)
//   --outages A,B     seconds that the broker is away (default 0,10,120)
//   --out FILE        (default docs/fleet.md)
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Broker } from './broker.mjs';

const DEVICES = fileURLToPath(new URL('devices.mjs', import.meta.url));
/** What a fleet is given to come back. */
const MINUTE_MS = 60_000;
/** How long it is looked at in between. */
const STEADY_MS = 30_000;

const { values: flags } = parseArgs({
  options: {
    devices: { type: 'string', default: '200' },
    processes: { type: 'string', default: '4' },
    'event-seconds': { type: 'string', default: '30' },
    outages: { type: 'string', default: '0,10,120' },
    out: { type: 'string', default: fileURLToPath(new URL('../../docs/fleet.md', import.meta.url)) },
  },
});
const devices = Number(flags.devices);
const folder = mkdtempSync(join(tmpdir(), 'bathnet-fleet-'));
const broker = new Broker();
/** Device and wall clock of each connection. */
const connections = [];
const children = [];
try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  await broker.stop();
  rmSync(folder, { recursive: true });
}

async function main() {
  await broker.start();
  await pause(3000);
  const emptyBytes = broker.seconds.at(-1).bytes;
  const rows = [];
  await prepareDevices();
  const startMs = Date.now();
  for (const child of children) child.send('start');
  rows.push(['all started at once', ...(await comeBack(startMs))]);
  const steady = await lookAt();
  for (const outage of flags.outages.split(',').map(Number)) {
    await broker.down();
    await pause(outage * 1000);
    const upMs = await broker.up();
    rows.push([`restarted, away for ${outage} s`, ...(await comeBack(upMs))]);
    await pause(STEADY_MS / 3);
  }
  const events = await countEvents();
  writeFileSync(flags.out, report(rows, { ...steady, emptyBytes }, events));
  const lost = events.sent - events.arrived;
  const late = rows.filter(([, back]) => back < devices);
  console.log(
    `${rows.map((row) => row.join('  ')).join('\n')}\n${events.sent} events, ${lost} lost\n${flags.out} written`,
  );
  if (lost > 0 || late.length > 0) process.exitCode = 1;
}

/** Loads their processes; they begin when they are told to. */
async function prepareDevices() {
  const each = Math.ceil(devices / Number(flags.processes));
  for (let from = 0; from < devices; from += each) {
    const to = Math.min(devices, from + each);
    const job = { url: broker.url, folder, from, to, eventSeconds: Number(flags['event-seconds']) };
    const child = fork(DEVICES, [JSON.stringify(job)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.on('message', ({ connected, atMs }) => connected && connections.push({ connected, atMs }));
    children.push(child);
  }
  await Promise.all(children.map((child) => once(child, 'message')));
}

/** Waits until all are there and a little longer, at most a minute. */
async function comeBack(sinceMs) {
  const first = () => {
    const found = new Map();
    for (const { connected, atMs } of connections)
      if (atMs >= sinceMs && !found.has(connected)) found.set(connected, atMs - sinceMs);
    return [...found.values()].sort((a, b) => a - b);
  };
  while (first().length < devices && Date.now() < sinceMs + MINUTE_MS) await pause(200);
  await pause(5000); // what they say then
  const times = first();
  // The fullest second, wherever it begins.
  const within = times.map((from) => times.filter((ms) => ms >= from && ms < from + 1000).length);
  const { publishes, cpu } = rates(sinceMs, Date.now());
  return [
    times.length,
    ...[times[0], times[times.length >> 1], times.at(-1)].map((ms) => (ms / 1000).toFixed(1)),
    Math.max(...within),
    Math.max(...publishes),
    `${Math.max(...cpu)} %`,
  ];
}

/** What an ordinary while costs. */
async function lookAt() {
  const sinceMs = Date.now();
  await pause(STEADY_MS);
  const { publishes, cpu } = rates(sinceMs, Date.now());
  return { publishes: mean(publishes), cpu: mean(cpu), bytes: broker.seconds.at(-1).bytes };
}

/** Per second, of one process of the broker each. */
function rates(fromMs, toMs) {
  const seconds = broker.seconds.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const steps = seconds.slice(1).flatMap((now, i) => (now.pid === seconds[i].pid ? [[seconds[i], now]] : []));
  const rate = (of) => steps.map(([a, b]) => Math.round((of(b) - of(a)) / ((b.atMs - a.atMs) / 1000)));
  return { publishes: rate(({ publishes }) => publishes), cpu: rate(({ cpuSeconds }) => 100 * cpuSeconds) };
}

/** Lets the devices fall silent and compares what they told with what arrived. */
async function countEvents() {
  const counts = children.map(async (child) => {
    child.send('quiet');
    for (;;) {
      const [message] = await once(child, 'message');
      if ('sent' in message) return message.sent;
    }
  });
  const sent = (await Promise.all(counts)).reduce((sum, each) => sum + each, 0);
  await pause(2000);
  for (const child of children) child.send('stop');
  await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
  const arrived = new Set(broker.events).size;
  return { sent, arrived, twice: broker.events.length - arrived };
}

function report(rows, { publishes, cpu, bytes, emptyBytes }, { sent, arrived, twice }) {
  const mosquitto = /version (\S+)/.exec(spawnSync('mosquitto', ['-h']).stdout.toString())?.[1];
  const heads = [
    '',
    'back within a minute',
    'first, s',
    'median, s',
    'last, s',
    'most in 1 s',
    'most publishes/s',
  ];
  const table = [[...heads, 'most CPU'], Array(8).fill('---'), ...rows];
  return `# A fleet on one broker

How to set one up: [config/fleet](../config/fleet/README.md).

Written by \`npm run fleet\`: ${devices} devices, each with all that a daemon says and hears over MQTT – discovery, level,
class, health, settings, events every ${flags['event-seconds']} s on average, commands – but no sound and no model, on one Mosquitto
${mosquitto} on the loopback. ${cpus()[0].model}, ${cpus().length} cores that the devices share with the broker and others,
Node ${process.version}.

In an ordinary while the broker gets ${publishes.toFixed(0)} publishes a second, which one client listens to as Home Assistant does. It takes
${cpu.toFixed(1)} % of a core for them and has ${((bytes - emptyBytes) / devices / 1000).toFixed(0)} kB for each device.

The broker starts, with all devices, and is restarted, after it was away for some time:

${table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}

The first pause before a reconnect is short, so that a restart is hardly noticed, and each is random in part, so that
the devices do not come back as one. While it is longer, an event cuts it short: an alarm does not wait for it.

Of ${sent} events ${sent - arrived} were lost; ${twice} came twice, which their \`id\` tells.
`;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
