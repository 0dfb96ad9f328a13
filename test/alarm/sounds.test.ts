import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SoundChoice, soundRules } from '../../src/alarm/sound-rules.js';
import { type SoundRule, Sounds } from '../../src/alarm/sounds.js';
import type { Rhythm } from '../../src/types.js';

const HOP = 0.48;
const rule: SoundRule = {
  ...{ id: 'dog', name: 'Dog', classes: [1, 2], rhythm: 'none', threshold: 0.3 },
  ...{ hits: 2, withinSeconds: 2, holdSeconds: 3, event: false },
};

/** Scores of class 1, window by window; @returns when it is heard and when no more, by window */
function hear(scores: readonly number[], changes: Partial<SoundRule> = {}): [number, boolean][] {
  const sounds = new Sounds([{ ...rule, ...changes }]);
  return scores.flatMap((score, i) =>
    sounds
      .push({ endSeconds: i * HOP }, [0.9, score, 0], [])
      .map(({ heard }): [number, boolean] => [i, heard]),
  );
}

describe('a sound', () => {
  it('is heard with enough hits within the time, and no more once none has come for long', () => {
    const quiet = Array(10).fill(0);
    expect(hear([0.3, 0, 0, 0.3, ...quiet])).toEqual([
      [3, true],
      [10, false],
    ]);
    expect(hear([0.3, 0, 0, 0, 0, 0.3, ...quiet])).toEqual([]);
    expect(hear([0.29, 0.29, 0.29])).toEqual([]);
  });

  it('is heard as long as it goes on, whatever comes in between', () => {
    expect(hear([0.5, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5])).toEqual([[1, true]]);
  });

  it('ends with the highest score of the time in which it was heard, and begins anew after that', () => {
    const sounds = new Sounds([{ ...rule, hits: 1 }]);
    const push = (at: number, score: number) => sounds.push({ endSeconds: at }, [0, score, 0], []);
    expect(push(0, 0.4)).toMatchObject([{ heard: true, score: 0.4 }]);
    expect(push(1, 0.8)).toEqual([]);
    expect(push(4, 0.1)).toMatchObject([{ heard: false, score: 0.8 }]);
    expect(push(5, 0.5)).toMatchObject([{ heard: true, score: 0.5 }]);
    expect(sounds.forget()).toMatchObject([{ heard: false, score: 0.5 }]);
  });

  it('takes the highest of its classes, and no other', () => {
    const sounds = new Sounds([{ ...rule, hits: 1 }]);
    expect(sounds.push({ endSeconds: 0 }, [0.9, 0.1, 0.2], [])).toEqual([]);
    expect(sounds.push({ endSeconds: HOP }, [0, 0.1, 0.4], [])).toEqual([
      { id: 'dog', name: 'Dog', event: false, heard: true, score: 0.4 },
    ]);
  });

  it('has its own threshold, which can be changed', () => {
    const sounds = new Sounds([
      { ...rule, hits: 1 },
      { ...rule, id: 'cat', hits: 1 },
    ]);
    sounds.set('dog', { ...rule, hits: 1, threshold: 0.9 });
    sounds.set('nobody', { ...rule, threshold: 0 });
    expect(sounds.push({ endSeconds: 0 }, [0, 0.5, 0], []).map(({ id }) => id)).toEqual(['cat']);
  });

  it('needs as many hits, and stays as long, as it is told while it goes on', () => {
    const sounds = new Sounds([{ ...rule, hits: 2, holdSeconds: 10, withinSeconds: 5 }]);
    const hit = (at: number, score: number) =>
      sounds.push({ endSeconds: at }, [0, score, 0], []).map(({ heard }) => heard);
    sounds.set('dog', { ...rule, hits: 3, holdSeconds: 2 });
    expect([0, 1, 2].flatMap((at) => hit(at, 1))).toEqual([true]);
    expect(hit(3.9, 0)).toEqual([]);
    expect(hit(4, 0)).toEqual([false]);
    hit(10, 1);
    sounds.set('dog', { ...rule, hits: 1, holdSeconds: 60 });
    expect(hit(11, 0)).toEqual([true]);
    expect(hit(69.9, 0)).toEqual([]);
  });

  it('ends when sound is lost, and hits before that do not count', () => {
    const sounds = new Sounds([rule]);
    sounds.push({ endSeconds: 0 }, [0, 1, 0], []);
    expect(sounds.forget()).toEqual([]);
    expect(sounds.push({ endSeconds: HOP }, [0, 1, 0], [])).toEqual([]);
    expect(sounds.push({ endSeconds: 2 * HOP }, [0, 1, 0], [])).toHaveLength(1);
    expect(sounds.forget()).toMatchObject([{ id: 'dog', heard: false }]);
  });

  it('is heard by its rhythm at once, whatever the scores and the threshold, and for as long as any hit', () => {
    const sounds = new Sounds([{ ...rule, rhythm: 'T3', threshold: 1 }]);
    const push = (at: number, ...rhythms: Rhythm[]) => sounds.push({ endSeconds: at }, [0, 0, 0], rhythms);
    expect(sounds.rhythms).toEqual(['T3']);
    expect(push(0, 'T4')).toEqual([]);
    expect(push(1, 'T4', 'T3')).toMatchObject([{ id: 'dog', heard: true, score: 1 }]);
    expect(push(3)).toEqual([]);
    expect(push(3.9, 'T3')).toEqual([]);
    expect(push(6.8)).toEqual([]);
    expect(push(7)).toMatchObject([{ heard: false }]);
  });

  it('that has no classes is heard by its rhythm alone', () => {
    const sounds = new Sounds([{ ...rule, classes: [], rhythm: 'T4', threshold: 0 }]);
    expect(sounds.push({ endSeconds: 0 }, [1, 1, 1], ['T3'])).toEqual([]);
    expect(sounds.push({ endSeconds: 1 }, [], ['T4'])).toMatchObject([{ heard: true }]);
  });

  it('begins and ends in turns, on any scores, and a model without scores hears none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { maxLength: 200 }),
        fc.integer({ min: 1, max: 5 }),
        (scores, hits) => {
          const changes = hear(scores, { hits });
          expect(changes.map(([, heard]) => heard)).toEqual(changes.map((_, i) => i % 2 === 0));
        },
      ),
    );
    expect(new Sounds([rule]).push({ endSeconds: 0 }, [], [])).toEqual([]);
  });
});

describe('classes of a sound', () => {
  const labels = ['Speech', 'Smoke detector, smoke alarm', 'Fire alarm', 'Dog', 'Bark'];
  const choice = (...classes: string[]): SoundChoice => ({ ...rule, classes });

  it('are found by their names, however they are written', () => {
    expect(soundRules([choice('bark', 'DOG')], labels)).toEqual([{ ...rule, classes: [4, 3] }]);
  });

  it.each([
    ['smoke alarm', /"Smoke detector, smoke alarm"; "Fire alarm"/],
    ['Smoke', /one of those that are called alike: "Smoke detector, smoke alarm";/],
    ['Dogg', /alike: "Dog"/],
  ])('that are not known are refused with the nearest: %s', (name, hint) => {
    expect(() => soundRules([choice(name)], labels)).toThrow(
      expect.objectContaining({
        message: `sounds.dog.classes: AudioSet has no class "${name}"`,
        hint: expect.stringMatching(hint),
      }),
    );
  });

  it('are refused where the model has none', () => {
    expect(() => soundRules([choice('Dog')], [])).toThrow(/sounds\.dog: this model has no AudioSet classes/);
    expect(soundRules([], [])).toEqual([]);
  });

  it('are not asked for where the model has none and the sound has a rhythm', () => {
    expect(soundRules([{ ...choice('Dog'), rhythm: 'T3' }], [])).toMatchObject([
      { classes: [], rhythm: 'T3' },
    ]);
  });
});
