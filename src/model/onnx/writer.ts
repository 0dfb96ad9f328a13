import protobuf from 'protobufjs/minimal.js';
import { VERSION } from '../../constants.js';

const { Writer } = protobuf;

/** A constant of the graph. */
export interface OnnxConstant {
  readonly name: string;
  /** Empty for a single number. */
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array | Uint8Array | Int8Array | Int32Array;
}

export interface OnnxNode {
  /** The operator's name. */
  readonly op: string;
  /** Names of values. */
  readonly inputs: readonly string[];
  readonly output: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** A float32 input or output of the graph. */
interface OnnxValue {
  readonly name: string;
  /** A name stands for a dimension that is not fixed. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly description: string;
  readonly input: OnnxValue;
  readonly outputs: readonly OnnxValue[];
  /** In the order in which they run. */
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
}

/** The operator set of 2020, which anything that runs ONNX knows, and the file version that goes with it. */
const OPSET = 13;
const IR_VERSION = 7;

/** What TensorProto calls the types of numbers. */
const FLOAT = 1;
const DATA_TYPES: Record<string, number> = {
  Float32Array: FLOAT,
  Uint8Array: 2,
  Int8Array: 3,
  Int32Array: 6,
  BigInt64Array: 7,
};
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

/** How the value of a field is encoded, as Protocol Buffers number it. */
const VARINT = 0;
const BYTES = 2;

/**
 * A message on its way out, field by field, in the order of their numbers. Without a schema: with one, to prepare it
 * would take longer than to write the graph.
 */
class Message {
  constructor(private readonly writer = Writer.create()) {}

  int(field: number, value: number): this {
    this.#tag(field, VARINT).int64(value);
    return this;
  }

  /** Packed, as readers of today expect. */
  ints(field: number, values: readonly number[]): this {
    if (values.length === 0) return this;
    this.#tag(field, BYTES).fork();
    for (const value of values) this.writer.int64(value);
    this.writer.ldelim();
    return this;
  }

  text(field: number, value: string): this {
    this.#tag(field, BYTES).string(value);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, BYTES).bytes(value);
    return this;
  }

  /** A message within this one for each item. */
  all<T>(field: number, items: readonly T[], write: (message: Message, item: T) => void): this {
    for (const item of items) {
      this.#tag(field, BYTES).fork();
      write(this, item);
      this.writer.ldelim();
    }
    return this;
  }

  one(field: number, write: (message: Message) => void): this {
    return this.all(field, [undefined], write);
  }

  finish(): Uint8Array {
    return this.writer.finish();
  }

  #tag(field: number, encoding: number) {
    return this.writer.uint32((field << 3) | encoding);
  }
}

/**
 * Writes a graph as an ONNX file. The numbers are those of the fields in
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export function writeOnnx({ description, input, outputs, nodes, constants }: OnnxGraph): Uint8Array {
  return new Message()
    .int(1, IR_VERSION)
    .text(2, 'bathnet2mqtt')
    .text(3, VERSION)
    .text(6, description)
    .one(7, (graph) =>
      graph
        .all(1, nodes, writeNode)
        .text(2, 'main')
        .all(5, constants, writeConstant)
        .all(11, [input], writeValue)
        .all(12, outputs, writeValue),
    )
    .one(8, (opset) => opset.int(2, OPSET))
    .finish();
}

function writeNode(node: Message, { op, inputs, output, attributes = {} }: OnnxNode): void {
  for (const name of inputs) node.text(1, name);
  for (const name of output) node.text(2, name);
  node.text(4, op).all(5, Object.entries(attributes), writeAttribute);
}

function writeAttribute(attribute: Message, [name, value]: [string, number | readonly number[]]): void {
  attribute.text(1, name);
  if (typeof value === 'number') attribute.int(3, value).int(20, ATTRIBUTE_INT);
  else attribute.ints(8, value).int(20, ATTRIBUTE_INTS);
}

function writeConstant(tensor: Message, { name, shape, data }: OnnxConstant): void {
  tensor
    .ints(1, shape)
    .int(2, DATA_TYPES[data.constructor.name]!)
    .text(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValue(info: Message, { name, shape }: OnnxValue): void {
  info.text(1, name).one(2, (type) =>
    type.one(1, (tensor) =>
      tensor.int(1, FLOAT).one(2, (all) =>
        all.all(1, shape, (dimension, size) => {
          if (typeof size === 'string') dimension.text(2, size);
          else dimension.int(1, size);
        }),
      ),
    ),
  );
}
