import protobuf from 'protobufjs/light.js';
import { VERSION } from '../../constants.js';

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

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: 'repeated' as const, type, id });

/**
 * The messages and fields that are written, of those in
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const ModelProto = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: one('int64', 1),
        producerName: one('string', 2),
        producerVersion: one('string', 3),
        docString: one('string', 6),
        graph: one('GraphProto', 7),
        opsetImport: many('OperatorSetIdProto', 8),
      },
    },
    OperatorSetIdProto: { fields: { domain: one('string', 1), version: one('int64', 2) } },
    GraphProto: {
      fields: {
        node: many('NodeProto', 1),
        name: one('string', 2),
        initializer: many('TensorProto', 5),
        input: many('ValueInfoProto', 11),
        output: many('ValueInfoProto', 12),
      },
    },
    NodeProto: {
      fields: {
        input: many('string', 1),
        output: many('string', 2),
        opType: one('string', 4),
        attribute: many('AttributeProto', 5),
      },
    },
    AttributeProto: {
      fields: { name: one('string', 1), i: one('int64', 3), ints: many('int64', 8), type: one('int32', 20) },
    },
    TensorProto: {
      fields: {
        dims: many('int64', 1),
        dataType: one('int32', 2),
        name: one('string', 8),
        rawData: one('bytes', 9),
      },
    },
    ValueInfoProto: { fields: { name: one('string', 1), type: one('TypeProto', 2) } },
    TypeProto: { fields: { tensorType: one('TensorType', 1) } },
    TensorType: { fields: { elemType: one('int32', 1), shape: one('TensorShapeProto', 2) } },
    TensorShapeProto: { fields: { dim: many('Dimension', 1) } },
    Dimension: { fields: { dimValue: one('int64', 1), dimParam: one('string', 2) } },
  },
}).lookupType('ModelProto');

/** Writes a graph as an ONNX file. */
export function writeOnnx({ description, input, outputs, nodes, constants }: OnnxGraph): Uint8Array {
  const model = {
    irVersion: IR_VERSION,
    producerName: 'bathnet2mqtt',
    producerVersion: VERSION,
    docString: description,
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: 'main',
      node: nodes.map(({ op, inputs, output, attributes = {} }) => ({
        opType: op,
        input: inputs,
        output,
        attribute: Object.entries(attributes).map(([name, value]) =>
          typeof value === 'number'
            ? { name, type: ATTRIBUTE_INT, i: value }
            : { name, type: ATTRIBUTE_INTS, ints: value },
        ),
      })),
      initializer: constants.map(({ name, shape, data }) => ({
        name,
        dims: shape,
        dataType: DATA_TYPES[data.constructor.name],
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
      input: [valueInfo(input)],
      output: outputs.map(valueInfo),
    },
  };
  return ModelProto.encode(model).finish();
}

function valueInfo({ name, shape }: OnnxValue) {
  const dim = shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
}
