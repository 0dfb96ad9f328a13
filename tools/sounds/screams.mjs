// Made screams and groans of the voices in voices.json, which a network takes for real ones (find_voices.py); after
// `npm run build`:
//
//   node screams.mjs SOUNDS            SOUNDS/training/abnormal/KIND/made__voice-NN-N.wav, four of each voice
//   node screams.mjs VOICES.json RAW   each of the given voices in a room, 3.375 s of 16-bit PCM after each other
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWav } from '../../dist/audio/wav-writer.js';
import { inRoom, levelled, mix, roomTone, scream, seededRandom, silence } from '../scene/sounds.mjs';

const OF_EACH = 4;
const SCENE_SECONDS = 3.375;

/** One to three cries, each at a pitch and of a length of its own. */
function cries(random, voice, count) {
  const length = voice.seconds + voice.pauseSeconds;
  const sound = silence(count * length);
  for (let k = 0; k < count; k++) {
    const pitchHz = voice.pitchHz * (0.94 + 0.12 * random());
    mix(sound, scream(random, voice.seconds * (0.85 + 0.15 * random()), { ...voice, pitchHz }), k * length);
  }
  return sound;
}

/** The voice on another day. */
const varied = (random, voice) =>
  Object.fromEntries(
    Object.entries(voice).map(([name, value]) => [
      name,
      value * Math.exp(0.08 * (random() + random() + random() - 1.5)),
    ]),
  );

const pcm = (sound) =>
  Int16Array.from(sound, (x) => Math.max(-32_768, Math.min(32_767, Math.round(x * 32_767))));

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const [first, raw] = process.argv.slice(2);
if (raw) {
  const scenes = read(first).map((voice, i) => {
    const random = seededRandom(i + 1);
    const count = Math.max(2, Math.min(3, Math.round(3 / (voice.seconds + voice.pauseSeconds))));
    const scene = mix(silence(SCENE_SECONDS), levelled(cries(random, voice, count), -18), 0.2);
    const room = inRoom(scene).subarray(0, scene.length);
    return new Uint8Array(pcm(mix(room, levelled(roomTone(random, SCENE_SECONDS), -56))).buffer);
  });
  writeFileSync(raw, Buffer.concat(scenes));
} else
  for (const [number, { kind, ...voice }] of read(new URL('voices.json', import.meta.url)).entries()) {
    const random = seededRandom(90_000 + number);
    for (let k = 0; k < OF_EACH; k++) {
      const sound = cries(random, varied(random, voice), 1 + Math.floor(3 * random()));
      const file = join(
        first,
        'training/abnormal',
        kind,
        `made__voice-${String(number).padStart(2, '0')}-${k}.wav`,
      );
      await writeWav(file, [levelled(sound, -16)]);
    }
  }
