import type { DenseLayers } from './dense-manifest.js';
import type { Tensor } from './safetensors.js';

type Activation = DenseLayers[number]['activation'];

/** Outputs that are computed side by side: their sums stay in registers, and each input is read once for all of them. */
const TILE = 4;

/**
 * Dense layers on the processor, one input at a time, for what is too small to be worth an engine. All memory is
 * allocated once.
 */
export class DenseNetwork {
  readonly #layers: readonly Layer[];

  /** @param prefix of the tensors `prefix.N.kernel` [in, units] and `prefix.N.bias` [units] */
  constructor(layers: DenseLayers, prefix: string, tensors: ReadonlyMap<string, Tensor>) {
    this.#layers = layers.map(({ activation }, i) => {
      const kernel = tensors.get(`${prefix}.${i}.kernel`) as Tensor;
      return layerOf(kernel, tensors.get(`${prefix}.${i}.bias`) as Tensor, activation);
    });
  }

  /**
   * @param input [in]
   * @returns [units] of the last layer, an array that the next call reuses
   */
  run(input: Float32Array): Float32Array {
    let values = input;
    for (const layer of this.#layers) values = apply(layer, values);
    return values;
  }
}

interface Layer {
  readonly inputs: number;
  /** [ceil(units / TILE), in, TILE], filled up with zeros */
  readonly tiles: Float32Array;
  readonly bias: Float32Array;
  readonly activation: Activation;
  /** Room for the inputs that are not zero, and where their weights lie in a tile. */
  readonly values: Float64Array;
  readonly places: Int32Array;
  /** Room for whole tiles… */
  readonly sums: Float32Array;
  /** …and the part of it that is the output. */
  readonly output: Float32Array;
}

function layerOf(
  { shape: [inputs = 0, units = 0], data }: Tensor,
  bias: Tensor,
  activation: Activation,
): Layer {
  const padded = Math.ceil(units / TILE) * TILE;
  const tiles = new Float32Array(padded * inputs);
  for (let i = 0; i < inputs; i++)
    for (let u = 0; u < units; u++) {
      const tile = u - (u % TILE);
      tiles[tile * inputs + i * TILE + (u % TILE)] = data[i * units + u]!;
    }
  const paddedBias = new Float32Array(padded);
  paddedBias.set(bias.data);
  const sums = new Float32Array(padded);
  return {
    inputs,
    tiles,
    bias: paddedBias,
    activation,
    values: new Float64Array(inputs),
    places: new Int32Array(inputs),
    sums,
    output: sums.subarray(0, units),
  };
}

function apply(layer: Layer, input: Float32Array): Float32Array {
  const { inputs, tiles, bias, activation, values, places, sums, output } = layer;
  // What comes out of a ReLU is mostly zeros: four of five numbers of an embedding.
  let count = 0;
  for (let i = 0; i < inputs; i++) {
    const x = input[i]!;
    if (x === 0) continue;
    values[count] = x;
    places[count] = i * TILE;
    count++;
  }
  for (let u = 0; u < sums.length; u += TILE) {
    const tile = u * inputs;
    let a = bias[u]!;
    let b = bias[u + 1]!;
    let c = bias[u + 2]!;
    let d = bias[u + 3]!;
    for (let i = 0; i < count; i++) {
      const x = values[i]!;
      const at = tile + places[i]!;
      a += x * tiles[at]!;
      b += x * tiles[at + 1]!;
      c += x * tiles[at + 2]!;
      d += x * tiles[at + 3]!;
    }
    sums[u] = a;
    sums[u + 1] = b;
    sums[u + 2] = c;
    sums[u + 3] = d;
  }
  activate(output, activation);
  return output;
}

/** In place. */
export function activate(row: Float32Array, activation: Activation): void {
  if (activation === 'relu') for (let u = 0; u < row.length; u++) row[u] = Math.max(0, row[u]!);
  else if (activation === 'sigmoid')
    for (let u = 0; u < row.length; u++) row[u] = 1 / (1 + Math.exp(-row[u]!));
  else if (activation === 'softmax') {
    const highest = row.reduce((a, b) => Math.max(a, b)); // keeps the exponents finite
    for (let u = 0; u < row.length; u++) row[u] = Math.exp(row[u]! - highest);
    const sum = row.reduce((a, b) => a + b);
    for (let u = 0; u < row.length; u++) row[u] = row[u]! / sum;
  }
}
