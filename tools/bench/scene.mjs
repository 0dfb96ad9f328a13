// The sound that everything is measured with: the demo's scene, as windows and as what our front end makes of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeFile } from '../../dist/audio/decode.js';
import { writeWav } from '../../dist/audio/wav-writer.js';
import { PATCH_VALUES, SAMPLE_RATE_HZ } from '../../dist/constants.js';
import { createFrontEnd } from '../../dist/features/create-front-end.js';
import { windowsOf } from '../../dist/features/ring.js';

export const SCENE = fileURLToPath(new URL('../../config/demo/bathroom.flac', import.meta.url));
export const HOP_SAMPLES = 0.48 * SAMPLE_RATE_HZ;

/** Windows of 15,600 samples every 0.48 s, each an array of its own. */
export async function sceneWindows() {
  const windows = [];
  for await (const window of windowsOf(decodeFile(SCENE), HOP_SAMPLES))
    windows.push({ ...window, samples: window.samples.slice() });
  return windows;
}

/** Writes the windows for programs that are none of ours: `samples.f32` and `mels.f32`, one after the other. */
export async function writeScene(folder) {
  const windows = await sceneWindows();
  const frontEnd = createFrontEnd('yamnet-log-mel');
  const mels = windows.map((window) => {
    const mel = new Float32Array(PATCH_VALUES);
    frontEnd.compute(window, mel);
    return mel;
  });
  const write = (name, arrays) => writeFileSync(join(folder, name), Buffer.concat(arrays.map(bytesOf)));
  write(
    'samples.f32',
    windows.map(({ samples }) => samples),
  );
  write('mels.f32', mels);
}

/** An hour of the scene as one file. */
export async function writeHour(path) {
  const scene = [];
  for await (const samples of decodeFile(SCENE)) scene.push(samples.slice());
  await writeWav(path, hourOf(scene));
}

function* hourOf(scene) {
  let left = 3600 * SAMPLE_RATE_HZ;
  while (left > 0)
    for (const samples of scene) {
      if (left <= 0) return;
      yield samples.subarray(0, Math.min(left, samples.length));
      left -= samples.length;
    }
}

function bytesOf({ buffer, byteOffset, byteLength }) {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
