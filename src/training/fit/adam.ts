import type { Parameter } from './layers.js';

/** Adam's own defaults: Kingma and Ba, 2015. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** A step of Adam. In plain memory: on the WASM backend it would take longer than all the rest. */
export function adam(
  { values, mean, square }: Parameter,
  gradient: Float32Array,
  rate: number,
  steps: number,
): void {
  const { beta1, beta2, epsilon } = ADAM;
  const [correction1, correction2] = [1 - beta1 ** steps, 1 - beta2 ** steps];
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i]!;
    const m = beta1 * mean[i]! + (1 - beta1) * g;
    const v = beta2 * square[i]! + (1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    values[i]! -= (rate * m) / correction1 / (Math.sqrt(v / correction2) + epsilon);
  }
}
