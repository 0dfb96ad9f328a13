import { join } from 'node:path';
import { decodeFile } from '../../src/audio/decode.js';
import { SCENE } from '../../test/support/daemon.js';
import type { Pulse } from '../../test/support/pulse.js';
import { writeWav } from '../../test/support/sound.js';
import { levelled, RATE_HZ, roomTone } from '../scene/sounds.mjs';
import type { World } from './world.js';

/** Where things lie in the demo's scene, seconds. The alarms are those of config/demo/bathroom.alarms.json. */
const LIFE = { water: [1.5, 6.3], speech: [6.8, 11.3], fan: [22, 25] } as const;
const ALARMS = { fall: [12.2, 16.2], cries: [30.1, 36] } as const;
/** Of the room alone. Between two rounds of it is digital silence, for much less than a microphone is believed it. */
const ROOM_SECONDS = 300;

export interface Clip {
  readonly path: string;
  readonly seconds: number;
}

/** What a bathroom sounds like, as files. */
export interface Sounds {
  readonly room: Clip;
  readonly life: readonly Clip[];
  readonly alarms: readonly Clip[];
}

/** @param random the noise of the room */
export async function makeSounds(folder: string, random: () => number): Promise<Sounds> {
  const scene: number[] = [];
  for await (const block of decodeFile(SCENE)) scene.push(...block);
  const save = async (name: string, samples: ArrayLike<number>): Promise<Clip> => {
    const path = await writeWav(join(folder, `${name}.wav`), [samples]);
    return { path, seconds: samples.length / RATE_HZ };
  };
  const cut = (parts: Record<string, readonly [number, number]>) =>
    Promise.all(
      Object.entries(parts).map(([name, [from, to]]) =>
        save(name, scene.slice(from * RATE_HZ, to * RATE_HZ)),
      ),
    );
  return {
    room: await save('room', levelled(roomTone(random, ROOM_SECONDS), -56)),
    life: await cut(LIFE),
    alarms: await cut(ALARMS),
  };
}

/** The room is never silent as long as there is a sound server. */
export async function keepRoom(pulse: Pulse, room: Clip, world: World, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await pulse.play(room.path).catch(() => world.pass(500));
}
