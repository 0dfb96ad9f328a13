// LiteRT.js in WASM, one thread: litert.mjs OTHERS MODEL.tflite FOLDER WINDOWS
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import { melsOf, sayFigures, sayFirst, timeWindows } from './figures.mjs';

const [others, model, folder, windows] = process.argv.slice(2);
const home = join(others, 'node_modules', '@litertjs', 'core');
const { loadAndCompile, loadLiteRt, Tensor } = await import(
  pathToFileURL(join(home, 'dist', 'index.js')).href
);

// It expects a browser's worker; what it looks for there is lent to it.
globalThis.self = globalThis;
globalThis.importScripts = (url) => {
  const path = fileURLToPath(url);
  const load = compileFunction(
    `${readFileSync(path, 'utf8')}\nreturn ModuleFactory;`,
    ['require', '__filename', '__dirname'],
    { filename: path },
  );
  globalThis.ModuleFactory = load(createRequire(path), path, dirname(path));
};
console.warn = console.error = () => {}; // of GPUs that are missing
await loadLiteRt(pathToFileURL(join(home, 'wasm/')).href);

const compiled = await loadAndCompile(new Uint8Array(readFileSync(model)), { accelerator: 'wasm' });
const mels = melsOf(folder);
const run = async (i) => {
  const input = new Tensor(mels(i), [1, 96, 64, 1]);
  const outputs = await compiled.run([input]);
  outputs[0].toTypedArray();
  for (const each of [input, ...outputs]) each.delete();
};
await run(0);
sayFirst();
const { wholeMs, ...figures } = await timeWindows(run, Number(windows));
sayFigures({ wholeMs, networkMs: wholeMs, ...figures });
