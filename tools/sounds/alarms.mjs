// How well smoke and carbon monoxide alarms are heard, and how seldom falsely, as Markdown; after `npm run build`:
//
//   node tools/sounds/alarms.mjs HOURS CLIPS [--scenes 24] [--seed 1] [--only alarms,others,clips,hours] [--rhythm-only]
//
// HOURS: recordings of an hour by ordinary.py, 16 kHz mono, over which made alarms are laid, and in which what is heard
// is heard falsely; CLIPS: folders of clips, of which those of KINDS are heard again and again. With --rhythm-only no
// network listens, which takes a fifth of the time.
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Rhythms } from '../../dist/alarm/cadence.js';
import { KNOWN_SOUNDS } from '../../dist/config/sections/sounds.js';
import { RHYTHMS, WINDOW_SECONDS } from '../../dist/constants.js';
import { createFrontEnd } from '../../dist/features/create-front-end.js';
import { windowsOf } from '../../dist/features/ring.js';
import { readBundle } from '../../dist/model/bundle.js';
import { findBundle, SHIPPED_MODELS } from '../../dist/model/shelf.js';
import { Pipeline } from '../../dist/pipeline.js';
import { wilsonInterval } from '../../dist/training/metrics.js';
import { createRandom } from '../../dist/training/random.js';
import * as made from './made-alarms.mjs';

const LEVELS_DBFS = [-25, -35, -45, -55];
/** Before an alarm, and how long it rings. */
const BEFORE_SECONDS = 4;
const RING_SECONDS = 40;
const HOP_SAMPLES = 7680;
const KINDS = ['beep', 'phone', 'notification', 'bell', 'siren'];
const WAV_HEADER_BYTES = 44;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scenes: { type: 'string', default: '24' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: 'alarms,others,clips,hours' },
    'rhythm-only': { type: 'boolean', default: false },
  },
});
const [hoursFolder, clipsFolder] = positionals;
const scenes = Number(values.scenes);
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const table = (...head) => {
  console.log();
  row(...head);
  row(...head.map(() => '---'));
};

/** Samples of a WAV file of 16 bit, mono, from a place on. */
function samplesOf(path, from = 0, count = (statSync(path).size - WAV_HEADER_BYTES) / 2) {
  const bytes = new Int16Array(count);
  const file = openSync(path);
  readSync(file, bytes, 0, 2 * count, WAV_HEADER_BYTES + 2 * from);
  closeSync(file);
  return Float32Array.from(bytes, (x) => x / 32768);
}

/** The preset rules, each in its parts. */
const { smoke_alarm: smoke, co_alarm: co } = KNOWN_SOUNDS;
const rules = [
  { ...smoke, id: 'score', rhythm: 'none' },
  { ...smoke, id: 'T3', classes: [] },
  { ...smoke, id: 'score or T3' },
  { ...co, id: 'T4' },
];
const bundle = await readBundle(await findBundle('bathnet-mini', [SHIPPED_MODELS]));
const pipeline = values['rhythm-only'] ? undefined : await Pipeline.create(bundle, { sounds: rules });
const frontEnd = createFrontEnd(bundle.manifest.frontEnd);
const mel = new Float32Array(96 * 64);

/** When each rule begins to hear something: seconds by id. */
async function* heardIn(sound) {
  pipeline?.reset();
  frontEnd.forget();
  const rhythms = new Rhythms(RHYTHMS, frontEnd.bandOf);
  for await (const window of windowsOf([sound], HOP_SAMPLES)) {
    const seconds = window.startSample / made.RATE_HZ + WINDOW_SECONDS;
    if (pipeline) {
      for (const { id, heard } of (await pipeline.process(window)).sounds) if (heard) yield { id, seconds };
      continue;
    }
    const zeroDb = frontEnd.compute(window, mel);
    const { unitDb } = frontEnd;
    for (const id of rhythms.push({ mel, unitDb, zeroDb, startSample: window.startSample }))
      yield { id, seconds };
  }
}

/** The first of each. */
async function firstIn(sound) {
  const first = new Map();
  for await (const { id, seconds } of heardIn(sound)) if (!first.has(id)) first.set(id, seconds);
  return first;
}

const hours = readdirSync(hoursFolder)
  .filter((name) => name.endsWith('.wav'))
  .map((name) => join(hoursFolder, name));
/** What happens in a home at some moment. */
function moment(random, seconds) {
  const path = hours[Math.floor(random() * hours.length)];
  const all = (statSync(path).size - WAV_HEADER_BYTES) / 2;
  const count = Math.round(seconds * made.RATE_HZ);
  return samplesOf(path, Math.floor(random() * (all - count)), count);
}

function scene(random, sound, dbfs) {
  const wet = made.atLevel(made.inRoom(sound, made.madeRoom(random)), dbfs);
  const out = moment(random, BEFORE_SECONDS + RING_SECONDS);
  const from = BEFORE_SECONDS * made.RATE_HZ;
  for (let i = 0; i < wet.length; i++) out[from + i] += wet[i];
  return out;
}

const share = (count, of) => {
  const [low, high] = wilsonInterval(count, of).map((x) => Math.round(100 * x));
  return `${count} of ${of} (${low} to ${high} %)`;
};
const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const ids = pipeline ? rules.map(({ id }) => id) : RHYTHMS;
/** Hears sounds, each by itself. @returns when each rule first heard something: seconds by id, sound after sound */
async function hearAll(sounds) {
  const after = Object.fromEntries(ids.map((id) => [id, []]));
  for await (const sound of sounds)
    for (const [id, seconds] of await firstIn(sound)) after[id].push(seconds - BEFORE_SECONDS);
  return after;
}

/** Made ones at a level, each in a room of its own. */
function* scenesOf(random, make, count, levels) {
  for (let i = 0; i < count; i++) yield scene(random, make(), levels[i % levels.length]);
}

async function alarms() {
  table('alarm', 'level', ...ids.flatMap((id) => [`by ${id}`, 'after, s']));
  for (const [place, kind] of made.ALARMS.entries())
    for (const dbfs of LEVELS_DBFS) {
      const random = createRandom(Number(values.seed) * 1000 + place * 10 - dbfs);
      const make = () => made.madeAlarm(random, kind, RING_SECONDS);
      const after = await hearAll(scenesOf(random, make, scenes, [dbfs]));
      const cells = ids.flatMap((id) => [
        share(after[id].length, scenes),
        median(after[id])?.toFixed(1) ?? '',
      ]);
      row(`${kind.rhythm}, ${kind.tone}`, `${dbfs} dBFS`, ...cells);
    }
}

async function others() {
  table('what else beeps, made', ...ids.map((id) => `by ${id}`));
  for (const [place, name] of Object.keys(made.OTHERS).entries()) {
    const random = createRandom(Number(values.seed) * 1000 + 500 + place);
    const make = () => made.madeOther(random, name, RING_SECONDS);
    const after = await hearAll(scenesOf(random, make, 2 * scenes, LEVELS_DBFS.slice(0, 3)));
    row(name, ...ids.map((id) => share(after[id].length, 2 * scenes)));
  }
}

async function clips() {
  table('clips, again and again', ...ids.map((id) => `by ${id}`));
  const files = readdirSync(clipsFolder, { recursive: true, encoding: 'utf8' }).sort();
  for (const kind of KINDS) {
    const own = files.filter((name) => name.endsWith('.wav') && name.split('/').at(-2) === kind);
    if (own.length === 0) continue;
    const random = createRandom(Number(values.seed));
    const after = await hearAll(own.map((name) => again(random, samplesOf(join(clipsFolder, name)))));
    row(kind, ...ids.map((id) => share(after[id].length, own.length)));
  }
}

/** A clip again and again, with pauses between. */
function again(random, clip) {
  const sound = moment(random, RING_SECONDS);
  const pause = Math.round(random() * 3 * made.RATE_HZ);
  for (let at = 0; at < sound.length; at += clip.length + pause)
    for (let i = 0; i < clip.length && at + i < sound.length; i++) sound[at + i] += clip[i];
  return sound;
}

async function ordinary() {
  table('hours in which something is heard', ...ids.map((id) => `by ${id}, at second`));
  const falsely = Object.fromEntries(ids.map((id) => [id, 0]));
  for (const path of hours) {
    const at = Object.fromEntries(ids.map((id) => [id, []]));
    for await (const { id, seconds } of heardIn(samplesOf(path))) at[id].push(seconds.toFixed(0));
    if (ids.some((id) => at[id].length > 0)) row(basename(path), ...ids.map((id) => at[id].join(' ')));
    for (const id of ids) falsely[id] += at[id].length;
  }
  row(`${hours.length} h: times`, ...ids.map((id) => falsely[id]));
}

const measures = { alarms, others, clips, hours: ordinary };
for (const name of values.only.split(',')) await measures[name]();
await pipeline?.close();
