import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFile } from '../src/audio/decode.js';
import { Daemons, run, SCENE } from './support/daemon.js';
import { Mosquitto, type Subscription, until } from './support/mosquitto.js';
import { PULSE_PROGRAMS, type Pulse, startPulse } from './support/pulse.js';
import { lacksPrograms } from './support/require.js';
import { writeWav } from './support/sound.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub', ...PULSE_PROGRAMS);
const BASE = 'bathnet/test';

let pulse: Pulse;
let broker: Mosquitto;
let daemons: Daemons;
/** Running water out of the scene, as a file that the sound server can play. */
let clip: string;

beforeEach(async () => {
  if (skip) return;
  [pulse, broker, daemons] = await Promise.all([startPulse(), Mosquitto.start(), Daemons.create()]);
  clip = join(daemons.stateDir, 'water.wav');
  const blocks: number[] = [];
  for await (const block of decodeFile(SCENE)) blocks.push(...block);
  await writeWav(clip, [blocks.slice(2 * 16_000, 5 * 16_000)]);
});
afterEach(async () => {
  if (skip) return;
  await Promise.all([daemons.close(), broker.close(), pulse.close()]);
});

/** The label that has been published last. */
const heard = (seen: Subscription) => JSON.parse(seen.on(`${BASE}/class`).at(-1) ?? '{}').label;

describe.skipIf(skip)('the daemon on a microphone', () => {
  it('classifies what is played as it classifies the file, also after the sound server has died and come back', async () => {
    const { stdout } = await run(['classify', '--json', clip]);
    expect(JSON.parse(stdout).verdict).toBe('water');

    const seen = await broker.subscribe(`${BASE}/#`);
    const daemon = daemons.start(
      broker.url,
      ['--source', 'portaudio', '--set', 'input.noDataTimeoutSeconds=1', '--set', 'input.reopenMaxSeconds=1'],
      pulse.env,
    );
    const input = () => seen.on(`${BASE}/input/availability`).at(-1);
    const play = async () => {
      await until(
        () => input() === 'online' && heard(seen) === 'background',
        () => daemon.stderr,
      );
      await Promise.all([
        pulse.play(clip),
        until(
          () => heard(seen) === 'water',
          () => `heard ${heard(seen)}`,
        ),
      ]);
    };
    await play();

    await pulse.kill();
    await until(
      () => input() === 'offline',
      () => `input still online: ${daemon.stderr}`,
    );
    expect(seen.on(`${BASE}/availability`)).toEqual(['online']);
    seen.messages.length = 0;
    await pulse.start();
    await play();
    expect(seen.on(`${BASE}/availability`)).toEqual([]); // it is still the same daemon
    expect((await daemon.kill('SIGTERM')).code).toBe(0);
  });

  it('is heard through a command as well', async () => {
    const seen = await broker.subscribe(`${BASE}/#`);
    const command = 'command:parec --raw --format=s16le --rate=16000 --channels=1 --latency-msec=100';
    daemons.start(broker.url, ['--source', command], pulse.env);
    await until(() => heard(seen) === 'background', 'no sound arrives');
    await Promise.all([
      pulse.play(clip),
      until(
        () => heard(seen) === 'water',
        () => `heard ${heard(seen)}`,
      ),
    ]);
  });
});
