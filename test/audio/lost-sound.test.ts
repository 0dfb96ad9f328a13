import { describe, expect, it } from 'vitest';
import { LostSound } from '../../src/audio/lost-sound.js';

const SECOND = 16_000;

/** Deliveries of a microphone, `every` seconds, for so long; `speed` is that of its clock. */
function* steady(fromMs: number, seconds: number, every = 0.1, speed = 1): Generator<[number, number]> {
  for (let at = every; at <= seconds + 1e-9; at += every)
    for (let part = 0; part < every - 1e-9; part += 0.1) yield [0.1 * SECOND * speed, fromMs + 1000 * at];
}

/** Ten seconds of sound within three, again and again. */
function segments(count: number): [number, number][] {
  return Array.from({ length: count }, (_, k) => [...steady(10_000 * k, 3, 0.1, 10 / 3)]).flat();
}

function lostIn(deliveries: Iterable<[number, number]>): number[] {
  const sound = new LostSound();
  return [...deliveries].map(([count, atMs]) => sound.push(count, atMs)).filter((seconds) => seconds > 0);
}

describe('sound that is lost on its way', () => {
  it('is missed once, by how much of it is missing', () => {
    expect(lostIn([...steady(0, 120), ...steady(124_000, 60)])).toEqual([expect.closeTo(4, 0)]);
    const some: [number, number] = [2.5 * SECOND, 124_000];
    const twice = [...steady(0, 120), some, ...steady(124_000, 60), ...steady(187_000, 60)];
    expect(lostIn(twice)).toEqual([expect.closeTo(1.5, 0), expect.closeTo(3, 0)]);
  });

  it('is not taken for more because what comes after it is late', () => {
    const waited = Array<[number, number]>(40).fill([0.1 * SECOND, 126_500]);
    const late = [...steady(0, 120), ...steady(121_000, 1.5), ...waited, ...steady(126_500, 60)];
    expect(lostIn(late)).toEqual([expect.closeTo(1, 0)]);
  });

  it('is missed also in the first minute, once the rate is known', () => {
    expect(lostIn([...steady(0, 20), ...steady(24_000, 60)])).toEqual([expect.closeTo(4, 0)]);
    expect(lostIn([...steady(0, 20), ...steady(24_000, 30)])).toEqual([]);
  });

  it.each<[string, [number, number][]]>([
    ['all that waited comes', [...steady(0, 120), [4 * SECOND, 124_000], ...steady(124_000, 60)]],
    ['it comes in large pieces', [...steady(0, 300, 3)]],
    [
      'all that waited comes little by little',
      [...steady(0, 120), ...steady(130_000, 33, 0.1, 1.3), ...steady(163_000, 60)],
    ],
    ['it comes in segments, each over seconds', segments(120)],
    ['the clock of the source is slow', [...steady(0, 3600, 0.1, 0.97)]],
    ['… or fast', [...steady(0, 3600, 0.1, 1.03)]],
    ['the rate is another one, which shows first', [...steady(0, 60, 0.1, 0.9)]],
  ])('is none where %s', (_, deliveries) => {
    expect(lostIn(deliveries)).toEqual([]);
  });

  it('is none while the source is opened again', () => {
    const sound = new LostSound();
    for (const [count, atMs] of steady(0, 120)) sound.push(count, atMs);
    sound.restart();
    for (const [count, atMs] of steady(200_000, 120)) expect(sound.push(count, atMs)).toBe(0);
  });
});
