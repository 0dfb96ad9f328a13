import { z } from 'zod';
import { ENGINES, PRECISIONS } from '../../constants.js';

export const model = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .default('bathnet-mini')
      .describe('A model bundle: a name (see: bathnet2mqtt models list) or the path of its folder.'),
    head: z
      .string()
      .min(1)
      .optional()
      .describe("The model's head that decides. Default: the model's own default."),
    engine: z
      .enum(['auto', ...ENGINES])
      .default('auto')
      .describe(
        'What runs the network: auto takes the first of neuron (an NPU of MediaTek, where its library and a compiled backbone are there), onnxruntime, tfjs-node and tfjs-wasm that is there.',
      ),
    neuronLibrary: z
      .string()
      .min(1)
      .default('libneuron_runtime.so')
      .describe('Library of the NPU: a name that the system finds, or a path.'),
    neuronNetwork: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Backbone compiled for the NPU, as models compile writes it. Default: backbone.dla in the model's folder.",
      ),
    precision: z
      .enum(['auto', ...PRECISIONS])
      .default('auto')
      .describe(
        'In which numbers a CPU computes the network: auto takes int8 where ONNX Runtime computes a model that is calibrated for it and the processor multiplies bytes faster (x86 with VNNI, arm64 with dot products), else float32.',
      ),
  })
  .prefault({})
  .describe('What listens.');
