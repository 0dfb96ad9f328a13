// Whether somebody who has fallen is found who is not silent: node voices.mjs [--minute] FALLS VOICES…
//
// FALLS: the folder with fall/ of the falls that are measured with; VOICES: folders with voices in distress. Twice each
// fall is laid into room tone, one to three voices of one source after it, 3 to 20 dB fainter and 1.5 to 5 s apart; the
// same with nothing in place of the voices, and of the fall; with --minute voices go on for a minute instead. Decided as the daemon does with the shipped configuration.

import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { longestSilenceSeconds } from '../../dist/alarm/impact.js';
import { decodeFile } from '../../dist/audio/decode.js';
import { audioBelow } from '../../dist/commands/support/audio-files.js';
import { configSchema } from '../../dist/config/schema.js';
import { SAMPLE_RATE_HZ as RATE, SENSITIVITIES } from '../../dist/constants.js';
import { concatenated } from '../../dist/model/concatenated.js';
import { readModel, SHIPPED_MODELS } from '../../dist/model/shelf.js';
import { Pipeline } from '../../dist/pipeline.js';
import { whole } from '../../dist/training/augment.js';
import { layInLife } from '../../dist/training/life.js';
import { createRandom } from '../../dist/training/random.js';
import { shareFound, trackOf } from './scenes.mjs';

const ROUNDS = 2;
const {
  values: { minute },
  positionals: [fallsFolder, ...voicesFolders],
} = parseArgs({ allowPositionals: true, options: { minute: { type: 'boolean' } } });
const { bundle } = await readModel({ name: 'bathnet-mini' }, [SHIPPED_MODELS]);
const { sense } = configSchema.parse({});
const pipeline = await Pipeline.create(bundle, { sense });
const { event } = bundle.manifest;
const falls = (await audioBelow(fallsFolder)).filter((path) => !path.includes('no-fall'));
const voices = (await Promise.all(voicesFolders.map((folder) => audioBelow(folder)))).flat();
const sourceOf = (path) => basename(path).split('__')[0];
const random = createRandom(7);
const between = (low, high) => low + (high - low) * random();
const oneOf = (list) => list[Math.floor(random() * list.length)];

/** At most so much of a sound, its peak at 1, without what is quiet before and behind it. */
async function soundOf(path, seconds) {
  const all = (await whole(decodeFile(path))).subarray(0, seconds * RATE);
  const peak = all.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-9);
  const loud = (x) => Math.abs(x) > peak / 20;
  const ends = [Math.max(0, all.findIndex(loud) - RATE / 20), all.findLastIndex(loud) + RATE / 10];
  return all.subarray(...ends).map((x) => x / peak);
}

async function sceneOf(parts, name) {
  const laid = await layInLife([concatenated(parts)], name, {
    seed: 1,
    silenceSeconds: longestSilenceSeconds(pipeline.rule, sense),
    pieces: [],
  });
  const track = await trackOf(pipeline, laid.samples, name, event, sense);
  return { track, startSeconds: laid.startSeconds };
}

const secondsOf = (parts) => parts.reduce((sum, { length }) => sum + length, 0) / RATE;

const scenes = [];
for (let i = 0; i < ROUNDS * falls.length; i++) {
  const fall = await soundOf(falls[i % falls.length], 6);
  const first = oneOf(voices);
  const kin = voices.filter((path) => sourceOf(path) === sourceOf(first));
  const gain = 10 ** (-between(3, 20) / 20);
  const after = [];
  const times = 1 + Math.floor(random() * 3);
  const goesOn = () => (minute ? secondsOf(after) < 60 : after.length < 2 * times);
  while (goesOn()) {
    const voice = await soundOf(after.length === 0 ? first : oneOf(kin), 3);
    after.push(
      new Float32Array(Math.round(between(1.5, 5) * RATE)),
      voice.map((x) => x * gain),
    );
  }
  const nothing = (part) => new Float32Array(part.length);
  scenes.push({
    fall: await sceneOf([fall, ...after.map(nothing)], `fall ${i}`),
    both: await sceneOf([fall, ...after], `fall ${i}`),
    voice: await sceneOf([nothing(fall), ...after], `fall ${i}`),
  });
}
await pipeline.close();

/** Of all scenes of one kind, with the 95 % interval. */
function found(which, sensitivity, voiceCounts) {
  const off = ({ thump, ...rule }) => ({ ...rule, thump: { ...thump, voice: undefined } });
  const { evidence } = pipeline.rule;
  const sensitivities = { ...evidence.sensitivities };
  if (!voiceCounts) sensitivities[sensitivity] = off(sensitivities[sensitivity]);
  const rule = { ...pipeline.rule, sensitivity, evidence: { ...evidence, sensitivities } };
  return shareFound(
    scenes.map((scene) => scene[which]),
    rule,
  );
}

console.log(
  `| ${scenes.length} scenes | silence after it | voices after it | … without that rule | voices alone |`,
);
for (const sensitivity of SENSITIVITIES) {
  const cells = [
    found('fall', sensitivity, true),
    found('both', sensitivity, true),
    found('both', sensitivity, false),
    found('voice', sensitivity, true),
  ];
  console.log(`| ${sensitivity} | ${cells.join(' | ')} |`);
}
