// Measures speed, memory and start of every engine and model on this machine: npm run bench (see --help)
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../dist/config/load.js';
import { ExitCode, UserError } from '../../dist/errors.js';
import { readBundle } from '../../dist/model/bundle.js';
import { findBundle, modelShelves } from '../../dist/model/shelf.js';
import { stateFolder } from '../../dist/storage/state.js';
import { chart } from './chart.mjs';
import { costOfHours, costOfMicrophones } from './cost.mjs';
import { listen, timeStart } from './daemon.mjs';
import { installOthers, otherSubjects } from './others.mjs';
import { runWorker, watchMachine } from './process.mjs';
import { markdown, text } from './report.mjs';
import { SCENE, writeScene } from './scene.mjs';

const HELP = `npm run bench -- [options]: every engine and model on this machine in turn

  --models A,B        bundles (default: bathnet-mini, and yamnet where it has been imported)
  --rounds N          how often each is timed, in turn (default 3)
  --windows N         windows in each (default 600)
  --minutes N         how long the daemons run side by side for memory and CPU time (default 2)
  --source SOURCE     what the daemons listen to (default: the demo's scene, in real time)
  --microphones 1,2   how many in one process (default 1,2,4,8; 0: none)
  --seconds N         how long they listen, each number of them (default 20)
  --hours 1,10        files of one hour for classify (default 1,10; 0: none)
  --others FOLDER     measure also what a person would take instead, installed into this folder (Python, npm)
  --yamnet FILE       yamnet.tflite with its own front end, for --others
  --json FILE         the figures as JSON
  --note TEXT         a sentence for the report: what else the machine did, at which priority this ran
  --from FILE         measure nothing: the figures of an earlier --json
  --docs              write docs/bench.md and docs/bench.svg
`;
const WORKER = fileURLToPath(new URL('workers/ours.mjs', import.meta.url));
const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));

const { values: flags } = parseArgs({
  options: {
    models: { type: 'string', default: 'bathnet-mini,yamnet' },
    rounds: { type: 'string', default: '3' },
    windows: { type: 'string', default: '600' },
    minutes: { type: 'string', default: '2' },
    source: { type: 'string', default: `file:${SCENE}` },
    microphones: { type: 'string', default: '1,2,4,8' },
    seconds: { type: 'string', default: '20' },
    hours: { type: 'string', default: '1,10' },
    others: { type: 'string' },
    yamnet: { type: 'string' },
    json: { type: 'string' },
    note: { type: 'string', default: '' },
    from: { type: 'string' },
    docs: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (flags.help) console.log(HELP);
else
  await main().catch((error) => {
    if (!(error instanceof UserError)) throw error;
    console.error(`error: ${error.message}\n  hint: ${error.hint}`);
    process.exitCode = error.code;
  });

async function main() {
  const dir = mkdtempSync(join(tmpdir(), 'bathnet2mqtt-bench-'));
  try {
    const figures = flags.from ? JSON.parse(readFileSync(flags.from, 'utf8')) : await measure(dir);
    console.log(text(figures));
    if (flags.json) writeFileSync(flags.json, `${JSON.stringify(figures, null, 1)}\n`);
    if (flags.docs) {
      writeFileSync(join(DOCS, 'bench.md'), markdown(figures));
      writeFileSync(join(DOCS, 'bench.svg'), chart(figures));
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(dir) {
  const [rounds, minutes, seconds] = ['rounds', 'minutes', 'seconds'].map(positive);
  positive('windows');
  const more = { microphones: counts('microphones'), hours: counts('hours') };
  const busy = watchMachine();
  await writeScene(dir);
  const models = await foundModels();
  const ours = (await Promise.all([...models].map(subjectsOf))).flat();
  const alone = (await Promise.all([...models].map(aloneSubjects))).flat();
  const others = [...alone, ...(flags.others ? otherSubjectsIn(flags.others, models, dir) : [])];
  const rows = await timeAll([...ours, ...others], rounds);
  const bareNodeMs = Math.min(...(await inTurn(5, timeNode)));
  for (const row of rows.filter(({ other }) => !other)) {
    progress(`start of ${row.model}, ${row.name}`);
    row.startMs = Math.min(...(await inTurn(rounds, () => timeStart(row))));
  }
  progress(`${ours.length} daemons, ${minutes} min`);
  const daemons = await listen(ours, minutes, flags.source);
  for (const [i, daemon] of daemons.entries()) Object.assign(rows[i], { daemon });

  const microphones = {};
  const hours = {};
  for (const [model, folder] of models) {
    progress(`microphones and hours, ${model}`);
    microphones[model] = await costOfMicrophones({ folder }, more.microphones, seconds);
    hours[model] = await costOfHours({ folder }, more.hours, dir);
  }
  const machine = {
    cpu: cpus()[0].model,
    cores: cpus().length,
    node: process.version,
    busy: busy(),
    bareNodeMs,
  };
  return { date: new Date().toISOString().slice(0, 10), machine, flags, rows, microphones, hours };
}

/** What a Node takes that does nothing: how fast this machine starts anything just now. */
function timeNode() {
  const begin = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  return performance.now() - begin;
}

/** Each in a process of its own, in turn, so that a busy moment favours none; of each the best of its rounds. */
async function timeAll(subjects, rounds) {
  const rows = new Map(subjects.map((subject) => [subject, undefined]));
  for (let round = 1; round <= rounds; round++)
    for (const subject of rows.keys()) {
      progress(`round ${round}: ${subject.model}, ${subject.name}`);
      try {
        const figures = await runWorker(subject.command, subject.args);
        rows.set(subject, best(rows.get(subject), figures));
      } catch (error) {
        console.error(`(left out: ${error.message})`);
        rows.delete(subject);
      }
    }
  return [...rows].map(([{ command, args, ...subject }, figures]) => ({ ...subject, ...figures }));
}

/** Of every figure the one that fewer other programs have spoiled. */
function best(a, b) {
  if (a === undefined) return b;
  if (typeof a === 'object')
    return Object.fromEntries(Object.keys(a).map((key) => [key, keyed(key, a[key], b[key])]));
  return Math.min(a, b);
}

function keyed(key, a, b) {
  return key === 'batchPerSecond' ? Math.max(a, b) : best(a, b);
}

async function foundModels() {
  const config = loadConfig({ env: process.env, flags: {}, cwd: '.' });
  const shelves = modelShelves(stateFolder(config.stateDir, process.env));
  const models = new Map();
  for (const model of flags.models.split(',')) {
    const folder = await findBundle(model, shelves).catch(() => undefined);
    if (folder) models.set(model, folder);
    else console.error(`(left out: ${model} is not there; bathnet2mqtt models import … --name ${model})`);
  }
  if (models.size === 0)
    refuse('none of the models is there', 'See which there are: bathnet2mqtt models list');
  return models;
}

/** Every engine that is installed, in every precision that engine and model have. */
async function subjectsOf([model, folder]) {
  const { quantization } = (await readBundle(folder)).manifest;
  const engines = [
    ['onnxruntime', 'float32', 'onnxruntime-node'],
    ...(quantization ? [['onnxruntime', 'int8', 'onnxruntime-node']] : []),
    ['tfjs-wasm', 'float32', '@tensorflow/tfjs-backend-wasm'],
    ['tfjs-node', 'float32', '@tensorflow/tfjs-node'],
  ];
  return engines
    .filter(([, , name]) => isInstalled(name))
    .map(([engine, precision]) => ({
      name: `${engine}, ${precision}`,
      model,
      folder,
      engine,
      precision,
      command: process.execPath,
      args: [WORKER, folder, engine, precision, flags.windows],
    }));
}

/** The network of a model that another one hears beside, without that: to be compared with what others compute. */
async function aloneSubjects([model, folder]) {
  if (!(await readBundle(folder)).manifest.eventModel) return [];
  return (await subjectsOf([model, folder]))
    .filter(({ engine }) => engine === 'onnxruntime')
    .map((subject) => ({
      ...subject,
      name: `${subject.name}, by itself`,
      args: [...subject.args, 'alone'],
      other: true,
      frontEnd: true,
    }));
}

function otherSubjectsIn(folder, models, dir) {
  installOthers(folder);
  return otherSubjects(folder, models, { dir, yamnetFile: flags.yamnet, windows: flags.windows });
}

function isInstalled(name) {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

async function inTurn(times, action) {
  const all = [];
  for (let i = 0; i < times; i++) all.push(await action());
  return all;
}

/** @returns the numbers of a list, without 0 */
function counts(name) {
  const all = flags[name].split(',').map(Number);
  if (!all.every((count) => Number.isInteger(count) && count >= 0))
    refuse(`--${name} is ${flags[name]}`, 'Give whole numbers with commas between them, or 0 for none.');
  return all.filter((count) => count > 0);
}

function positive(name) {
  const value = Number(flags[name]);
  if (!(value > 0)) refuse(`--${name} is ${flags[name]}`, 'Give a number above 0.');
  return value;
}

function refuse(what, hint) {
  throw new UserError(ExitCode.usage, what, hint);
}

function progress(line) {
  console.error(`… ${line}`);
}
