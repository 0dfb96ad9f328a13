import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '../../src/training/random.js';
import { writeWav } from './sound.js';

const RATE_HZ = 16_000;

/** One second each, never twice the same: pitch, tempo, level and noise vary. */
const GAME_SOUNDS: Record<string, (random: () => number) => Float32Array> = {
  /** Two short square tones, the second a fourth higher. */
  coin: (random) => {
    const hz = 950 * (0.9 + 0.2 * random());
    const first = 0.07 + 0.03 * random();
    return sound(random, (t) => square((t < first ? hz : hz * 1.335) * t) * Math.exp(-5 * t));
  },
  /** A tone that rises fast. */
  jump: (random) => {
    const [from, to, seconds] = [150 + 60 * random(), 750 + 250 * random(), 0.25 + 0.15 * random()];
    return sound(random, (t) =>
      t > seconds ? 0 : square(from * t + ((to - from) * t * t) / (2 * seconds)) * (1 - t / seconds),
    );
  },
  /** A melody that falls, step by step. */
  game_over: (random) => {
    const hz = 520 * (0.9 + 0.2 * random());
    const step = 0.2 + 0.05 * random();
    return sound(random, (t) => Math.sin(2 * Math.PI * hz * 0.75 ** Math.floor(t / step) * t));
  },
  /** Nothing but noise, louder than that of the others. */
  background: (random) => {
    const noise = 0.02 + 0.04 * random();
    return sound(random, () => noise * (2 * random() - 1));
  },
};

/** One sound of a kind. */
export function gameSound(kind: string, random: () => number): Float32Array {
  const make = GAME_SOUNDS[kind];
  if (!make) throw new Error(`there is no game sound ${kind}`);
  return make(random);
}

/** A folder per kind with `count` WAV files each: `coin/coin_01.wav` … */
export async function writeGameSounds(
  dir: string,
  count: number,
  kinds: readonly string[] = Object.keys(GAME_SOUNDS),
): Promise<void> {
  for (const [k, kind] of kinds.entries()) {
    await mkdir(join(dir, kind), { recursive: true });
    const random = createRandom(k + 1);
    for (let i = 1; i <= count; i++) {
      const path = join(dir, kind, `${kind}_${String(i).padStart(2, '0')}.wav`);
      await writeWav(path, [gameSound(kind, random)]);
    }
  }
}

function sound(random: () => number, wave: (t: number) => number): Float32Array {
  const level = 0.15 + 0.35 * random();
  const noise = 0.002 * random();
  return Float32Array.from(
    { length: RATE_HZ },
    (_, i) => level * wave(i / RATE_HZ) + noise * (2 * random() - 1),
  );
}

function square(turns: number): number {
  return turns % 1 < 0.5 ? 0.5 : -0.5;
}
