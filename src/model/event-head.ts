import type { Bundle } from './bundle.js';
import { DenseNetwork } from './dense.js';
import type { EventManifest } from './event-manifest.js';

/** Windows come no closer together. */
const MIN_HOP_SAMPLES = 1600;

/**
 * The event head of a bundle: remembers what each window was and says of the last few what kind of event they are.
 *
 * It was trained on windows that lie `hopSamples` apart. Where they lie otherwise, each place in its input takes the
 * remembered window that is nearest in time, of two the later one; before the first window there is none, so the
 * first stands there, too. All memory is allocated once.
 */
export class EventHead {
  readonly kinds: readonly string[];
  readonly #options: EventManifest;
  readonly #window: DenseNetwork;
  readonly #layers: DenseNetwork;
  /** [windows · U, U, blocks] */
  readonly #input: Float32Array;
  readonly #units: number;
  /** z of the remembered windows, a ring [capacity, U], and where each window ends in the stream. */
  readonly #z: Float32Array;
  readonly #ends: Float64Array;
  #count = 0;
  /** Where the newest lies in the ring. */
  #newest = -1;

  constructor(event: EventManifest, tensors: Bundle['tensors']) {
    this.kinds = event.kinds;
    this.#options = event;
    this.#window = new DenseNetwork(event.window, 'event.window', tensors);
    this.#layers = new DenseNetwork(event.layers, 'event.layers', tensors);
    this.#input = new Float32Array(eventInputs(event));
    this.#units = event.window.at(-1)?.units ?? 0;
    const capacity = Math.ceil(((event.windows - 1) * event.hopSamples) / MIN_HOP_SAMPLES) + 2;
    this.#z = new Float32Array(capacity * this.#units);
    this.#ends = new Float64Array(capacity);
  }

  /**
   * Takes the next window; windows of one stream must come in order.
   *
   * @param embedding [embeddingSize]
   * @param levels [blocks], of the sound that ends with the window
   * @param endSample position in the stream after the window's last sample
   * @returns natural log-odds [kinds], an array that the next call reuses
   */
  push(embedding: Float32Array, levels: Float32Array, endSample: number): Float32Array {
    this.#remember(this.#window.run(embedding), endSample);
    const { windows, hopSamples } = this.#options;
    const units = this.#units;
    const input = this.#input;
    const maximum = windows * units;
    for (let slot = 0; slot < windows; slot++) {
      const from = units * this.#nearest(endSample - (windows - 1 - slot) * hopSamples);
      for (let u = 0; u < units; u++) {
        const value = this.#z[from + u]!;
        input[slot * units + u] = value;
        if (slot === 0 || value > input[maximum + u]!) input[maximum + u] = value;
      }
    }
    input.set(levels, maximum + units);
    return this.#layers.run(input);
  }

  /** Sound was lost, or another stream begins: what was remembered says nothing of what comes. */
  forget(): void {
    this.#count = 0;
  }

  #remember(z: Float32Array, endSample: number): void {
    const capacity = this.#ends.length;
    this.#newest = (this.#newest + 1) % capacity;
    this.#count = Math.min(this.#count + 1, capacity);
    this.#z.set(z, this.#newest * this.#units);
    this.#ends[this.#newest] = endSample;
  }

  /** Place in the ring of the window that ends nearest to a position. */
  #nearest(sample: number): number {
    const capacity = this.#ends.length;
    let best = this.#newest;
    for (let back = 1; back < this.#count; back++) {
      const place = (this.#newest - back + capacity) % capacity;
      if (Math.abs(this.#ends[place]! - sample) >= Math.abs(this.#ends[best]! - sample)) break;
      best = place;
    }
    return best;
  }
}

/** How many inputs the second part has. */
export function eventInputs({ window, windows, levels }: EventManifest): number {
  return (window.at(-1)?.units ?? 0) * (windows + 1) + levels.blocks;
}
