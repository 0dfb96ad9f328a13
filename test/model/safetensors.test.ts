import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBundle } from '../../src/model/bundle.js';
import { fromFloat16, readSafetensors, type Tensor, writeSafetensors } from '../../src/model/safetensors.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';

const tensorOf = (data: Float32Array): Tensor => ({ shape: [data.length], data });
const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Uint32Array(buffer, byteOffset, length);

function headerOf(file: Uint8Array): Record<string, { dtype: string; data_offsets: number[] }> {
  const bytes = Number(new DataView(file.buffer).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + bytes)));
}

/** What comes back of one tensor, and how it was stored. */
function stored(data: Float32Array) {
  const file = writeSafetensors(new Map([['x', tensorOf(data)]]));
  const back = readSafetensors(file, 'test').get('x')?.data as Float32Array;
  return { dtype: headerOf(file).x?.dtype, bits: bitsOf(back) };
}

describe('a tensor of halves', () => {
  it('is stored in 16 bits and comes back bit by bit, for every half there is but NaN', () => {
    const all = fromFloat16(Uint16Array.from({ length: 65_536 }, (_, i) => i));
    const { dtype, bits } = stored(all.filter((value) => !Number.isNaN(value)));
    expect(dtype).toBe('F16');
    expect(bits).toEqual(bitsOf(all.filter((value) => !Number.isNaN(value))));
  });

  it('is stored in 32 bits as soon as one value is no half, and comes back bit by bit', () => {
    const halves = fc.integer({ min: 0, max: 0x7bff }).map((half) => fromFloat16(Uint16Array.of(half))[0]!);
    const smallestStep = fc.tuple(halves, fc.constantFrom(1, -1)).map(([value, step]) => {
      const bits = bitsOf(Float32Array.of(value));
      return new Float32Array(Uint32Array.of(Math.max(1, bits[0]! + step)).buffer)[0]!;
    });
    fc.assert(
      fc.property(fc.array(halves, { minLength: 1 }), smallestStep, (values, odd) => {
        expect(stored(Float32Array.from(values)).dtype).toBe('F16');
        const mixed = Float32Array.of(...values, odd);
        const { dtype, bits } = stored(mixed);
        expect(dtype).toBe('F32');
        expect(bits).toEqual(bitsOf(mixed));
      }),
    );
  });
});

describe('writeSafetensors', () => {
  it('brings back any float32 tensor bit by bit', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true }), (data) => {
        expect(stored(data).bits).toEqual(bitsOf(data));
      }),
    );
  });

  it('puts every tensor at a multiple of its width, whatever lies before it', () => {
    const tensors = new Map([
      ['half', tensorOf(Float32Array.of(1, 2, 3))],
      ['single', tensorOf(Float32Array.of(0.1))],
    ]);
    const file = writeSafetensors(tensors);
    expect(headerOf(file)).toMatchObject({
      single: { dtype: 'F32', data_offsets: [0, 4] },
      half: { dtype: 'F16', data_offsets: [4, 10] },
    });
    expect(readSafetensors(file, 'test')).toEqual(tensors);
  });

  it('aligns the data behind a header with letters of several bytes', () => {
    for (const text of ['a', 'ä', 'äö', '…', '浴室']) {
      const file = writeSafetensors(new Map([['x', tensorOf(Float32Array.of(7))]]), { metadata: { text } });
      expect(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8).toBe(0);
      expect(readSafetensors(file, 'test').get('x')?.data).toEqual(Float32Array.of(7));
    }
  });

  it('stores 32 bits throughout where that is asked for', () => {
    const file = writeSafetensors(new Map([['x', tensorOf(Float32Array.of(1))]]), { float32: true });
    expect(headerOf(file).x?.dtype).toBe('F32');
  });

  it('keeps the shipped bundle, which is of halves, at its size', async () => {
    const { manifest, tensors } = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
    expect(writeSafetensors(tensors).byteLength).toBeLessThan(manifest.weights.bytes * 1.01);
  });
});

describe('a header', () => {
  const withHeader = (header: unknown) => {
    const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
    const file = new Uint8Array(8 + json.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
    file.set(json, 8);
    return file;
  };
  const deep = '['.repeat(50_000) + ']'.repeat(50_000);

  it.each([
    ['no tensor', { x: null }, /tensor x has no type/],
    ['a type that is none', `{"x":{"dtype":${deep}}}`, /tensor x has no type/],
    ['a type of a name that every object has', { x: { dtype: 'constructor' } }, /type constructor, not F32/],
    ['a deep shape', `{"x":{"dtype":"F32","shape":${deep}}}`, /no valid shape/],
    ['a list', [1], /tensor 0 has no type/],
  ])('with %s is refused', (_, header, message) => {
    expect(() => readSafetensors(withHeader(header), 'test')).toThrow(message);
  });
});
