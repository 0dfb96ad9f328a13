import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';

const WASM = new URL('wasm/', new URL('../', import.meta.resolve('@litertjs/core')));

interface Shims {
  self?: unknown;
  importScripts?: (url: string) => void;
  ModuleFactory?: unknown;
}

/**
 * Google's own TensorFlow Lite runtime. It expects a browser's worker; what it looks for there is lent to it
 * while it loads, and taken away again, because other libraries would take this for a worker as well.
 */
export async function loadLiteRuntime() {
  const { loadAndCompile, loadLiteRt, Tensor } = await import('@litertjs/core');
  const shims = globalThis as Shims;
  const { warn, error } = console;
  shims.self = globalThis;
  shims.importScripts = (url) => {
    const path = fileURLToPath(url);
    const load = compileFunction(
      `${readFileSync(path, 'utf8')}\nreturn ModuleFactory;`,
      ['require', '__filename', '__dirname'],
      { filename: path },
    );
    shims.ModuleFactory = load(createRequire(path), path, dirname(path));
  };
  // It keeps the console that it finds, and tells it of GPUs that are missing.
  console.warn = console.error = () => {};
  try {
    await loadLiteRt(WASM.href);
  } finally {
    Object.assign(console, { warn, error });
    delete shims.self;
    delete shims.importScripts;
  }

  /** Runs a model of one input and one output on each of the patches. */
  return async (file: Uint8Array, patches: readonly Float32Array[], shape: number[]) => {
    const model = await loadAndCompile(file, { accelerator: 'wasm' });
    const scores: Float32Array[] = [];
    for (const patch of patches) {
      const input = new Tensor(patch, shape);
      const outputs = await model.run([input]);
      scores.push(Float32Array.from(outputs[0]?.toTypedArray() ?? []));
      for (const each of [input, ...outputs]) each.delete();
    }
    const [inputs, outputs] = [model.getInputDetails(), model.getOutputDetails()];
    model.delete();
    return { inputs, outputs, scores };
  };
}
