import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rhythms } from '../../src/alarm/cadence.js';
import { MEL_BANDS, PATCH_FRAMES, RHYTHMS, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../../src/constants.js';
import { createFrontEnd } from '../../src/features/create-front-end.js';
import { createRandom } from '../../src/training/random.js';
import type { Rhythm } from '../../src/types.js';

interface Scene {
  readonly hz: number;
  /** Of the tone's amplitude. */
  readonly dbfs: number;
  readonly noiseDbfs: number;
  /** 0: none. */
  readonly decaySeconds: number;
  /** Before the first pulse. */
  readonly afterSeconds: number;
  readonly square: boolean;
}
interface Pulses {
  readonly pulses: number;
  readonly on: number;
  readonly off: number;
  readonly pause: number;
}

const T3: Pulses = { pulses: 3, on: 0.5, off: 0.5, pause: 1.5 };
const T4: Pulses = { pulses: 4, on: 0.1, off: 0.1, pause: 5 };
const QUIET_ROOM: Scene = {
  ...{ hz: 3100, dbfs: -40, noiseDbfs: -75, decaySeconds: 0, afterSeconds: 1.3, square: false },
};

/** A sounder over the noise of a room that makes each pulse die away. */
function sounder({ pulses, on, off, pause }: Pulses, scene: Scene, seconds: number): Float32Array {
  const random = createRandom(1);
  const noise = 10 ** (scene.noiseDbfs / 20) * Math.sqrt(3);
  const out = Float32Array.from({ length: seconds * SAMPLE_RATE_HZ }, () => noise * (2 * random() - 1));
  const period = pulses * (on + off) - off + pause;
  const amplitude = 10 ** (scene.dbfs / 20);
  // What the room adds comes by itself, so much quieter, and stays so much longer.
  const { decaySeconds } = scene;
  const fall = decaySeconds > 0 ? 10 ** (-3 / decaySeconds / SAMPLE_RATE_HZ) : 0;
  let echo = 0;
  for (let i = 0; i < out.length; i++) {
    const t = i / SAMPLE_RATE_HZ;
    const within = (t - scene.afterSeconds) % period;
    const sounds = t >= scene.afterSeconds && within < pulses * (on + off) - off && within % (on + off) < on;
    echo = decaySeconds > 0 ? Math.max(sounds ? 1 : 0, echo * fall) : 0;
    const wave = Math.sin(2 * Math.PI * scene.hz * t);
    const shape = scene.square ? Math.sign(wave) : wave;
    const reverberant = 0.7 * Math.sin(2 * Math.PI * scene.hz * t + 1);
    out[i]! += amplitude * ((sounds ? shape : 0) + echo * reverberant);
  }
  return out;
}

interface Hearing {
  readonly frontEnd?: Parameters<typeof createFrontEnd>[0];
  readonly hopSeconds?: number;
  readonly wanted?: readonly Rhythm[];
}

/** When each rhythm is heard, seconds; once for each period, as bands hear it one after the other. */
function heardIn(sound: Float32Array, options: Hearing = {}): [Rhythm, number][] {
  const { frontEnd: name = 'yamnet-log-mel', hopSeconds = 0.48, wanted = RHYTHMS } = options;
  const frontEnd = createFrontEnd(name);
  const rhythms = new Rhythms(wanted, frontEnd.bandOf);
  const mel = new Float32Array(PATCH_FRAMES * MEL_BANDS);
  const all: [Rhythm, number][] = [];
  const hop = Math.round(hopSeconds * SAMPLE_RATE_HZ);
  for (let startSample = 0; startSample + WINDOW_SAMPLES <= sound.length; startSample += hop) {
    const samples = sound.subarray(startSample, startSample + WINDOW_SAMPLES);
    const zeroDb = frontEnd.compute({ samples, startSample }, mel);
    const window = { mel, unitDb: frontEnd.unitDb, zeroDb, startSample };
    const seconds = (startSample + WINDOW_SAMPLES) / SAMPLE_RATE_HZ;
    for (const rhythm of rhythms.push(window)) {
      const before = all.findLast(([each]) => each === rhythm)?.[1] ?? Number.NEGATIVE_INFINITY;
      if (seconds - before > 2) all.push([rhythm, seconds]);
    }
  }
  return all;
}
const kinds = (heard: readonly [Rhythm, number][]) => [...new Set(heard.map(([rhythm]) => rhythm))];

describe('the rhythm of an alarm', () => {
  it.each([
    ['T3', T3, 7.5],
    ['T4', T4, 12.3],
  ] as const)('%s is heard after two periods, and then with each', (rhythm, cadence, afterSeconds) => {
    const heard = heardIn(sounder(cadence, QUIET_ROOM, 32));
    expect(kinds(heard)).toEqual([rhythm]);
    const period = cadence.pulses * (cadence.on + cadence.off) - cadence.off + cadence.pause;
    for (const [i, [, seconds]] of heard.entries()) {
      expect(seconds - QUIET_ROOM.afterSeconds - i * period).toBeGreaterThan(afterSeconds - 0.6);
      expect(seconds - QUIET_ROOM.afterSeconds - i * period).toBeLessThan(afterSeconds + 0.6);
    }
    expect(heard.length).toBe(Math.floor((32 - QUIET_ROOM.afterSeconds - afterSeconds) / period) + 1);
  });

  const about = (seconds: number) => fc.double({ min: 0.91 * seconds, max: 1.09 * seconds, noNaN: true });
  const cadence = (of: Pulses) =>
    fc.record({
      pulses: fc.constant(of.pulses),
      on: about(of.on),
      off: about(of.off),
      pause: about(of.pause),
    });
  const room = fc.record({
    hz: fc.double({ min: 450, max: 3700, noNaN: true }),
    dbfs: fc.integer({ min: -50, max: -6 }),
    noiseDbfs: fc.integer({ min: -90, max: -65 }),
    decaySeconds: fc.constantFrom(0, 0.3, 0.6, 1),
    afterSeconds: fc.double({ min: 0, max: 5, noNaN: true }),
    square: fc.boolean(),
  });

  it.each([
    ['T3', T3, 26],
    ['T4', T4, 36],
  ] as const)(
    '%s is heard at any level, phase and tone, in any room, where each part of it is up to a tenth off',
    (rhythm, standard, seconds) => {
      // The same ones in each run: of T4, whose gaps a room fills, one in fifty is not heard (models/README.md).
      const scenes = fc.sample(fc.tuple(cadence(standard), room), { numRuns: 25, seed: 1 });
      const heard = scenes.map(([of, scene]) => kinds(heardIn(sounder(of, scene, seconds))));
      expect(heard.filter((each) => each.length > 0 && each.join() !== rhythm)).toEqual([]);
      expect(heard.filter((each) => each.length > 0).length).toBeGreaterThanOrEqual(
        rhythm === 'T3' ? 25 : 24,
      );
    },
  );

  it.each([0.1, 0.25, 0.333, 0.96, 0.975])('is heard the same with a hop of %s s', (hopSeconds) => {
    const sound = sounder(T3, QUIET_ROOM, 24);
    const times = heardIn(sound, { hopSeconds }).map(([, seconds]) => seconds);
    const usual = heardIn(sound).map(([, seconds]) => seconds);
    expect(times).toHaveLength(usual.length);
    for (const [i, seconds] of times.entries()) expect(Math.abs(seconds - usual[i]!)).toBeLessThan(1);
    expect(kinds(heardIn(sounder(T4, QUIET_ROOM, 24), { hopSeconds }))).toEqual(['T4']);
  });

  it('is heard by a front end that scales each window to its loudest, too', () => {
    const frontEnd = 'librosa-db-mel';
    expect(kinds(heardIn(sounder(T3, QUIET_ROOM, 16), { frontEnd }))).toEqual(['T3']);
    expect(kinds(heardIn(sounder(T4, QUIET_ROOM, 20), { frontEnd }))).toEqual(['T4']);
  });

  it('is heard where it is listened for', () => {
    expect(heardIn(sounder(T3, QUIET_ROOM, 16), { wanted: ['T4'] })).toEqual([]);
    expect(heardIn(sounder(T3, QUIET_ROOM, 16), { wanted: [] })).toEqual([]);
  });

  it('is not heard of one period, nor over sound that was lost, nor from one stream to the next', () => {
    const sound = sounder(T3, QUIET_ROOM, 12);
    const once = sound.subarray(0, 5 * SAMPLE_RATE_HZ);
    const frontEnd = createFrontEnd('yamnet-log-mel');
    const rhythms = new Rhythms(['T3'], frontEnd.bandOf);
    const mel = new Float32Array(PATCH_FRAMES * MEL_BANDS);
    const push = (part: Float32Array, from: number) => {
      const heard: Rhythm[] = [];
      for (let at = 0; at + WINDOW_SAMPLES <= part.length; at += 7680) {
        const startSample = from + at;
        const zeroDb = frontEnd.compute(
          { samples: part.subarray(at, at + WINDOW_SAMPLES), startSample },
          mel,
        );
        heard.push(...rhythms.push({ mel, unitDb: frontEnd.unitDb, zeroDb, startSample }));
      }
      return heard;
    };
    expect(push(once, 0)).toEqual([]);
    // The next group, on time, and half a minute late.
    expect(push(once, 4 * SAMPLE_RATE_HZ + 7680 * 2)).toEqual([]);
    expect(push(once, 34 * SAMPLE_RATE_HZ)).toEqual([]);
    rhythms.forget();
    frontEnd.forget();
    expect(push(once, 0)).toEqual([]);
    expect(push(sound, 100 * SAMPLE_RATE_HZ)).toEqual(['T3']);
  });

  it.each<[string, Pulses]>([
    ['even beeps of half a second', { pulses: 1, on: 0.5, off: 0, pause: 0.5 }],
    ['short even beeps', { pulses: 1, on: 0.1, off: 0, pause: 0.1 }],
    ['an alarm clock', { pulses: 4, on: 0.07, off: 0.06, pause: 0.5 }],
    ['four long pulses', { ...T3, pulses: 4 }],
    ['five long pulses', { ...T3, pulses: 5 }],
    ['two long pulses', { ...T3, pulses: 2 }],
    ['three long pulses, seldom', { ...T3, pause: 4 }],
    ['three short pulses in four seconds', { pulses: 3, on: 0.2, off: 0.2, pause: 3 }],
    ['five short pulses', { ...T4, pulses: 5 }],
    ['six short pulses', { ...T4, pulses: 6 }],
    ['three short pulses', { ...T4, pulses: 3 }],
    ['four short pulses, often', { ...T4, pause: 2 }],
    ['four short pulses, seldom', { ...T4, pause: 8 }],
    ['a telephone', { pulses: 2, on: 0.4, off: 0.2, pause: 2 }],
  ])('is not that of %s', (_, pulses) => {
    fc.assert(
      fc.property(room, fc.double({ min: 0.93, max: 1.07, noNaN: true }), (scene, tempo) => {
        const { on, off, pause } = pulses;
        const of = { ...pulses, on: on * tempo, off: off * tempo, pause: pause * tempo };
        expect(heardIn(sounder(of, scene, 30))).toEqual([]);
      }),
      { seed: 1, numRuns: 6 },
    );
  });
});
