// Stage 6: the rule of a bundle's event head, by the daemon's own decision stage, on clips laid into a room one by one.
//
//   node rule.mjs BUNDLE CACHE --tune SET=DIR… --tune-hours DIR [--measure SET=DIR…] [--measure-hours DIR] [--draws 1]
//                 [--int8] [--write]
//
// DIR has clips in [CLASS/]KIND/SOURCE__NAME, those of hours are long recordings in which nothing is an alarm. Chosen on
// what is given as --tune alone: for each sensitivity the lines at which so many of its household clips alarm and so many
// alarms are raised in its hours, shared among the kinds as SHARES says; then all fall or rise together to where that just holds for all.
// The hours are those of a room as it is used (../sounds/ordinary.py --life --role training).
// Clips to measure with are laid --draws times, each time elsewhere, at another level and in another room's noise: where
// they are few, one draw says little. CACHE keeps what was heard; --int8 hears it in integers. --write puts the rule into the bundle.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEFAULT_ALARM_RULE } from '../../dist/alarm/rule.js';
import { SENSE_OFF } from '../../dist/alarm/sense.js';
import { decodeFile } from '../../dist/audio/decode.js';
import { audioBelow } from '../../dist/commands/support/audio-files.js';
import { SAMPLE_RATE_HZ as RATE, WINDOW_SAMPLES as WINDOW } from '../../dist/constants.js';
import { computedBy } from '../../dist/files/cache.js';
import { readBundle } from '../../dist/model/bundle.js';
import { concatenated } from '../../dist/model/concatenated.js';
import { SHIPPED_MODELS, withEvents } from '../../dist/model/shelf.js';
import { Pipeline } from '../../dist/pipeline.js';
import { layInLife } from '../../dist/training/life.js';
import { Track } from '../../dist/training/track.js';

const PER_SOURCE = 6;
const CLIP_SECONDS = 8;
const ALARM = ['impact', 'breaking', 'scream', 'distress'];
/**
 * Share of the household clips that may alarm, false alarms of the evidence in an hour, silence after an impact. Sounds
 * that a network has learned from raise fewer than others: what is wanted of those is about a quarter more.
 */
const TARGETS = {
  low: { clips: 0.01, perHour: 0.1, silenceSeconds: 8 },
  normal: { clips: 0.02, perHour: 0.175, silenceSeconds: 8 },
  high: { clips: 0.05, perHour: 0.45, silenceSeconds: 6 },
};
const LONGEST_SILENCE = Math.max(...Object.values(TARGETS).map(({ silenceSeconds }) => silenceSeconds));
/** Ordinary, but nothing that a room hears from near by: it counts in the hours, not among the household clips. */
const ELSEWHERE = new Set([
  'crowd',
  'engine',
  'fire',
  'game-effect',
  'nature',
  'other-animal',
  'siren',
  'thunder',
  'vehicle',
  'wind',
]);
/** Of every hundred false alarms, how many each may raise: impacts matter most and are the hardest to tell. */
const SHARES = { impact: 6, thump: 60, breaking: 8, scream: 20, distress: 6 };
/** And beside those hundred an impact with a voice in distress after it, so long at most: it tells what the others cannot. */
const VOICE = { share: 5, seconds: 15 };
const LEAK = 0.7;
const OFFSET = 2;
const OFF = 1e6;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tune: { type: 'string', multiple: true, default: [] },
    'tune-hours': { type: 'string', multiple: true, default: [] },
    measure: { type: 'string', multiple: true, default: [] },
    'measure-hours': { type: 'string', multiple: true, default: [] },
    draws: { type: 'string', default: '1' },
    int8: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const [bundleFolder, cache] = positionals;
/** What is imported has the event head of the bundle that ships beside it. */
const bundle = await withEvents(await readBundle(bundleFolder), [SHIPPED_MODELS]);
const { manifest } = bundle;
const HOP = manifest.event.hopSamples;
const precision = values.int8 ? 'int8' : 'float32';
const key = computedBy({ bundle, head: 'bathnet', wanted: 'scores', hopSamples: HOP, precision });
/** As a configuration that leaves what comes after an impact to the bundle. */
const SENSE = {
  ...SENSE_OFF,
  thumpSilenceSeconds: undefined,
  thumpVoiceSeconds: undefined,
  speechLabels: ['speech'],
  waterLabels: ['water'],
};
const events = JSON.parse(readFileSync(fileURLToPath(new URL('events.json', import.meta.url)), 'utf8')).kinds;
const ofSound = Object.fromEntries(
  Object.entries(events).flatMap(([kind, { sounds }]) => sounds.map((s) => [s, kind])),
);
const open = new Set(Object.values(events).flatMap(({ open = [] }) => open));
const CDDA_OPEN = /smash|melee_hit|mon_death|deal_damage|explosion|fire_gun|speech/;

/** An alarm kind, household or elsewhere for what is ordinary, or open for what nobody can say. */
function truthOf({ set, kind, name }) {
  if (set === 'fall') return 'impact';
  if (set === 'no-fall') return set;
  if (/cdda/.test(name) && CDDA_OPEN.test(kind)) {
    if (/glass|ceramic/.test(name)) return 'breaking';
    return /scream/.test(name) ? 'scream' : 'open';
  }
  const known = ofSound[kind];
  if (ALARM.includes(known)) return known;
  if (open.has(kind)) return 'open';
  return ELSEWHERE.has(kind) ? 'elsewhere' : 'household';
}

async function samplesOf(file, seconds) {
  const blocks = [];
  let count = 0;
  for await (const block of decodeFile(file)) {
    blocks.push(block.slice());
    count += block.length;
    if (count > seconds * RATE) break;
  }
  return concatenated(blocks);
}

/** All that the decision stage looks at in every window of a set: from CACHE, or heard now. */
async function heard(given, hours, draws) {
  const [set, folder] = hours ? [basename(given), given] : given.split('=');
  const file = join(cache, `${key.slice(0, 12)}-${precision}-${set}${draws > 1 ? `-${draws}` : ''}`);
  const labels = manifest.heads.bathnet.labels;
  const { kinds } = manifest.event;
  const width = 1 + labels.length + kinds.length;
  if (!existsSync(`${file}.json`)) {
    mkdirSync(cache, { recursive: true });
    const pipeline = await Pipeline.create(bundle, { head: 'bathnet', precision });
    const rows = [];
    const clips = [];
    const taken = new Map();
    const hear = async (samples, about) => {
      pipeline.reset();
      const first = rows.length;
      for (let at = 0; at + WINDOW <= samples.length; at += HOP) {
        const window = { samples: samples.subarray(at, at + WINDOW), startSample: at, endAtMs: 0 };
        const { scored } = await pipeline.process(window);
        const said = [scored.rmsDbfs, ...labels.map((label) => scored.scores[label])];
        rows.push(Float32Array.from([...said, ...kinds.map((kind) => scored.kinds[kind])]));
      }
      clips.push({ ...about, first, windows: rows.length - first, seconds: samples.length / RATE });
    };
    for (const path of await audioBelow(folder)) {
      const name = basename(path);
      const kind = basename(dirname(path));
      const source = name.includes('__') ? name.split('__')[0] : set;
      if (hours) {
        await hear(await samplesOf(path, Number.POSITIVE_INFINITY), { set, name, source, hours: true });
        continue;
      }
      const key = `${kind} ${source}`;
      if (source !== set && (taken.get(key) ?? 0) >= PER_SOURCE) continue;
      const clip = await samplesOf(path, CLIP_SECONDS);
      if (clip.length < RATE / 20 || !clip.some((x) => Math.abs(x) > 0.002)) continue;
      taken.set(key, (taken.get(key) ?? 0) + 1);
      for (let seed = 1; seed <= draws; seed++) {
        const laid = await layInLife([clip], name, { seed, silenceSeconds: LONGEST_SILENCE, pieces: [] });
        await hear(laid.samples, { set, kind, source, name, start: laid.startSeconds });
      }
    }
    await pipeline.close();
    const all = new Float32Array(rows.length * width);
    for (const [i, row] of rows.entries()) all.set(row, i * width);
    writeFileSync(`${file}.f32`, Buffer.from(all.buffer));
    writeFileSync(`${file}.json`, JSON.stringify(clips));
  }
  const bytes = readFileSync(`${file}.f32`);
  const rows = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const clips = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
  return clips.map(({ first, windows, ...about }) => {
    const track = new Track(about.name, labels, HOP / RATE, kinds, SENSE);
    for (let at = first * width; at < (first + windows) * width; at += width) {
      const scores = Object.fromEntries(labels.map((label, i) => [label, rows[at + 1 + i]]));
      const logOdds = Object.fromEntries(kinds.map((kind, i) => [kind, rows[at + 1 + labels.length + i]]));
      track.push({ rmsDbfs: rows[at], scores, kinds: logOdds });
    }
    track.seconds = about.seconds;
    return { ...about, truth: about.hours ? 'hours' : truthOf(about), track };
  });
}

/** The alarms that the decision stage raises in a clip. */
const alarmsIn = ({ track, start = 0 }, rule) =>
  track.replay(rule).filter(({ startSeconds }) => startSeconds >= start);

/** A rule of evidence alone, or with the classes' own rule. */
function ruleOf(lines, silenceSeconds, classes) {
  const { thump, voice, ...others } = lines;
  const own = {
    leak: LEAK,
    lines: Object.fromEntries(ALARM.map((kind) => [kind, others[kind] ?? OFF])),
    offsets: Object.fromEntries(ALARM.map((kind) => [kind, OFFSET])),
    thump: { line: thump ?? OFF, silenceSeconds, voice: { line: voice ?? OFF, seconds: VOICE.seconds } },
  };
  const never = { threshold: 2, instantThreshold: 2 };
  return {
    ...DEFAULT_ALARM_RULE,
    ...(classes ? manifest.heads.bathnet.alarm : never),
    sensitivity: 'normal',
    evidence: {
      kinds: ALARM,
      hopSeconds: HOP / RATE,
      memorySeconds: ((manifest.event.windows - 1) * HOP) / RATE,
      sensitivities: { low: own, normal: own, high: own },
    },
  };
}

const share = (clips, rule) => clips.filter((clip) => alarmsIn(clip, rule).length > 0).length / clips.length;
const perHour = (hours, rule) =>
  hours.reduce((sum, hour) => sum + alarmsIn(hour, rule).length, 0) /
  (hours.reduce((sum, { seconds }) => sum + seconds, 0) / 3600);

/** The least line at which a measure is no more than so much; the measure falls as the line rises. */
function lineAt(measure, most) {
  let [low, high] = [0.1, 60];
  for (let i = 0; i < 12; i++) {
    const middle = (low + high) / 2;
    if (measure(middle) > most) low = middle;
    else high = middle;
  }
  return high;
}

async function setsOf(given, hours, draws = 1) {
  const clips = [];
  for (const each of given) clips.push(...(await heard(each, hours, draws)));
  return clips;
}

const tune = await setsOf(values.tune, false);
const tuneHours = await setsOf(values['tune-hours'], true);
const draws = Number(values.draws);
const measured = await setsOf(values.measure, false, draws);
const measuredHours = await setsOf(values['measure-hours'], true);

function report(title, clips, hours, rule) {
  const parts = [];
  for (const truth of [...ALARM, 'open', 'household', 'elsewhere', 'no-fall']) {
    const here = clips.filter((clip) => clip.truth === truth);
    if (here.length > 0) parts.push(`${truth} ${(100 * share(here, rule)).toFixed(1)} % of ${here.length}`);
  }
  if (hours.length > 0)
    parts.push(`${perHour(hours, rule).toFixed(2)} false alarms an hour in ${hours.length} h`);
  console.log(`  ${title}: ${parts.join('; ')}`);
}

const sensitivities = {};
if (tune.length > 0) {
  const household = tune.filter(({ truth }) => truth === 'household');
  if (household.length === 0 || tuneHours.length === 0)
    throw new Error('--tune needs household clips, and --tune-hours beside it');
  const total = Object.values(SHARES).reduce((a, b) => a + b);
  for (const [sensitivity, target] of Object.entries(TARGETS)) {
    const lines = {};
    const lineOf = (name, part) => {
      const alone = (line) => ruleOf({ [name]: line }, target.silenceSeconds);
      return Math.max(
        lineAt((line) => share(household, alone(line)), (target.clips * part) / total),
        lineAt((line) => perHour(tuneHours, alone(line)), (target.perHour * part) / total),
      );
    };
    for (const [name, part] of Object.entries(SHARES)) lines[name] = lineOf(name, part);
    const factored = (factor) =>
      Object.fromEntries(Object.entries(lines).map(([name, line]) => [name, line * factor]));
    const rule = (factor) => ruleOf(factored(factor), target.silenceSeconds);
    const allows = (factor) =>
      share(household, rule(factor)) <= target.clips && perHour(tuneHours, rule(factor)) <= target.perHour;
    let factor = 1;
    while (allows(factor)) factor /= 1.01;
    while (!allows(factor)) factor *= 1.01;
    const chosen = Object.fromEntries(
      Object.entries({ ...factored(factor), voice: lineOf('voice', VOICE.share) }).map(([name, line]) => [
        name,
        Math.round(100 * line) / 100,
      ]),
    );
    const {
      lines: own,
      offsets,
      thump,
    } = ruleOf(chosen, target.silenceSeconds).evidence.sensitivities.normal;
    sensitivities[sensitivity] = { leak: LEAK, lines: own, offsets, thump };
    console.log(`${sensitivity}: lines ${JSON.stringify(chosen)} (by ${factor.toFixed(2)} for all together)`);
    report('tune', tune, tuneHours, ruleOf(chosen, target.silenceSeconds));
  }
} else Object.assign(sensitivities, manifest.event.alarm.sensitivities);

for (const [sensitivity, own] of Object.entries(sensitivities)) {
  const rule = (classes) =>
    ruleOf(
      { ...own.lines, thump: own.thump?.line, voice: own.thump?.voice?.line },
      own.thump?.silenceSeconds ?? 0,
      classes,
    );
  console.log(`${sensitivity}:`);
  report(`measured ${draws} times, evidence alone`, measured, measuredHours, rule(false));
  report(`measured ${draws} times, with the classes`, measured, measuredHours, rule(true));
  if (measuredHours.length > 0)
    own.falseAlarmsPerDay = Math.round(240 * perHour(measuredHours, rule(true))) / 10;
}
if (values.write) {
  for (const own of Object.values(sensitivities)) own.falseAlarmsPerDay ??= 0;
  const model = JSON.parse(readFileSync(join(bundleFolder, 'model.json'), 'utf8'));
  model.event.alarm = { kinds: ALARM, sensitivities };
  writeFileSync(join(bundleFolder, 'model.json'), `${JSON.stringify(model, null, 1)}\n`);
}
process.exit(0);
