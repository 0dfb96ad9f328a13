import { beforeEach, describe, expect, it } from 'vitest';
import { Veto } from '../../src/alarm/veto.js';
import { createRandom } from '../../src/training/random.js';

const SIZE = 1024;
const random = createRandom(1);
/** As a backbone's embedding: none is negative. */
const someSound = () => Float32Array.from({ length: SIZE }, () => Math.max(0, random() - 0.5));
const louder = (sound: Float32Array) => sound.map((x) => 1.5 * x);
const between = (a: Float32Array, b: Float32Array, share: number) =>
  a.map((x, i) => (1 - share) * x + share * (b[i] ?? 0));

let veto: Veto;
beforeEach(() => {
  veto = new Veto();
});

describe('a veto', () => {
  const door = someSound();
  const fall = someSound();

  it('holds for what is like a false alarm, at any level of it, and for nothing else', () => {
    expect(veto.match(door)).toBeUndefined();
    veto.set('e1', 'false_alarm', [someSound(), door]);
    expect(veto.match(louder(door))).toMatchObject({ episodeId: 'e1' });
    expect(veto.match(louder(door))?.similarity).toBeCloseTo(1, 5);
    expect(veto.match(between(door, fall, 0.1))?.episodeId).toBe('e1');
    expect(veto.match(fall)).toBeUndefined();
    expect(veto.match(new Float32Array(SIZE))).toBeUndefined();
  });

  it('does not hold for what is about as much like a real alarm', () => {
    veto.set('e1', 'false_alarm', [door]);
    veto.set('e2', 'real_alarm', [between(door, fall, 0.2)]);
    expect(veto.match(between(door, fall, 0.15))).toBeUndefined();
    veto.delete('e2');
    expect(veto.match(between(door, fall, 0.15))?.episodeId).toBe('e1');
  });

  it('is taken back by another verdict on the same alarm, or by deleting it', () => {
    veto.set('e1', 'false_alarm', [door]);
    veto.set('e1', 'real_alarm', [door]);
    expect(veto.match(door)).toBeUndefined();
    veto.set('e1', 'false_alarm', [door]);
    veto.delete('e1');
    expect(veto.match(door)).toBeUndefined();
  });

  it('stays bounded: the oldest false alarm makes room, and no real one while there are others', () => {
    veto.set('real', 'real_alarm', [fall]);
    for (let i = 0; i < 200; i++) veto.set(`e${i}`, 'false_alarm', Array.from({ length: 20 }, someSound));
    expect(veto.episodeIds.slice(0, 2)).toEqual(['real', 'e105']);
    expect(veto.episodeIds).toHaveLength(96);
  });
});
