import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readKerasYamnet } from '../../../src/model/import/keras.js';

const whole = readFileSync(new URL('../../../tools/fuzz/samples/keras.h5', import.meta.url));

class Unsuitable extends Error {}
const unsuitable = (what: string) => new Unsuitable(what);
const read = (bytes: Uint8Array) => readKerasYamnet(bytes, unsuitable);

describe('weights of Keras', () => {
  it('are read whole', () => {
    expect(read(whole)).toMatchObject({ units: 3, backbone: { length: 14 } });
  });

  it('give one clear error where a dataset says that it lies elsewhere, or is of another size', () => {
    const { backbone } = read(whole);
    const errors = new Set<string>();
    // The description of one dataset: its class of storage, where it lies, how long it is.
    for (let at = 38_894; at < 38_900; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0xc3;
      try {
        expect(read(damaged).backbone).toEqual(backbone);
      } catch (error) {
        expect(error, `byte ${at}`).toBeInstanceOf(Unsuitable);
        errors.add(String(error).replace(/.*\] /, ''));
      }
    }
    expect([...errors].join('\n')).toContain("does not have its shape's size");
  });

  it('are refused before memory is made for what their shape says', () => {
    const damaged = Buffer.from(whole);
    damaged[38_564] = 1; // the third byte of the length of a beta
    expect(() => read(damaged)).toThrow(/beta \[16777217\] is too large/);
  });
});
