// Whether a fall is found while something goes on: node ongoing.mjs FALLS SOUNDS…
//
// FALLS: the folder with fall/ of the falls that are measured with; SOUNDS: folders, one for each kind of what goes on.
// That of music, or in speech/, plays all the time; any other has begun 1.5 to 9 s before the fall. Twice each fall is laid
// into room tone with such a sound, which goes on, at −55 to −30 dBFS RMS. Decided as the daemon does with the shipped
// configuration.

import { basename, dirname } from 'node:path';
import { decodeFile } from '../../dist/audio/decode.js';
import { audioBelow } from '../../dist/commands/support/audio-files.js';
import { configSchema } from '../../dist/config/schema.js';
import { SAMPLE_RATE_HZ as RATE, SENSITIVITIES } from '../../dist/constants.js';
import { readModel, SHIPPED_MODELS } from '../../dist/model/shelf.js';
import { Pipeline } from '../../dist/pipeline.js';
import { whole } from '../../dist/training/augment.js';
import { createRandom } from '../../dist/training/random.js';
import { createTone } from '../../dist/training/room.js';
import { shareFound, trackOf } from './scenes.mjs';

const ROUNDS = 2;
const LONGEST_CLIP = 20 * RATE;
const BEFORE_SECONDS = [10, 14];
const BEGAN_SECONDS = [1.5, 9];
/** Twice the silence, and how late it may begin. */
const AFTER_SECONDS = 26;
const SOUND_DBFS = [-55, -30];
const PEAK_DBFS = [-36, -3];
const ROOM_DBFS = [-70, -50];
const FADE = 0.02 * RATE;

const [fallsFolder, ...folders] = process.argv.slice(2);
const { bundle } = await readModel({ name: 'bathnet-mini' }, [SHIPPED_MODELS]);
const { sense } = configSchema.parse({});
const pipeline = await Pipeline.create(bundle, { sense });
const { event } = bundle.manifest;
const random = createRandom(11);
const between = ([low, high]) => low + (high - low) * random();
const oneOf = (list) => list[Math.floor(random() * list.length)];
const falls = (await audioBelow(fallsFolder)).filter((path) => !path.includes('no-fall'));
const sounds = await Promise.all(folders.map((folder) => audioBelow(folder)));
const plays = (folder) => basename(dirname(folder)) === 'speech' || basename(folder) === 'music';

/** One after the other of a kind that plays, one again and again, to its end and back, of what has begun; RMS 1. */
async function soundOf(paths, length, again) {
  const all = new Float32Array(length);
  let clip;
  for (let at = 0; at < length; at += clip.length) {
    if (!clip || !again) clip = await clipOf(oneOf(paths));
    else clip = clip.toReversed();
    all.set(clip.subarray(0, length - at), at);
  }
  return all;
}

async function clipOf(path) {
  const clip = (await whole(decodeFile(path))).subarray(0, LONGEST_CLIP);
  const rms = Math.sqrt(clip.reduce((sum, x) => sum + x * x, 0) / clip.length) || 1;
  return clip.map((x, i) => (x / rms) * Math.min(1, i / FADE, (clip.length - i) / FADE));
}

const scenes = [];
for (let i = 0; i < ROUNDS * falls.length; i++) {
  const fall = (await whole(decodeFile(falls[i % falls.length]))).subarray(0, 8 * RATE);
  const start = Math.round(between(BEFORE_SECONDS) * RATE);
  const length = start + fall.length + AFTER_SECONDS * RATE;
  const folder = oneOf(folders);
  const begin = plays(folder) ? 0 : start - Math.round(between(BEGAN_SECONDS) * RATE);
  const going = await soundOf(sounds[folders.indexOf(folder)], length - begin, !plays(folder));
  const gain = 10 ** (between(SOUND_DBFS) / 20);
  const peak = 10 ** (between(PEAK_DBFS) / 20) / fall.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-9);
  const samples = createTone(random)(length, between(ROOM_DBFS));
  for (const [k, x] of going.entries()) samples[begin + k] += gain * x;
  for (const [k, x] of fall.entries()) samples[start + k] += peak * x;
  const heard = samples.map((x) => Math.max(-1, Math.min(1, x)));
  const track = await trackOf(pipeline, heard, `fall ${i}`, event, sense);
  scenes.push({ folder, track, startSeconds: start / RATE - 1 });
}
await pipeline.close();

console.log(`| ${scenes.length} scenes | ${SENSITIVITIES.join(' | ')} |`);
for (const wanted of ['all that plays', 'all that has begun', ...folders]) {
  const of = scenes.filter(({ folder }) =>
    folders.includes(wanted) ? folder === wanted : plays(folder) === (wanted === 'all that plays'),
  );
  const cells = SENSITIVITIES.map((sensitivity) => shareFound(of, { ...pipeline.rule, sensitivity }));
  console.log(`| ${basename(wanted)} (${of.length}) | ${cells.join(' | ')} |`);
}
