import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventHead } from '../../src/model/event-head.js';
import { EVENT, eventTensors } from '../support/event-head.js';

const SIZE = 7;
const HOP = EVENT.hopSamples;
const END = 15_600;
const tensors = eventTensors(EVENT, SIZE);
const noLevels = new Float32Array(EVENT.levels.blocks);

const embedding = (k: number) => Float32Array.from({ length: SIZE }, (_, i) => Math.sin(1 + k * 3.1 + i));
/** What a head says of windows that end there, of the last one. */
function heard(windows: ReadonlyArray<readonly [k: number, end: number]>, levels = noLevels): number[] {
  const head = new EventHead(EVENT, tensors);
  let said = new Float32Array();
  for (const [k, end] of windows) said = head.push(embedding(k), levels, end) as Float32Array<ArrayBuffer>;
  return [...said];
}

/** The same from the definition: six windows side by side, their maximum, the levels, layer by layer. */
function defined(six: readonly number[], levels = noLevels): number[] {
  const layer = (x: readonly number[], name: string, relu: boolean) => {
    const kernel = tensors.get(`event.${name}.kernel`)!;
    const units = kernel.shape[1]!;
    return [...tensors.get(`event.${name}.bias`)!.data].map((bias, u) => {
      const sum = x.reduce((total, value, i) => total + value * kernel.data[i * units + u]!, bias);
      return relu ? Math.max(0, sum) : sum;
    });
  };
  const z = six.map((k) => layer([...embedding(k)], 'window.0', true));
  const maximum = z[0]!.map((_, u) => Math.max(...z.map((row) => row[u]!)));
  return layer(layer([...z.flat(), ...maximum, ...levels], 'layers.0', true), 'layers.1', false);
}

function expectClose(got: readonly number[], wanted: readonly number[]): void {
  expect(got).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(got[i]).toBeCloseTo(value, 5);
}

describe('the event head', () => {
  it('looks at the last six windows, oldest first, their maximum and the levels', () => {
    const levels = Float32Array.from(noLevels, (_, i) => i / 11);
    const windows = Array.from({ length: 9 }, (_, k) => [k, END + k * HOP] as const);
    expectClose(heard(windows, levels), defined([3, 4, 5, 6, 7, 8], levels));
  });

  it('has the oldest window stand for those before the first one', () => {
    expectClose(heard([[0, END]]), defined([0, 0, 0, 0, 0, 0]));
    const three = [0, 1, 2].map((k) => [k, END + k * HOP] as const);
    expectClose(heard(three), defined([0, 0, 0, 0, 1, 2]));
  });

  it('remembers nothing from before a gap', () => {
    const head = new EventHead(EVENT, tensors);
    for (let k = 0; k < 4; k++) head.push(embedding(k), noLevels, END + k * HOP);
    head.forget();
    expectClose([...head.push(embedding(9), noLevels, 10 * END)], defined([9, 9, 9, 9, 9, 9]));
  });

  it('takes every second window at half the hop', () => {
    const windows = Array.from({ length: 20 }, (_, k) => [k, END + (k * HOP) / 2] as const);
    expectClose(heard(windows), defined([9, 11, 13, 15, 17, 19]));
  });

  it('takes each window twice at twice the hop, and reaches back no further than it was trained to', () => {
    const windows = Array.from({ length: 8 }, (_, k) => [k, END + k * HOP * 2] as const);
    expectClose(heard(windows), defined([5, 5, 6, 6, 7, 7]));
  });

  it('takes the nearest in time where windows were dropped', () => {
    const ends = [0, 1, 2, 5, 6, 7]; // 3 and 4 are missing
    expectClose(heard(ends.map((k) => [k, END + k * HOP])), defined([2, 2, 5, 5, 6, 7]));
  });

  it('says of any stream what it would say had it begun with the windows that it looks at', () => {
    const hops = fc.array(fc.integer({ min: 1600, max: 15_600 }), { maxLength: 60 });
    fc.assert(
      fc.property(hops, (steps) => {
        const windows: [k: number, end: number][] = [[0, END]];
        for (const step of steps) windows.push([windows.length, windows.at(-1)![1] + step]);
        const end = windows.at(-1)![1];
        const six = Array.from({ length: EVENT.windows }, (_, slot) => {
          const wanted = end - (EVENT.windows - 1 - slot) * HOP;
          const distance = ([, at]: readonly [number, number]) => Math.abs(at - wanted);
          return windows.reduce((a, b) => (distance(b) <= distance(a) ? b : a))[0];
        });
        expectClose(heard(windows), defined(six));
      }),
    );
  });
});
