import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GOLDEN, readSamples, SYNTHETIC } from './golden.js';
import { chirp, tone, writeWav } from './sound.js';

/** Two dozen short sounds to calibrate with: tones, sweeps, noise and thuds, loud and quiet. */
export function calibrationSounds(): Float32Array[] {
  const sounds = SYNTHETIC.map((name) => readSamples(GOLDEN, name));
  for (const [i, hz] of [110, 440, 1800, 5000].entries()) {
    sounds.push(tone(hz, 1, undefined, 0.8 / 4 ** i));
    sounds.push(chirp(hz, 7000 - hz, 1));
  }
  const [noise, thud] = ['white-noise', 'decaying-thud'].map((name) => readSamples(GOLDEN, name));
  for (const gain of [0.3, 0.1, 0.03, 0.01])
    sounds.push(
      noise!.map((value) => value * gain),
      noise!.map((value, i) => (value + thud![i]!) * gain),
    );
  return sounds;
}

/** Writes them into a folder, which is made. */
export async function writeCalibrationSounds(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  for (const [i, sound] of calibrationSounds().entries())
    await writeWav(join(folder, `${String(i).padStart(2, '0')}.wav`), [sound]);
  return folder;
}
