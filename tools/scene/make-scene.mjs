/**
 * Makes the scene of `npm run demo`, config/demo/bathroom.flac: 42 s in a bathroom in which somebody runs the
 * tap, talks, falls, cries for help, and the tap runs again. Everything is synthesis; the voice is
 * espeak-ng's. The alarms it must raise stand in bathroom.alarms.json, in seconds of the stream.
 *
 *   apt-get install espeak-ng sox
 *   node tools/scene/make-scene.mjs [FOLDER]
 *
 * One seed gives one scene; another version of espeak-ng gives another voice. Listen for whether it is still
 * recognised: node dist/main.js classify config/demo/bathroom.flac
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  faded,
  inRoom,
  levelled,
  mix,
  RATE_HZ,
  roomTone,
  runningWater,
  saturated,
  scream,
  seededRandom,
  shatter,
  silence,
  thud,
} from './sounds.mjs';

const SECONDS = 42;
const FALL_SECONDS = 12.3;
/** Not before the first alarm has ended and its cooldown is over. */
const CRY_SECONDS = 30.2;
const folder = process.argv[2] ?? fileURLToPath(new URL('../../config/demo', import.meta.url));
const random = seededRandom(20);

// How each thing sounds. The numbers were found by a random search until bathnet-mini heard what a person
// hears, with a margin wherever its windows fall.

const tap = {
  bubblesPerSecond: 2100,
  lowHz: 430,
  highHz: 7400,
  decayPerSecond: 146,
  rareness: 1.8,
  tilt: 0.8,
  rise: 0.02,
  jetGain: 0.46,
  jetLowHz: 840,
  jetHighHz: 7580,
};

const body = {
  bodyHz: 64.7,
  bodySeconds: 0.03,
  bodyGain: 1.72,
  slapHz: 3060,
  slapSeconds: 0.0845,
  slapGain: 2.96,
};

const bottles = {
  crashSeconds: 0.03,
  crashHz: 680,
  pieces: 13,
  lowHz: 1310,
  span: 1.7,
  ringSeconds: 0.028,
  ringGain: 0.36,
  scrapeSeconds: 0.0124,
  scrapeGain: 2.78,
  spreadSeconds: 0.4,
  crowding: 2.7,
};

const shards = {
  ...bottles,
  pieces: 16,
  lowHz: 1900,
  span: 2.2,
  ringSeconds: 0.04,
  ringGain: 0.9,
  spreadSeconds: 0.9,
  crowding: 1.5,
};

const terror = {
  pitchHz: 709,
  attack: 0.68,
  release: 0.5,
  vibrato: 0.0215,
  vibratoHz: 7.9,
  jitter: 2.5,
  subharmonics: 0.59,
  tilt: 1,
  roughness: 0.067,
  roughnessHz: 72,
  breath: 1.76,
  direct: 0,
  formantHz: 1420,
  formant2: 1.9,
  formant3: 3.3,
  formant4: 3.08,
  q: 8.3,
  drive: 0.5,
};

/** Stumbles, hits the floor, and takes the shelf along; glass is the last to come to rest. */
function fall() {
  const sound = silence(4);
  for (const [atSeconds, gain] of [
    [0, 1],
    [0.75, 0.8],
    [1.45, 0.7],
  ]) {
    mix(sound, thud(random, body), atSeconds, gain);
    mix(sound, shatter(random, bottles), atSeconds + 0.12, gain);
    mix(sound, thud(random, body), atSeconds + 0.24, 0.7 * gain);
    mix(sound, thud(random, body), atSeconds + 0.52, 0.7 * gain);
  }
  mix(sound, shatter(random, shards), 2.2, 0.3);
  return saturated(sound, 2.8);
}

const scene = silence(SECONDS);
const put = (atSeconds, dbfs, sound) => mix(scene, levelled(sound, dbfs), atSeconds);
put(1.5, -29, faded(runningWater(random, 4.8, tap), 0.3, 0.5));
put(
  6.8,
  -24,
  say('I will just rinse this, and then I am done. Could you pass me the towel, please?', 155, 50),
);
mix(scene, fall(), FALL_SECONDS, 0.5);
put(CRY_SECONDS, -15.4, scream(random, 2, terror));
put(CRY_SECONDS + 2, -17, say('Help! Help me!', 130, 99));
put(CRY_SECONDS + 3.9, -15.4, scream(random, 1.6, terror));
put(CRY_SECONDS + 5.8, -29, faded(runningWater(random, SECONDS - CRY_SECONDS - 5.8, tap), 0.3, 0.2));
const sound = mix(inRoom(scene).subarray(0, scene.length), levelled(roomTone(random, SECONDS), -56));

mkdirSync(folder, { recursive: true });
const pcm = Int16Array.from(sound, (sample) => Math.round(32767 * Math.max(-1, Math.min(1, sample))));
sox(
  new Uint8Array(pcm.buffer),
  `-D -t raw -e signed -b 16 -c 1 -r ${RATE_HZ} - -C 8`,
  '--comment',
  '',
  join(folder, 'bathroom.flac'),
);

/** The earliest and the latest time at which the default rule may start and end each alarm. */
const alarms = [alarm('fall', FALL_SECONDS, 2.5), alarm('cry for help', CRY_SECONDS, 5.6)];
writeFileSync(
  join(folder, 'bathroom.alarms.json'),
  `[\n${alarms.map((each) => `  ${each}`).join(',\n')}\n]\n`,
);

function alarm(what, atSeconds, lengthSeconds) {
  const range = (from, to) => `[${(atSeconds + from).toFixed(1)}, ${(atSeconds + to).toFixed(1)}]`;
  const release = 5;
  const end = lengthSeconds + release;
  return `{ "sound": "${what}", "label": "abnormal", "startSeconds": ${range(0.5, 2)}, "endSeconds": ${range(end - 1, end + 1.5)} }`;
}

/** espeak-ng's voice, at 16 kHz. */
function say(text, wordsPerMinute, pitch) {
  const wav = execFileSync(
    'espeak-ng',
    ['--stdout', '-v', 'en-us+f3', '-s', wordsPerMinute, '-p', pitch, text].map(String),
  );
  const raw = sox(wav, `-v 0.5 -t wav - -t raw -e floating-point -b 32 -c 1 -r ${RATE_HZ} -`);
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
}

function sox(input, options, ...more) {
  return execFileSync('sox', [...options.split(' '), ...more], { input });
}
