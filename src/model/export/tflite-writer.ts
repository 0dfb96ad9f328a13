import { Builder } from 'flatbuffers';

/** `enum BuiltinOperator` of the schema (the address is in tflite.ts): what is written. */
export const Op = {
  ADD: 0,
  CONCATENATION: 2,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEQUANTIZE: 6,
  FULLY_CONNECTED: 9,
  LOGISTIC: 14,
  MAX_POOL_2D: 17,
  MUL: 18,
  SOFTMAX: 25,
  TRANSPOSE: 39,
  MEAN: 40,
  DIV: 42,
  MAXIMUM: 55,
  SLICE: 65,
  LOG: 73,
  SUM: 74,
  REDUCE_MAX: 82,
} as const;

/** `union BuiltinOptions`: which table an operator's options are. */
const OPTIONS: Record<number, number> = {
  [Op.CONV_2D]: 1,
  [Op.DEPTHWISE_CONV_2D]: 2,
  [Op.MAX_POOL_2D]: 5,
  [Op.FULLY_CONNECTED]: 8,
  [Op.SOFTMAX]: 9,
  [Op.CONCATENATION]: 10,
  [Op.ADD]: 11,
  [Op.MUL]: 21,
  [Op.TRANSPOSE]: 26,
  [Op.MEAN]: 27,
  [Op.SUM]: 27,
  [Op.REDUCE_MAX]: 27,
  [Op.DIV]: 29,
  [Op.DEQUANTIZE]: 38,
  [Op.MAXIMUM]: 39,
  [Op.SLICE]: 48,
};

/** `enum TensorType` */
const TYPES = { float32: 0, float16: 1, int32: 2, uint8: 3, int64: 4, int8: 9 } as const;

/** Version of the schema; the only one there is. */
const SCHEMA_VERSION = 3;
/** What the runtime wants constants to be aligned to. */
const DATA_ALIGNMENT = 16;

export interface TensorSpec {
  readonly shape: readonly number[];
  /** `tN` when left out. */
  readonly name?: string;
  readonly type?: keyof typeof TYPES;
  /** Left out for what the graph computes. */
  readonly data?: Float32Array | Uint16Array | Int32Array | Int8Array | Uint8Array;
  readonly scales?: readonly number[];
  readonly zeroPoints?: readonly number[];
  /** The dimension that has one scale per index. */
  readonly axis?: number;
}

export interface OperatorSpec {
  op: number;
  /** Indices of tensors. */
  inputs: number[];
  outputs: number[];
  /** Values by their slot in the options' table. */
  bytes?: Record<number, number>;
  ints?: Record<number, number>;
  floats?: Record<number, number>;
}

export interface GraphSpec {
  /** Indices of tensors. */
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
  readonly description?: string;
}

/**
 * Writes a TensorFlow Lite file of one graph. All operators are of version 1, the only one that float32 needs.
 *
 * @param operators in the order in which they run
 */
export function writeTflite(
  tensors: readonly TensorSpec[],
  operators: readonly OperatorSpec[],
  { inputs = [0], outputs = [0], description }: GraphSpec = {},
): Uint8Array {
  const b = new Builder(1024);
  const ints = (values: readonly number[]) => vector(b, 4, values, (value) => b.addInt32(value));
  const offsets = (values: readonly number[]) => vector(b, 4, values, (value) => b.addOffset(value));

  // Buffer 0 is the empty one, of all that the graph computes.
  const constants = tensors.filter(({ data }) => data !== undefined);
  const buffers = [undefined, ...constants].map((tensor) => bufferTable(b, tensor?.data));
  const tables = tensors.map((tensor, i) => {
    const quantisation = quantisationTable(b, tensor);
    const name = b.createString(tensor.name ?? `t${i}`);
    const shape = ints(tensor.shape);
    b.startObject(5);
    b.addFieldOffset(0, shape, 0);
    b.addFieldInt8(1, TYPES[tensor.type ?? 'float32'], 0);
    b.addFieldInt32(2, constants.indexOf(tensor) + 1, 0);
    b.addFieldOffset(3, name, 0);
    b.addFieldOffset(4, quantisation, 0);
    return b.endObject();
  });
  const kinds = [...new Set(operators.map(({ op }) => op))];
  const steps = operators.map((operator) => {
    const options = optionsTable(b, operator);
    const from = ints(operator.inputs);
    const to = ints(operator.outputs);
    b.startObject(5);
    b.addFieldInt32(0, kinds.indexOf(operator.op), 0);
    b.addFieldOffset(1, from, 0);
    b.addFieldOffset(2, to, 0);
    b.addFieldInt8(3, OPTIONS[operator.op] ?? 0, 0);
    b.addFieldOffset(4, options, 0);
    return b.endObject();
  });
  const codes = kinds.map((op) => {
    b.startObject(4);
    b.addFieldInt8(0, op, 0); // where readers of before 2020 look
    b.addFieldInt32(2, 1, 0); // version
    b.addFieldInt32(3, op, 0);
    return b.endObject();
  });

  const parts = [offsets(tables), ints(inputs), ints(outputs), offsets(steps), b.createString('main')];
  b.startObject(5);
  for (const [slot, part] of parts.entries()) b.addFieldOffset(slot, part, 0);
  const graph = b.endObject();
  const root = [offsets(codes), offsets([graph]), b.createString(description ?? ''), offsets(buffers)];
  b.startObject(5);
  b.addFieldInt32(0, SCHEMA_VERSION, 0);
  for (const [i, part] of root.entries()) b.addFieldOffset(i + 1, part, 0);
  b.finish(b.endObject(), 'TFL3');
  return b.asUint8Array();
}

function bufferTable(b: Builder, data: TensorSpec['data']): number {
  let content = 0;
  if (data) {
    b.prep(DATA_ALIGNMENT, data.byteLength);
    content = b.createByteVector(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  b.startObject(1);
  b.addFieldOffset(0, content, 0);
  return b.endObject();
}

function quantisationTable(b: Builder, { scales, zeroPoints = [], axis = 0 }: TensorSpec): number {
  if (!scales) return 0;
  const scale = vector(b, 4, scales, (value) => b.addFloat32(value));
  const zero = vector(b, 8, zeroPoints, (value) => b.addInt64(BigInt(value)));
  b.startObject(7);
  b.addFieldOffset(2, scale, 0);
  b.addFieldOffset(3, zero, 0);
  b.addFieldInt32(6, axis, 0);
  return b.endObject();
}

function optionsTable(b: Builder, { bytes = {}, ints = {}, floats = {} }: OperatorSpec): number {
  b.startObject(7);
  for (const [slot, value] of Object.entries(bytes)) b.addFieldInt8(Number(slot), value, 0);
  for (const [slot, value] of Object.entries(ints)) b.addFieldInt32(Number(slot), value, 0);
  for (const [slot, value] of Object.entries(floats)) b.addFieldFloat32(Number(slot), value, 0);
  return b.endObject();
}

function vector(b: Builder, bytes: number, values: readonly number[], add: (value: number) => void): number {
  b.startVector(bytes, values.length, bytes);
  for (const value of values.toReversed()) add(value); // a FlatBuffer grows from its end to its start
  return b.endVector();
}
