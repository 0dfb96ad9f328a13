import * as tf from '@tensorflow/tfjs-core';

/** A dense layer. */
export interface Layer {
  readonly inputs: number;
  readonly units: number;
  readonly kernel: Parameter;
  readonly bias: Parameter;
}

/** Weights in plain memory, with Adam's two moments of each. */
export interface Parameter {
  readonly values: Float32Array;
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

/** Glorot's uniform initialisation; biases are zero. */
export function createLayers(sizes: readonly number[], random: () => number): Layer[] {
  return sizes.slice(1).map((units, i) => {
    const inputs = sizes[i] as number;
    const limit = Math.sqrt(6 / (inputs + units));
    const kernel = parameter(inputs * units);
    for (let k = 0; k < kernel.values.length; k++) kernel.values[k] = (2 * random() - 1) * limit;
    return { inputs, units, kernel, bias: parameter(units) };
  });
}

const parameter = (length: number): Parameter => ({
  values: new Float32Array(length),
  mean: new Float32Array(length),
  square: new Float32Array(length),
});

export function kernelOf({ kernel, inputs, units }: Layer): tf.Tensor2D {
  return tf.tensor2d(kernel.values, [inputs, units]);
}

/** Without its activation. */
export function dense({ bias }: Layer, kernel: tf.Tensor2D, input: tf.Tensor2D): tf.Tensor2D {
  return tf.fused.matMul({ a: input, b: kernel, bias: tf.tensor1d(bias.values) }) as tf.Tensor2D;
}

/** `tf.tidy` for what returns plain arrays, in whose every value it would look for tensors. */
export function scoped<T>(action: () => T): T {
  const engine = tf.engine();
  engine.startScope();
  try {
    return action();
  } finally {
    engine.endScope();
  }
}
