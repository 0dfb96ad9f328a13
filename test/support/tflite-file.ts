import { Builder } from 'flatbuffers';

/** `enum BuiltinOperator` of the TFLite schema. */
export const Op = {
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEQUANTIZE: 6,
  FULLY_CONNECTED: 9,
  LOGISTIC: 14,
  MAX_POOL_2D: 17,
  SOFTMAX: 25,
  TRANSPOSE: 39,
  MEAN: 40,
} as const;

const TYPES = { float32: 0, float16: 1, int32: 2, uint8: 3, int64: 4, int8: 9 } as const;

export interface TensorSpec {
  shape: number[];
  type?: keyof typeof TYPES;
  /** Left out for what the graph computes. */
  data?: Float32Array | Uint16Array | Int32Array | Int8Array | Uint8Array;
  scales?: number[];
  zeroPoints?: number[];
  axis?: number;
}

export interface OperatorSpec {
  op: number;
  inputs: number[];
  outputs: number[];
  /** Values by their slot in the options' table. */
  bytes?: Record<number, number>;
  ints?: Record<number, number>;
}

/** Writes a TFLite file with the FlatBuffers library itself, so that the reader is tested against the real format. */
export function tfliteFile(tensors: TensorSpec[], operators: OperatorSpec[], inputs = [0], outputs = [0]) {
  const b = new Builder(1024);
  const ints = (values: number[]) => vector(b, 4, values, (value) => b.addInt32(value));
  const offsets = (values: number[]) => vector(b, 4, values, (value) => b.addOffset(value));

  // Buffer 0 is the empty one by convention.
  const buffers = [undefined, ...tensors.map(({ data }) => data)].map((data) => {
    const bytes = data && new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const content = bytes ? b.createByteVector(bytes) : 0;
    b.startObject(1);
    b.addFieldOffset(0, content, 0);
    return b.endObject();
  });
  const tables = tensors.map(({ shape, type = 'float32', scales, zeroPoints = [], axis = 0 }, i) => {
    let quantisation = 0;
    if (scales) {
      const scale = vector(b, 4, scales, (value) => b.addFloat32(value));
      const zero = vector(b, 8, zeroPoints, (value) => b.addInt64(BigInt(value)));
      b.startObject(7);
      b.addFieldOffset(2, scale, 0);
      b.addFieldOffset(3, zero, 0);
      b.addFieldInt32(6, axis, 0);
      quantisation = b.endObject();
    }
    const name = b.createString(`t${i}`);
    const extents = ints(shape);
    b.startObject(5);
    b.addFieldOffset(0, extents, 0);
    b.addFieldInt8(1, TYPES[type], 0);
    b.addFieldInt32(2, i + 1, 0);
    b.addFieldOffset(3, name, 0);
    b.addFieldOffset(4, quantisation, 0);
    return b.endObject();
  });
  const steps = operators.map(({ inputs, outputs, bytes = {}, ints: numbers = {} }, i) => {
    b.startObject(7);
    for (const [slot, value] of Object.entries(bytes)) b.addFieldInt8(Number(slot), value, 0);
    for (const [slot, value] of Object.entries(numbers)) b.addFieldInt32(Number(slot), value, 0);
    const options = b.endObject();
    const from = ints(inputs);
    const to = ints(outputs);
    b.startObject(5);
    b.addFieldInt32(0, i, -1);
    b.addFieldOffset(1, from, 0);
    b.addFieldOffset(2, to, 0);
    b.addFieldOffset(4, options, 0);
    return b.endObject();
  });
  const codes = operators.map(({ op }) => {
    b.startObject(4);
    b.addFieldInt8(0, op, 0);
    b.addFieldInt32(3, op, 0);
    return b.endObject();
  });

  const graphParts = [offsets(tables), ints(inputs), ints(outputs), offsets(steps)];
  b.startObject(5);
  for (const [slot, part] of graphParts.entries()) b.addFieldOffset(slot, part, 0);
  const graph = b.endObject();
  const codeList = offsets(codes);
  const graphList = offsets([graph]);
  const bufferList = offsets(buffers);
  b.startObject(5);
  b.addFieldInt32(0, 3, 0);
  b.addFieldOffset(1, codeList, 0);
  b.addFieldOffset(2, graphList, 0);
  b.addFieldOffset(4, bufferList, 0);
  b.finish(b.endObject(), 'TFL3');
  return b.asUint8Array();
}

function vector(b: Builder, bytes: number, values: number[], add: (value: number) => void): number {
  b.startVector(bytes, values.length, bytes);
  for (const value of values.toReversed()) add(value); // a FlatBuffer grows from its end to its start
  return b.endVector();
}

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
  return tfliteFile(tensors, operators, [0], [17]);
}
