import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type HeardFile, type ListenOptions, listenToFiles } from '../../src/files/listen.js';
import { type Bundle, readBundle } from '../../src/model/bundle.js';
import { compileBackbone } from '../../src/model/neuron/compile.js';
import { compiledFile, sidecarFile } from '../../src/model/neuron/compiled.js';
import type { LaidFile } from '../../src/training/lay.js';
import { FakeNpu, isGone, NCC } from '../support/npu.js';
import { lacksPrograms } from '../support/require.js';
import { tone, writeWav } from '../support/sound.js';

const skip = lacksPrograms('gcc');

let npu: FakeNpu;
let bundle: Bundle;
let paths: string[];
beforeAll(async () => {
  if (skip) return;
  npu = new FakeNpu();
  bundle = await readBundle(npu.copyBundle());
  const dla = compiledFile(bundle);
  const { compiled, sidecar } = await compileBackbone(bundle, NCC, 'mdla3.0');
  writeFileSync(dla, compiled);
  writeFileSync(sidecarFile(dla), JSON.stringify(sidecar));
  paths = [];
  for (const hertz of [440, 880, 1760])
    paths.push(await writeWav(join(npu.folder, `${hertz}.wav`), [tone(hertz, 3)]));
  Object.assign(process.env, npu.environment); // for the processes that are started
});
afterEach(() => {
  if (!skip) npu.order('');
});
afterAll(() => {
  if (skip) return;
  for (const name of Object.keys(npu.environment)) delete process.env[name];
  npu.remove();
});

const onFallback = vi.fn<NonNullable<ListenOptions['onFallback']>>();
function* sounds(): Generator<LaidFile> {
  for (const path of paths) yield { path, lays: [{ how: 'as it is' }] };
}
function listening(to: Iterable<LaidFile>, cacheDir?: string) {
  onFallback.mockClear();
  const options = { bundle, neuronLibrary: npu.library, onFallback, hopSamples: 7680, jobs: 3, cacheDir };
  return listenToFiles(to, { ...options, wanted: 'scores' });
}
async function listen(to: Iterable<LaidFile>, cacheDir?: string): Promise<HeardFile[]> {
  const files: HeardFile[] = [];
  for await (const file of listening(to, cacheDir)) files.push(file);
  return files;
}
const engineOf = (file: HeardFile) => ('error' in file ? file.error : file.network.engine);

describe.skipIf(skip)('files on an NPU', () => {
  it('are heard by one thread, which lets it go in the end', async () => {
    npu.calls();
    const files = await listen(sounds());
    expect(files.map(engineOf)).toEqual(['neuron', 'neuron', 'neuron']);
    expect(onFallback).not.toHaveBeenCalled();
    const { names } = npu.calls();
    expect(names.filter((name) => name === 'create')).toHaveLength(1);
    expect(names.at(-1)).toBe('release');
  });

  it('leave no process behind where they are given up', async () => {
    const heard = listening(sounds());
    expect(engineOf((await heard.next()).value as HeardFile)).toBe('neuron');
    const { pid } = npu.calls();
    await heard.return();
    await vi.waitFor(() => expect(isGone(pid)).toBe(true));
  });

  it('are heard on the CPU where it does not work, which is said once', async () => {
    npu.order('create fail');
    const files = await listen(sounds());
    expect(files.map(engineOf)).not.toContain('neuron');
    expect(files.map((file) => 'network' in file && file.network.npu)).toEqual([true, true, true]);
    expect(onFallback).toHaveBeenCalledTimes(1);
    expect(onFallback.mock.calls[0]![0].message).toMatch(/the NPU does not work/);
  });

  it('are all heard where it fails on the way, and nothing is kept that it and the CPU have mixed', async () => {
    function* crashing() {
      for (const sound of sounds()) {
        // The files before have been heard: one thread hears what it has decoded before it opens another one.
        if (sound.path === paths.at(-1)) npu.order('inference crash');
        yield sound;
      }
    }
    const cacheDir = join(npu.folder, 'cache');
    const files = await listen(crashing(), cacheDir);
    const engines = files.map(engineOf);
    expect(engines).toHaveLength(3);
    expect(engines[0]).toBe('neuron');
    expect(['onnxruntime', 'tfjs-node', 'tfjs-wasm']).toContain(engines[2]);
    expect(onFallback).toHaveBeenCalledTimes(1);
    expect(readdirSync(cacheDir).length).toBeLessThan(3);
  });
});
