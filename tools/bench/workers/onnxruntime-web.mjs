// onnxruntime-web, one thread: onnxruntime-web.mjs OTHERS MODEL.onnx FOLDER WINDOWS
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { melsOf, sayFigures, sayFirst, timeWindows } from './figures.mjs';

const [others, model, folder, windows] = process.argv.slice(2);
const { env, InferenceSession, Tensor } = createRequire(join(others, 'package.json'))('onnxruntime-web');
env.wasm.numThreads = 1;
const mels = melsOf(folder);
const session = await InferenceSession.create(model);
const run = async (i) => {
  const outputs = await session.run({ log_mel: new Tensor('float32', mels(i), [1, 96, 64, 1]) });
  return outputs.scores.data;
};
await run(0);
sayFirst();
const { wholeMs, ...figures } = await timeWindows(async (i) => void (await run(i)), Number(windows));
sayFigures({ wholeMs, networkMs: wholeMs, ...figures });
