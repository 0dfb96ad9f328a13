import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExitCode, UserError } from '../../../src/errors.js';
import { Op, type TensorSpec, writeTflite } from '../../../src/model/export/tflite-writer.js';
import { readTflite } from '../../../src/model/import/tflite.js';
import { readMobileNet } from '../../../src/model/import/tflite-mobilenet.js';
import { sharedFolder } from '../../support/require.js';
import { smallNetwork } from '../../support/tflite-file.js';

const constant = (spec: TensorSpec) => readTflite(writeTflite([spec], []), 'test').constant(0);

describe('readTflite', () => {
  it('reads operators in their order, with operands and options', () => {
    const { operators, tensors, inputs, outputs } = readTflite(smallNetwork(), 'test');
    expect(operators.map(({ op }) => op)).toEqual([
      'TRANSPOSE',
      'CONV_2D',
      'DEPTHWISE_CONV_2D',
      'CONV_2D',
      'MEAN',
      'FULLY_CONNECTED',
      'SOFTMAX',
    ]);
    expect(operators[2]).toEqual({
      op: 'DEPTHWISE_CONV_2D',
      inputs: [5, 6, 7],
      outputs: [8],
      activation: 'relu',
      padding: 'same',
      stride: [2, 2],
      dilation: [1, 1],
    });
    expect(tensors[6]).toEqual({ name: 't6', shape: [1, 3, 3, 4], type: 'int8' });
    expect([inputs, outputs]).toEqual([[0], [17]]);
  });

  it('names an operator that no import knows by its number', () => {
    const file = writeTflite([{ shape: [1] }], [{ op: 99, inputs: [0, -1], outputs: [0] }]);
    expect(readTflite(file, 'test').operators[0]).toMatchObject({ op: 'operator 99', inputs: [0, -1] });
  });

  it.each<[string, TensorSpec, number[]]>([
    ['float32', { shape: [2], data: Float32Array.of(1.5, -2) }, [1.5, -2]],
    ['float16', { shape: [2], type: 'float16', data: Uint16Array.of(0x3e00, 0xc000) }, [1.5, -2]],
    ['plain int32', { shape: [2], type: 'int32', data: Int32Array.of(7, -9) }, [7, -9]],
    [
      'int32 with a scale',
      { shape: [2], type: 'int32', data: Int32Array.of(7, -9), scales: [0.5] },
      [3.5, -4.5],
    ],
    [
      'uint8 per tensor, with a zero point',
      { shape: [3], type: 'uint8', data: Uint8Array.of(0, 128, 255), scales: [0.5], zeroPoints: [128] },
      [-64, 0, 63.5],
    ],
    [
      'int8 per channel of the first dimension',
      { shape: [2, 2], type: 'int8', data: Int8Array.of(1, 2, 3, -4), scales: [1, 10], zeroPoints: [0, 0] },
      [1, 2, 30, -40],
    ],
    [
      'int8 per channel of the last dimension, each with its zero point',
      {
        shape: [2, 2],
        type: 'int8',
        data: Int8Array.of(1, 2, 3, -4),
        scales: [1, 10],
        zeroPoints: [1, 2],
        axis: 1,
      },
      [0, 0, 2, -60],
    ],
  ])('dequantises %s', (_, spec, expected) => {
    expect(constant(spec)).toEqual({ shape: spec.shape, data: Float32Array.from(expected) });
  });

  it.each<[string, TensorSpec, RegExp]>([
    ['an unsupported type', { shape: [1], type: 'int64', data: new Uint8Array(8) }, /type 4, not float32/],
    ['no data', { shape: [3] }, /0 bytes of constant data/],
    ['too little data', { shape: [3], data: Float32Array.of(1) }, /4 bytes of constant data/],
    ['a shape of astronomic size', { shape: [2e9, 2e9, 2e9], data: Float32Array.of(1) }, /4 bytes/],
    ['int8 without a scale', { shape: [1], type: 'int8', data: Int8Array.of(1) }, /int8 without a scale/],
    [
      'scales for another dimension',
      { shape: [2, 3], type: 'int8', data: new Int8Array(6), scales: [1, 1, 1] },
      /3 scales for dimension 0/,
    ],
    ['values that are no numbers', { shape: [1], data: Float32Array.of(Number.NaN) }, /no numbers/],
  ])('refuses a constant with %s', (_, spec, message) => {
    expect(() => constant(spec)).toThrow(message);
  });

  it.each([
    ['an empty file', new Uint8Array()],
    ['text', new TextEncoder().encode('a shopping list, not a model')],
    ['the identifier and nothing else', new TextEncoder().encode('\x08\0\0\0TFL3')],
    [
      'an operator on a tensor that does not exist',
      writeTflite([], [{ op: Op.MEAN, inputs: [5], outputs: [0] }]),
    ],
  ])('refuses %s', (_, file) => {
    expect(() => readTflite(file, 'test')).toThrow(UserError);
  });

  it('refuses tensors that all claim the same bytes', () => {
    const model = readTflite(writeTflite([{ shape: [1000], data: new Float32Array(1000) }], []), 'test');
    expect(() => Array.from({ length: 9 }, () => model.constant(0))).toThrow(/over and over/);
  });
});

describe('a damaged file', () => {
  /** The whole way an import goes; anything but a result or a UserError is a bug. */
  function survives(file: Uint8Array): boolean {
    const unsuitable = (what: string) => new UserError(ExitCode.badData, what, '');
    try {
      readMobileNet(readTflite(file, 'test'), unsuitable);
      return true;
    } catch (error) {
      if (error instanceof UserError && error.code === ExitCode.badData) return false;
      throw error;
    }
  }
  const whole = smallNetwork();
  const flips = (bytes: number) =>
    fc.array(fc.tuple(fc.nat(bytes - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  const flipped = (file: Uint8Array, changes: [number, number][]) => {
    const copy = new Uint8Array(file);
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  };

  it('whole, it is read', () => {
    expect(survives(whole)).toBe(true);
  });

  it('cut short anywhere, it gives one clear error', () => {
    for (let length = 0; length < whole.length - 4; length++)
      expect(survives(whole.subarray(0, length)), `${length} bytes`).toBe(false);
  });

  it('with any bytes changed, it gives a result or one clear error', () => {
    fc.assert(
      fc.property(flips(whole.length), (changes) => void survives(flipped(whole, changes))),
      { numRuns: 3000 },
    );
  });

  it('of random bytes behind the right identifier, it gives one clear error', () => {
    const garbage = fc.uint8Array({ minLength: 8, maxLength: 400 });
    fc.assert(
      fc.property(garbage, (bytes) => {
        bytes.set(new TextEncoder().encode('TFL3'), 4);
        expect(survives(bytes)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  const shared = sharedFolder();
  describe.skipIf(shared === undefined).each(['bathnet.tflite', 'yamnet-dynamic-range.tflite'])(
    'made of %s (needs shared)',
    (name) => {
      const file = () => readFileSync(join(shared ?? '', 'models', name));
      it('gives a result or one clear error', () => {
        const original = file();
        // The graph lies at both ends; the weights between them are only numbers.
        const ends = flips(60_000).map((changes) =>
          changes.map(([at, value]): [number, number] => [
            at < 30_000 ? at : original.length - at + 29_999,
            value,
          ]),
        );
        fc.assert(
          fc.property(ends, (changes) => void survives(flipped(original, changes))),
          { numRuns: 40 },
        );
        for (const part of [0.01, 0.3, 0.7, 0.99])
          expect(survives(original.subarray(0, part * original.length)), `${part} of it`).toBe(false);
      }, 60_000);
    },
  );
});
