import { ByteBuffer } from 'flatbuffers';
import { ExitCode, UserError } from '../../errors.js';
import { allFinite, fromFloat16, type Tensor } from '../safetensors.js';
import { Table } from './flatbuffer.js';

/**
 * What an import needs of a TensorFlow Lite file: its graph, and its constants as float32.
 *
 * The file is a FlatBuffer. No package carries classes generated from its schema, so fields are read
 * by their position there:
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/schema/schema.fbs
 */
export interface TfliteModel {
  readonly tensors: readonly TfliteTensor[];
  /** In the order in which they run. */
  readonly operators: readonly TfliteOperator[];
  /** Indices of the graph's input and output tensors. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /**
   * A constant tensor in TFLite's own layout, dequantised.
   *
   * @throws UserError (bad data) where it is no constant, contradicts itself or has an unsupported type
   */
  constant(index: number): Tensor;
}

interface TfliteTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** `float32`, `float16`, `int32`, `uint8`, `int8`, or `type N` for all others. */
  readonly type: string;
}

export interface TfliteOperator {
  /** The schema's name (`CONV_2D`), or `operator N` for those that no import looks at. */
  readonly op: string;
  /** Indices of tensors; −1 for an optional input that is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Fused into a convolution or dense layer: `linear`, `relu`, or `activation N`. */
  readonly activation: string;
  /** Of convolutions, height then width. */
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: 'same' | 'valid';
}

/** `enum BuiltinOperator`: those that an import looks at, or finds where it expects another. */
const OPERATORS: Record<number, string> = {
  0: 'ADD',
  1: 'AVERAGE_POOL_2D',
  3: 'CONV_2D',
  4: 'DEPTHWISE_CONV_2D',
  6: 'DEQUANTIZE',
  9: 'FULLY_CONNECTED',
  14: 'LOGISTIC',
  17: 'MAX_POOL_2D',
  18: 'MUL',
  22: 'RESHAPE',
  25: 'SOFTMAX',
  32: 'CUSTOM',
  39: 'TRANSPOSE',
  40: 'MEAN',
  43: 'SQUEEZE',
  114: 'QUANTIZE',
};
/** `enum TensorType`, with the bytes per value. */
const TYPES: Record<number, readonly [name: string, bytes: number]> = {
  0: ['float32', 4],
  1: ['float16', 2],
  2: ['int32', 4],
  3: ['uint8', 1],
  9: ['int8', 1],
};
/** `enum ActivationFunctionType` */
const ACTIVATIONS: Record<number, string> = { 0: 'linear', 1: 'relu' };

/** Positions in the options' tables; a convolution and a depthwise one differ. */
const OPTIONS: Record<string, { activation: number; dilation?: readonly [number, number] }> = {
  CONV_2D: { activation: 3, dilation: [5, 4] },
  DEPTHWISE_CONV_2D: { activation: 4, dilation: [6, 5] },
  FULLY_CONNECTED: { activation: 0 },
};

const MAX_OPERANDS = 256;
const MAX_RANK = 8;

/**
 * Reads the first graph of a TFLite file. Every offset is checked against the file's end.
 *
 * @param file the whole file
 * @param name what to call the file in errors
 * @throws UserError (bad data) for anything that is not a whole TFLite file
 */
export function readTflite(file: Uint8Array, name: string): TfliteModel {
  const broken = (what: string) =>
    new UserError(ExitCode.badData, `${name}: ${what}`, 'Give a whole TensorFlow Lite file (.tflite).');
  const buffer = new ByteBuffer(file);
  if (file.byteLength < 8 || !buffer.__has_identifier('TFL3'))
    throw broken('not a TensorFlow Lite file (no "TFL3" at its start)');

  const root = new Table(buffer, buffer.__indirect(0), broken);
  const codes = root.tables(1).map(operatorName);
  const buffers = root.tables(4);
  const graph = root.tables(2)[0];
  if (graph === undefined) throw broken('there is no graph in it');
  const entries = graph.tables(0);
  const tensors = entries.map((entry): TfliteTensor => {
    const type = entry.byte(1);
    return {
      name: entry.string(3),
      shape: entry.ints(0, MAX_RANK),
      type: TYPES[type]?.[0] ?? `type ${type}`,
    };
  });
  const indices = (table: Table, slot: number) => {
    const found = table.ints(slot, MAX_OPERANDS);
    const wrong = found.find((index) => index < -1 || index >= tensors.length);
    if (wrong !== undefined) throw broken(`it refers to tensor ${wrong} of ${tensors.length}`);
    return found;
  };
  const operators = graph.tables(3).map((entry): TfliteOperator => {
    const code = entry.int(0);
    const op = codes[code];
    if (op === undefined) throw broken(`it refers to operator ${code} of ${codes.length}`);
    const options = entry.table(4);
    const slots = OPTIONS[op];
    const activation = options && slots ? options.byte(slots.activation) : 0;
    return {
      op,
      inputs: indices(entry, 1),
      outputs: indices(entry, 2),
      activation: ACTIVATIONS[activation] ?? `activation ${activation}`,
      padding: slots?.dilation && options?.byte(0) === 1 ? 'valid' : 'same',
      stride: slots?.dilation ? [options?.int(2) ?? 0, options?.int(1) ?? 0] : [],
      dilation: slots?.dilation?.map((slot) => options?.int(slot, 1) ?? 1) ?? [],
    };
  });

  let readBytes = 0;
  const constant = (index: number): Tensor => {
    const entry = entries[index];
    const tensor = tensors[index];
    if (entry === undefined || tensor === undefined) throw broken(`there is no tensor ${index}`);
    const bytes = buffers[entry.int(2)]?.bytes(0) ?? new Uint8Array();
    const wrong = (what: string) => broken(`tensor ${tensor.name} [${tensor.shape}] ${what}`);
    const [, size] = TYPES[entry.byte(1)] ?? [];
    if (size === undefined) throw wrong(`has ${tensor.type}, not float32, float16, int32, int8 or uint8`);
    const count = tensor.shape.reduce((product, extent) => product * extent, 1);
    if (count * size !== bytes.byteLength) throw wrong(`has ${bytes.byteLength} bytes of constant data`);
    if (entry.table(6)) throw wrong('is sparse, which is not supported');
    readBytes += bytes.byteLength;
    if (readBytes > 2 * file.byteLength) throw broken('its tensors claim the same bytes over and over');
    const data = dequantise(valuesOf(tensor.type, bytes), tensor, entry.table(4), wrong);
    if (!allFinite(data)) throw wrong('has values that are no numbers');
    return { shape: tensor.shape, data };
  };
  return { tensors, operators, inputs: indices(graph, 1), outputs: indices(graph, 2), constant };
}

/** Old files have the operator in one byte, new ones in the int beside it; the larger one holds. */
function operatorName(code: Table): string {
  const builtin = Math.max(code.byte(0), code.int(3));
  return OPERATORS[builtin] ?? `operator ${builtin}`;
}

type Values = Float32Array | Int32Array | Int8Array | Uint8Array;

function valuesOf(type: string, bytes: Uint8Array): Values {
  const { buffer } = new Uint8Array(bytes); // a copy is aligned, as typed arrays want it
  if (type === 'float32') return new Float32Array(buffer);
  if (type === 'float16') return fromFloat16(new Uint16Array(buffer));
  if (type === 'int32') return new Int32Array(buffer);
  return type === 'int8' ? new Int8Array(buffer) : new Uint8Array(buffer);
}

/** real = scale × (stored − zero point), with one scale per tensor or per index of one dimension. */
function dequantise(
  values: Values,
  { shape, type }: TfliteTensor,
  quantisation: Table | undefined,
  wrong: (what: string) => UserError,
): Float32Array {
  if (values instanceof Float32Array) return values;
  const scales = quantisation?.floats(2) ?? [];
  if (scales.length === 0 && type === 'int32') return Float32Array.from(values); // axes, permutations
  if (quantisation === undefined || scales.length === 0) throw wrong(`is ${type} without a scale`);
  if (quantisation.byte(4) !== 0) throw wrong('has a custom quantisation');
  const zeroPoints = quantisation.longs(3);
  const axis = quantisation.int(6);
  if (scales.length > 1 && scales.length !== shape[axis])
    throw wrong(`has ${scales.length} scales for dimension ${axis}`);
  if (![0, 1, scales.length].includes(zeroPoints.length))
    throw wrong(`has ${zeroPoints.length} zero points for ${scales.length} scales`);
  const perChannel = scales.length > 1 ? shape.slice(axis + 1).reduce((a, b) => a * b, 1) : values.length;
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const channel = Math.floor(i / perChannel) % scales.length;
    const zeroPoint = zeroPoints.length > 1 ? zeroPoints[channel]! : (zeroPoints[0] ?? 0);
    out[i] = scales[channel]! * (values[i]! - zeroPoint);
  }
  return out;
}
