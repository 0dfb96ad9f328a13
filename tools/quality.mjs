// Measures how good a model is on sound that it was not trained on, as Markdown: npm run quality -- …
//
//   --model NAME        bundle (default: bathnet-mini)
//   --precision NAME    in which numbers: float32 (default), the same on every machine, or int8
//   --like NAME         the network that it imitates, to compare embeddings with; left out if not given
//   --blocks DIR        BATHNet's clips, of which those are used that `train` keeps back
//   --elsewhere DIR     CLASS/KIND/clips of sources that were not trained on; can be repeated
//   --falls DIR         real falls and other sound: fall/ and no-fall/
//   --ordinary DIR      recordings of ordinary sound, to count false alarms
//   --life-in DIR       recordings that clips are laid into, to count alarms; without it they lie in a room
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../dist/config/load.js';
import { extractEmbeddings } from '../dist/files/embeddings.js';
import { readBundle } from '../dist/model/bundle.js';
import { AUDIOSET_HEAD, denseScores } from '../dist/model/head.js';
import { findBundle, modelShelves } from '../dist/model/shelf.js';
import { stateFolder } from '../dist/storage/state.js';
import { scanDataset } from '../dist/training/dataset.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const LARGEST_REPORT = 256 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'bathnet-mini' },
    precision: { type: 'string', default: 'float32' },
    like: { type: 'string' },
    blocks: { type: 'string' },
    elsewhere: { type: 'string', multiple: true, default: [] },
    falls: { type: 'string' },
    ordinary: { type: 'string' },
    'life-in': { type: 'string' },
  },
});
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const interval = ([low, high]) => `${(100 * low).toFixed(1)}–${percent(high)}`;
const MODEL = ['--model', values.model, '--set', `model.precision=${values.precision}`];
const LIFE = values['life-in'] ? ['--life-in', values['life-in']] : ['--life'];
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);

const evaluate = (...given) =>
  JSON.parse(
    execFileSync(process.execPath, [MAIN, 'evaluate', '--json', ...MODEL, ...given], {
      maxBuffer: LARGEST_REPORT,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );

/** How alike two networks are on the same windows: mean cosine similarity, share with the same AudioSet top 1. */
async function agreement(dirs, names) {
  const { stateDir } = loadConfig({ env: process.env, flags: {}, cwd: '.' });
  const shelves = modelShelves(stateFolder(stateDir, process.env));
  const paths = [];
  for (const dir of dirs) for (const { path } of (await scanDataset(dir)).clips) paths.push(path);
  const [one, other] = await Promise.all(
    names.map(async (name) => {
      const bundle = await readBundle(await findBundle(name, shelves));
      const sounds = paths.map((path) => ({ path, lays: [{ how: 'as it is' }] }));
      const precision = name === values.model ? values.precision : 'float32';
      const { files } = await extractEmbeddings(sounds, { bundle, precision, hopSeconds: 0.48 });
      return { bundle, clips: files.flat() };
    }),
  );
  let windows = 0;
  let cosine = 0;
  let sameTop = 0;
  for (const [i, { count, frames }] of one.clips.entries()) {
    const tops = [one, other].map(({ bundle, clips }) =>
      topOf(denseScores(bundle, AUDIOSET_HEAD, clips[i].frames), count),
    );
    const size = frames.length / count;
    for (let w = 0; w < count; w++) {
      const window = ({ clips }) => clips[i].frames.subarray(w * size, (w + 1) * size);
      cosine += cosineOf(window(one), window(other));
      if (tops[0][w] === tops[1][w]) sameTop++;
    }
    windows += count;
  }
  return { windows, cosine: cosine / windows, sameTop: sameTop / windows };
}

function cosineOf(a, b) {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / (Math.sqrt(aa * bb) || 1);
}

function topOf(scores, count) {
  const size = scores.length / count;
  return Array.from({ length: count }, (_, w) => {
    const own = scores.subarray(w * size, (w + 1) * size);
    return own.indexOf(own.reduce((a, b) => Math.max(a, b)));
  });
}

row('figure', values.model, 'measured on');
row('---', '---', '---');
if (values.blocks) {
  const { clips } = evaluate(values.blocks, '--map', 'singing=speech', '--split', 'validation');
  row("BATHNet's four classes, blocks held out: accuracy", clips.accuracy.toFixed(3), `${clips.count} clips`);
  row('… balanced', clips.balancedAccuracy.toFixed(3), '');
  row(
    '… missed alarms',
    percent(clips.missedAlarms.share),
    `${clips.missedAlarms.count} of ${clips.missedAlarms.clips} clips`,
  );
}
/** Alarms of clips as life has them, one by one in a room or in ordinary sound. */
function lifeRows({ alarm, others }) {
  for (const [what, { clips, alarms, share, interval: range }] of [
    ['… found, as life has them (95 % interval)', alarm],
    ['… others that alarm (95 % interval)', others],
  ])
    if (clips > 0) row(what, `${percent(share)} (${interval(range)})`, `${alarms} of ${clips} clips`);
}

const kinds = [];
for (const dir of values.elsewhere) {
  const { clips, life } = evaluate(dir, '--kinds', ...LIFE);
  row(`${dir}: balanced accuracy`, clips.balancedAccuracy.toFixed(3), `${clips.count} clips`);
  lifeRows(life);
  for (const each of clips.kinds)
    kinds.push({
      dir,
      ...each,
      alarms: life.kinds.find(({ label, kind }) => label === each.label && kind === each.kind),
    });
}
if (values.falls) {
  const { life } = evaluate(values.falls, '--map', 'fall=abnormal,no-fall=background', ...LIFE);
  row('real falls', '', values.falls);
  lifeRows(life);
}
if (values.like && values.elsewhere.length > 0) {
  const { windows, cosine, sameTop } = await agreement(values.elsewhere, [values.model, values.like]);
  row(`cosine similarity of the embedding to ${values.like}`, cosine.toFixed(3), `${windows} windows`);
  row(`same AudioSet top 1 as ${values.like}`, sameTop.toFixed(3), `${windows} windows`);
}
if (values.ordinary) {
  const { outcome } = evaluate('--ordinary', values.ordinary).recordings;
  row(
    'false alarms per hour (95 % upper bound)',
    `${outcome.falseAlarmsPerHour.toFixed(2)} (${outcome.upperBoundPerHour.toFixed(2)})`,
    `${outcome.falseAlarms} in ${outcome.ordinaryHours.toFixed(1)} h`,
  );
}
if (kinds.length > 0) {
  const labels = Object.keys(kinds[0].decided);
  console.log('');
  row(
    'from',
    'class',
    'kind',
    'clips',
    ...labels.map((label) => `taken for ${label}`),
    'raise the alarm',
    '95 % interval',
  );
  row(...Array(6 + labels.length).fill('---'));
  for (const { dir, label, kind, clips, decided, alarms } of kinds)
    row(
      dir,
      label,
      kind,
      clips,
      ...labels.map((each) => percent(decided[each] ?? 0)),
      percent(alarms.share),
      interval(alarms.interval),
    );
}
