// Measures speed and memory of the built program, model by model in one run: npm run bench
//
//   --minutes N       how long the daemons run for the memory figures (default 10)
//   --models A,B      bundles to compare (default: bathnet-mini, and yamnet where it has been imported)
//   --source SOURCE   what the daemons listen to (default: the demo scene in a loop, in real time)
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Aedes } from 'aedes';
import { connectAsync } from 'mqtt';
import { decodeFile } from '../dist/audio/decode.js';
import { loadConfig } from '../dist/config/load.js';
import { PRECISIONS, SAMPLE_RATE_HZ } from '../dist/constants.js';
import { RingWindow } from '../dist/features/ring.js';
import { readBundle } from '../dist/model/bundle.js';
import { findBundle, modelShelves } from '../dist/model/shelf.js';
import { Pipeline } from '../dist/pipeline.js';
import { stateFolder } from '../dist/storage/state.js';

const SCENE = fileURLToPath(new URL('../config/demo/bathroom.flac', import.meta.url));
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const ROUNDS = 3;
const WINDOWS = 400;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    models: { type: 'string' },
    source: { type: 'string', default: `file:${SCENE}` },
    worker: { type: 'string' },
    precision: { type: 'string' },
  },
});
const shelves = modelShelves(
  stateFolder(loadConfig({ env: process.env, flags: {}, cwd: '.' }).stateDir, process.env),
);

if (values.worker) await work(values.worker);
else await main();

async function main() {
  const models = values.models?.split(',') ?? ['bathnet-mini', 'yamnet'];
  const folders = new Map();
  for (const model of models) {
    const folder = await findBundle(model, shelves).catch(() => undefined);
    if (folder) folders.set(model, folder);
    else console.log(`(left out: ${model} is not there; bathnet2mqtt models import … --name ${model})`);
  }
  console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}\n`);

  // A process per model, precision and round, alternating, so that a busy moment does not favour one of them.
  const timings = new Map();
  for (let round = 0; round < ROUNDS; round++)
    for (const [model, folder] of folders)
      for (const precision of (await readBundle(folder)).manifest.quantization ? PRECISIONS : ['float32']) {
        const name = `${model} ${precision}`;
        timings.set(name, [...(timings.get(name) ?? []), ...(await timeWindows(folder, precision))]);
      }
  table(
    ['per window, ms', 'log-mel p50', 'p99', 'network p50', 'p99', 'whole p50', 'p99'],
    [...timings].map(([name, all]) => [
      name,
      ...['melMs', 'networkMs', 'wholeMs'].flatMap((key) => {
        const sorted = all.map((timing) => timing[key]).sort((a, b) => a - b);
        return [quantile(sorted, 0.5).toFixed(2), quantile(sorted, 0.99).toFixed(2)];
      }),
    ]),
  );

  const startUps = new Map([...folders.keys()].map((model) => [model, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [model, folder] of folders) startUps.get(model).push(await timeStartUp(folder));
  table(
    ['start-up, ms', 'process start to first window (sound not waited for)'],
    [...startUps].map(([model, all]) => [
      model,
      quantile(
        all.sort((a, b) => a - b),
        0.5,
      ).toFixed(0),
    ]),
  );

  await soak(folders, Number(values.minutes));
}

/** Windows of the demo scene through the pipeline, in a process of their own. */
async function timeWindows(folder, precision) {
  const child = fork(fileURLToPath(import.meta.url), ['--worker', folder, '--precision', precision]);
  const [timings] = await once(child, 'message');
  return timings;
}

async function work(folder) {
  const pipeline = await Pipeline.create(await readBundle(folder), { precision: values.precision });
  const ring = new RingWindow({ hopSamples: 0.48 * SAMPLE_RATE_HZ });
  const timings = [];
  // Decoded before: here the pipeline is measured, not the file.
  const scene = [];
  for await (const samples of decodeFile(SCENE)) scene.push(samples);
  while (timings.length < WINDOWS)
    for (const samples of scene) {
      ring.push({ samples, capturedAtMs: 0 });
      for (let window = ring.take(); window; window = ring.take()) {
        const begin = performance.now();
        const { melMs, networkMs } = await pipeline.process(window);
        timings.push({ melMs, networkMs, wholeMs: performance.now() - begin });
      }
    }
  process.send(timings.slice(50)); // the first ones warm up
  process.disconnect();
}

/** From the start of the process to the first class on the broker; the scene plays as fast as it can. */
async function timeStartUp(folder) {
  return withBroker(async (url, subscriber) => {
    const begin = performance.now();
    const first = new Promise((resolve) => {
      subscriber.on('message', (topic) => topic.endsWith('/class') && resolve(performance.now() - begin));
    });
    return withDaemon(folder, url, 'bench', ['--source', `file:${SCENE}`, '--speed', '1000'], () => first);
  });
}

/** Daemons side by side in real time: memory over time, and latency of the events they publish. */
async function soak(folders, minutes) {
  const latencies = new Map([...folders.keys()].map((model) => [model, []]));
  const memory = new Map([...folders.keys()].map((model) => [model, []]));
  const checkpoints = [0.1, 0.5, 1].map((share) => share * minutes);
  await withBroker(async (url, subscriber) => {
    subscriber.on('message', (topic, payload) => {
      const [, model, kind] = topic.split('/');
      const event = kind === 'event' ? JSON.parse(payload) : {};
      if (event.event_type === 'alarm_started') latencies.get(model)?.push(event.latencyMs);
    });
    const run = ([[model, folder], ...rest], pids) =>
      withDaemon(folder, url, model, ['--source', values.source, '--loop'], (pid) => {
        const all = [...pids, [model, pid]];
        return rest.length > 0 ? run(rest, all) : watch(all);
      });
    const watch = async (pids) => {
      const begin = performance.now();
      for (const minute of checkpoints) {
        await sleep(minute * 60_000 - (performance.now() - begin));
        for (const [model, pid] of pids) memory.get(model).push(familyMemory(pid));
      }
    };
    if (folders.size > 0) await run([...folders], []);
  });
  table(
    [
      'resident memory, MB',
      ...checkpoints.map((minute) => `after ${minute} min`),
      'event latency p50, ms',
      'max',
    ],
    [...folders.keys()].map((model) => {
      const sorted = latencies.get(model).sort((a, b) => a - b);
      return [
        model,
        ...memory.get(model),
        sorted.length > 0 ? quantile(sorted, 0.5).toFixed(0) : '–',
        sorted.length > 0 ? sorted.at(-1).toFixed(0) : '–',
      ];
    }),
  );
}

async function withBroker(action) {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `mqtt://127.0.0.1:${server.address().port}`;
  const subscriber = await connectAsync(url);
  await subscriber.subscribeAsync('bathnet/#', { qos: 1 });
  try {
    return await action(url, subscriber);
  } finally {
    await subscriber.endAsync(true);
    await new Promise((resolve) => aedes.close(() => server.close(resolve)));
  }
}

async function withDaemon(folder, url, id, args, action) {
  const stateDir = mkdtempSync(join(tmpdir(), 'bathnet2mqtt-bench-'));
  const settings = [`device.id=${id}`, `stateDir=${stateDir}`].flatMap((setting) => ['--set', setting]);
  const flags = ['--mqtt-url', url, '--model', folder, '--log-level', 'error', ...settings, ...args];
  const daemon = spawn(process.execPath, [MAIN, 'run', ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(daemon, 'exit');
  try {
    return await action(daemon.pid);
  } finally {
    daemon.kill();
    await exited;
    rmSync(stateDir, { recursive: true });
  }
}

/** The daemon's resident memory, `+` that of its capture process where there is one. */
function familyMemory(pid) {
  const family = [
    pid,
    ...readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid),
  ];
  return family.map(residentMb).join(' + ');
}

function parentOf(pid) {
  return Number(field(pid, 'PPid'));
}

function residentMb(pid) {
  return ((Number.parseInt(field(pid, 'VmRSS'), 10) * 1024) / 1e6).toFixed(0);
}

function field(pid, name) {
  try {
    return (
      new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
    );
  } catch {
    return '0'; // gone since
  }
}

function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function table(head, rows) {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => String(row[i]).length)));
  for (const row of [head, ...rows])
    console.log(
      row
        .map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i])))
        .join('  '),
    );
  console.log();
}
