#!/usr/bin/env node
/**
 * A compiler for tests, called as MediaTek's `ncc-tflite`: refuses other options than those that are meant, and turns a
 * TensorFlow Lite file of convolutions and a mean into what neuron-runtime.c reads.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { readTflite } from '../../../dist/model/import/tflite.js';

const [source, target, ...options] = [...process.argv.slice(2)].reverse();
if (options.reverse().join(' ') !== '--arch=mdla3.0 --relax-fp32 --opt-accuracy -d') {
  console.error(`ERROR: unexpected options ${options.join(' ')}`);
  process.exit(1);
}
const model = readTflite(readFileSync(source), source);
const chunks = [Buffer.from('TDLA'), Buffer.alloc(4)];
let layers = 0;
let mean = false;
for (const { op, inputs, stride } of model.operators) {
  if (mean) throw new Error(`${op} after the mean`);
  if (op === 'MEAN') {
    mean = true;
    continue;
  }
  const depthwise = op === 'DEPTHWISE_CONV_2D';
  if (!depthwise && op !== 'CONV_2D') throw new Error(`${op} is not supported by MDLA`);
  const { shape, data } = model.constant(inputs[1]);
  const [filters, size, , channels] = shape;
  const outputs = depthwise ? channels : filters;
  // Depthwise kernels lie as they are wanted; others from [out,k,k,in] to [k,k,in,out].
  const rows = data.length / outputs;
  const kernel = depthwise ? data : data.map((_, i) => data[(i % outputs) * rows + Math.floor(i / outputs)]);
  const header = Uint32Array.of(depthwise ? 1 : 0, size, stride[0], channels, outputs);
  for (const values of [header, Float32Array.from(kernel), Float32Array.from(model.constant(inputs[2]).data)])
    chunks.push(Buffer.from(values.buffer));
  layers++;
}
chunks[1].writeUInt32LE(layers);
writeFileSync(target, Buffer.concat(chunks));
