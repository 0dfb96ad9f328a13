import { Op, type OperatorSpec, type TensorSpec, writeTflite } from '../../src/model/export/tflite-writer.js';

export interface SmallOptions {
  /** Outputs of the dense layer. */
  units?: number;
  /** As BATHNet has it: the patch enters as bands × frames and is transposed. */
  bandsFirst?: boolean;
  /** Shifts every bias, as another training would. */
  bias?: number;
  /** Last say on the parts before they are written. */
  change?: (tensors: TensorSpec[], operators: OperatorSpec[]) => unknown;
}

/** MobileNetV1 in small: a convolution, one separable one, the mean, one dense layer. */
export function smallNetwork({ units = 4, bandsFirst = true, bias = 0.25, change }: SmallOptions = {}) {
  const ramp = (length: number) => Int8Array.from({ length }, (_, i) => ((i * 37) % 255) - 127);
  const biases = (length: number) => new Float32Array(length).fill(bias);
  const tensors: TensorSpec[] = [
    { shape: bandsFirst ? [1, 64, 96, 1] : [1, 96, 64, 1] },
    { shape: [4], type: 'int32', data: Int32Array.of(0, 2, 1, 3) },
    { shape: [1, 96, 64, 1] },
    { shape: [4, 3, 3, 1], data: Float32Array.from({ length: 36 }, (_, i) => i / 36) },
    { shape: [4], data: biases(4) },
    { shape: [1, 48, 32, 4] },
    {
      shape: [1, 3, 3, 4],
      type: 'int8',
      data: ramp(36),
      scales: [0.5, 0.25, 2, 1],
      zeroPoints: [0, 0, 0, 0],
      axis: 3,
    },
    { shape: [4], data: biases(4) },
    { shape: [1, 24, 16, 4] },
    { shape: [8, 1, 1, 4], type: 'int8', data: ramp(32), scales: [1, 2, 3, 4, 5, 6, 7, 8] },
    { shape: [8], data: biases(8) },
    { shape: [1, 24, 16, 8] },
    { shape: [2], type: 'int32', data: Int32Array.of(1, 2) },
    { shape: [1, 8] },
    { shape: [units, 8], type: 'int8', data: ramp(units * 8), scales: [0.125], zeroPoints: [3] },
    { shape: [units], data: biases(units) },
    { shape: [1, units] },
    { shape: [1, units] },
  ];
  const relu = 1;
  const operators: OperatorSpec[] = [
    { op: Op.TRANSPOSE, inputs: [0, 1], outputs: [2] },
    {
      op: Op.CONV_2D,
      inputs: [bandsFirst ? 2 : 0, 3, 4],
      outputs: [5],
      bytes: { 3: relu },
      ints: { 1: 2, 2: 2 },
    },
    {
      op: Op.DEPTHWISE_CONV_2D,
      inputs: [5, 6, 7],
      outputs: [8],
      bytes: { 4: relu },
      ints: { 1: 2, 2: 2, 3: 1 },
    },
    { op: Op.CONV_2D, inputs: [8, 9, 10], outputs: [11], bytes: { 3: relu }, ints: { 1: 1, 2: 1 } },
    { op: Op.MEAN, inputs: [11, 12], outputs: [13] },
    { op: Op.FULLY_CONNECTED, inputs: [13, 14, 15], outputs: [16] },
    { op: units === 521 ? Op.LOGISTIC : Op.SOFTMAX, inputs: [16], outputs: [17] },
  ];
  if (!bandsFirst) operators.shift();
  change?.(tensors, operators);
  return writeTflite(tensors, operators, { outputs: [17] });
}
