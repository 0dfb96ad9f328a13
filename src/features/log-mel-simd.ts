import { FFT_SIZE, PATCH_VALUES, WINDOW_SAMPLES } from '../constants.js';
import { Fft, turnsOf } from './fft.js';
import type { LogMel } from './log-mel.js';
import { LOG_MEL_WASM } from './log-mel-wasm.js';
import type { MelBands } from './mel.js';

/** What `assembly/log-mel.ts` exports: where its arrays lie, and what computes. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly samples: Address;
  readonly values: Address;
  readonly hann: Address;
  readonly order: Address;
  readonly twiddles: Address;
  readonly turns: Address;
  readonly spans: Address;
  readonly weights: Address;
  readonly compute: (first: number) => void;
}

interface Address {
  readonly value: number;
}

let compiled: WebAssembly.Module | undefined;

/**
 * Two frames at once in WebAssembly's SIMD, in float64: a quarter of the time, and to a float32 the same numbers.
 *
 * @param hann the window over a frame
 * @returns undefined where the processor has no such SIMD (x86 without SSE4.1), or the process may not have the address
 *   space that V8 reserves for WebAssembly (`ulimit -v`)
 */
export function createSimdLogMel(hann: Float64Array, bands: MelBands): LogMel | undefined {
  const exports = instantiate();
  if (!exports) return undefined;
  const { memory, compute, ...at } = exports;
  const { buffer } = memory;
  const fft = new Fft(FFT_SIZE / 2);
  new Float64Array(buffer, at.hann.value).set(hann);
  new Uint32Array(buffer, at.order.value).set(fft.order.filter((_, place) => place % 4 === 0));
  new Float64Array(buffer, at.twiddles.value).set(fft.twiddles);
  new Float64Array(buffer, at.turns.value).set(turnsOf(FFT_SIZE));
  new Float64Array(buffer, at.weights.value, FFT_SIZE).set(bands.weights);
  const spans = new Uint32Array(buffer, at.spans.value);
  for (const [band, first] of bands.firsts.entries()) spans.set([first, bands.ends[band]!], 2 * band);
  const input = new Float32Array(buffer, at.samples.value, WINDOW_SAMPLES);
  return {
    values: new Float32Array(buffer, at.values.value, PATCH_VALUES),
    compute(samples, first) {
      input.set(samples);
      compute(first);
    },
  };
}

function instantiate(): Exports | undefined {
  try {
    compiled ??= new WebAssembly.Module(Buffer.from(LOG_MEL_WASM, 'base64'));
    return new WebAssembly.Instance(compiled).exports as unknown as Exports;
  } catch {
    return undefined;
  }
}
