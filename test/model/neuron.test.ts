import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExitCode, type UserError } from '../../src/errors.js';
import { createFrontEnd } from '../../src/features/create-front-end.js';
import { type Bundle, readBundle } from '../../src/model/bundle.js';
import { createNetwork } from '../../src/model/engines/create-network.js';
import type { EngineChoice, Network, Precision } from '../../src/model/network.js';
import { compileBackbone } from '../../src/model/neuron/compile.js';
import { compiledFile, sidecarFile } from '../../src/model/neuron/compiled.js';
import { verifyOutputs } from '../../src/model/verify.js';
import { GOLDEN, maxDifference, readWindow, relativeL2, SYNTHETIC } from '../support/golden.js';
import { FakeNpu, isGone, NCC } from '../support/npu.js';
import { quantizedBy, wholly } from '../support/quantized.js';
import { lacksPackage, lacksPrograms } from '../support/require.js';

const skip = lacksPrograms('gcc');
const lacksOnnx = lacksPackage('onnxruntime-node');

let npu: FakeNpu;
let bundle: Bundle;
let dla: string;
let sidecar: string;
let made: Awaited<ReturnType<typeof compileBackbone>>;
let cpu: Network;
const opened: Network[] = [];
const failures: UserError[] = [];

beforeAll(async () => {
  if (skip) return;
  npu = new FakeNpu();
  bundle = await readBundle(npu.copyBundle());
  dla = compiledFile(bundle);
  sidecar = sidecarFile(dla);
  made = await compileBackbone(bundle, NCC, 'mdla3.0');
  cpu = await createNetwork(bundle, 'tfjs-wasm');
  Object.assign(process.env, npu.environment); // for the processes that are started
});
beforeEach(() => {
  if (skip) return;
  npu.order('');
  npu.calls();
  writeFileSync(dla, made.compiled);
  writeFileSync(sidecar, JSON.stringify(made.sidecar));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((network) => network.close()));
  failures.length = 0;
});
afterAll(async () => {
  if (skip) return;
  await cpu.close();
  for (const name of Object.keys(npu.environment)) delete process.env[name];
  npu.remove();
});

async function open(
  engine: EngineChoice = 'neuron',
  neuronLibrary = npu.library,
  of = bundle,
  precision?: Precision,
) {
  const onFallback = (failure: UserError) => failures.push(failure);
  const network = await createNetwork(of, engine, undefined, { neuronLibrary, onFallback, precision });
  opened.push(network);
  return network;
}

const mel = new Float32Array(96 * 64);
const hear = (name: string) => createFrontEnd('yamnet-log-mel').compute(readWindow(GOLDEN, name), mel);

/** What the CPU gives, and nothing else. */
async function expectCpu(network: Network) {
  hear('decaying-thud');
  const output = await network.run(mel);
  const wanted = await cpu.run(mel);
  expect(network.engine).not.toBe('neuron');
  expect(network.npu).toBe(true);
  expect(maxDifference(output.embedding, wanted.embedding)).toBeLessThan(1e-4);
  expect(Object.keys(output.heads)).toEqual(Object.keys(wanted.heads));
  expect(failures).toHaveLength(1);
}

describe.skipIf(skip)('the NPU', () => {
  it('gives embeddings as half precision can, and the CPU their heads', async () => {
    const network = await open();
    expect(network.engine).toBe('neuron');
    for (const name of SYNTHETIC) {
      hear(name);
      const output = await network.run(mel);
      const wanted = await cpu.run(mel);
      expect(relativeL2(output.embedding, wanted.embedding), name).toBeLessThan(2e-3);
      expect(relativeL2(output.embedding, wanted.embedding), name).toBeGreaterThan(1e-6); // it is another engine
      expect(Object.keys(output.heads)).toEqual(Object.keys(wanted.heads));
      for (const [head, scores] of Object.entries(wanted.heads))
        expect(maxDifference(output.heads[head]!, scores), name).toBeLessThan(5e-3);
    }
    expect(failures).toEqual([]);
  });

  it('takes the windows of a batch one after the other', async () => {
    const network = await open();
    const batch = new Float32Array(2 * mel.length);
    const wanted: number[] = [];
    for (const [i, name] of SYNTHETIC.slice(0, 2).entries()) {
      hear(name);
      batch.set(mel, i * mel.length);
      wanted.push(...(await network.run(mel)).embedding);
    }
    expect([...(await network.run(batch)).embedding]).toEqual(wanted);
    npu.order('inference fail');
    const { embedding, heads } = await network.run(batch);
    const onCpu = await cpu.run(batch);
    expect(maxDifference(embedding, onCpu.embedding)).toBeLessThan(1e-4);
    expect(Object.keys(heads)).toEqual(Object.keys(onCpu.heads));
  });

  it('is asked by the rules of its API, and released in the end', async () => {
    const network = await open();
    expect(npu.calls().names.slice(0, 4)).toEqual([
      'create',
      'loadNetworkFromFile',
      'getInputSize',
      'getOutputSize',
    ]);
    await network.run(mel);
    const { names, pid } = npu.calls();
    expect(names).toEqual(['setInput', 'setOutput', 'inference']);
    await network.close();
    expect(npu.calls().names).toEqual(['release']);
    await vi.waitFor(() => expect(isGone(pid)).toBe(true));
  });

  it('is let go by the daemon alone, not by Ctrl-C and systemd, which tell all processes to end', async () => {
    const network = await open();
    const { pid } = npu.calls();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.kill(pid, signal);
    await network.run(mel);
    expect(network.engine).toBe('neuron');
    expect(npu.calls().pid).toBe(pid);
  });

  it('is not given up where its answer waits because the process stood still', async () => {
    const network = await open();
    hear('decaying-thud');
    const answer = network.run(mel);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
    await answer;
    expect(network.engine).toBe('neuron');
    expect(failures).toEqual([]);
  });

  it('works with a library from before the number of threads and the version', async () => {
    const old = new FakeNpu('-DOLD');
    const network = await open('neuron', old.library);
    expect(network.engine).toBe('neuron');
    await network.run(mel);
    await network.close();
    old.remove();
    expect(failures).toEqual([]);
  });

  it('is chosen by itself where library and compiled backbone are there, and else not spoken of', async () => {
    expect((await open('auto')).engine).toBe('neuron');
    const without = await open('auto', join(npu.folder, 'none.so'));
    rmSync(dla);
    const uncompiled = await open('auto');
    for (const network of [without, uncompiled]) {
      expect(network.engine).not.toBe('neuron');
      expect(network.npu).toBeUndefined();
    }
    expect(failures).toEqual([]);
  });
});

describe.skipIf(skip)('an NPU that does not work at the start leaves it to the CPU and says', () => {
  it.each([
    ['create fail', /NeuronRuntime_create failed: 6 \(runtime error\) \(it printed: ERROR: create was told/],
    ['loadNetworkFromFile fail', /loadNetworkFromFile failed: 4 \(bad data\); the runtime is 6\.0\.5/],
    ['loadNetworkFromFile crash', /its process ended with SIGABRT/],
    ['getInputSize half', /its input has 12288 bytes, the model's 24576/],
    ['inference fail', /NeuronRuntime_inference failed: 6/],
    ['inference nan', /it gives no numbers/],
    ['inference unwritten', /it gives no numbers/],
    ['inference wrong', /its embedding is off by 20\.\d % of what the CPU computes/],
  ])('%s', async (order, message) => {
    npu.order(order);
    const network = await open('auto');
    await expectCpu(network);
    expect(failures[0]?.message).toMatch(message);
    const { pid } = npu.calls();
    await vi.waitFor(() => expect(isGone(pid)).toBe(true));
  });

  it.each<[string, () => void, RegExp]>([
    [
      'the backbone was compiled of other weights',
      () => changeSidecar('backbone'),
      /compiled of other weights/,
    ],
    ['the compiled backbone is damaged', () => changeSidecar('sha256'), /is not the file that was compiled/],
    ['nothing says of what it was compiled', () => rmSync(sidecar), /backbone\.dla\.json, cannot be read/],
    ['what says so is damaged', () => writeFileSync(sidecar, '{"backbone":1}'), /cannot be read/],
  ])('%s, and how to mend it', async (_, damage, message) => {
    damage();
    await expectCpu(await open('auto'));
    expect(failures[0]?.message).toMatch(message);
    expect(failures[0]?.hint).toMatch(/models compile .*bundle --output .*backbone\.dla --force/);
    expect(npu.calls().names).toEqual(['']); // nothing of it was loaded
  });

  it('a library of something else, or that lacks another one', async () => {
    const source = join(npu.folder, 'other.c');
    writeFileSync(source, 'int other(void) { return 0; }\n');
    const other = npu.compile('libother.so', source);
    await open('neuron', other);
    expect(failures[0]?.message).toMatch(/NeuronRuntime_create/);

    const needs = npu.compile('libneeds.so', source, ['-Wl,--no-as-needed', other]);
    rmSync(other);
    await open('auto', needs); // it is there: that is not for nobody to know
    expect(failures[1]?.message).toMatch(/libneeds\.so does not load: .*libother\.so/);
  });

  it('what was asked for by name and is not there', async () => {
    await expectCpu(await open('neuron', join(npu.folder, 'none.so')));
    expect(failures[0]?.message).toMatch(/the NPU's library is not there: .*none\.so/);
    rmSync(dla);
    await open();
    expect(failures[1]?.message).toMatch(/there is no compiled backbone of model bathnet-mini/);
  });

  it('or refuses to start where nobody would hear of it', async () => {
    npu.order('create fail');
    await expect(
      createNetwork(bundle, 'neuron', undefined, { neuronLibrary: npu.library }),
    ).rejects.toMatchObject({ code: ExitCode.unavailable });
  });
});

/**
 * The same function, in which one channel before each pointwise convolution is so high that the others are lost in its
 * steps: in int8 it is so far off that the NPU would be refused if it were compared with that.
 */
function unbalanced(bundle: Bundle): Bundle {
  const tensors = new Map(bundle.tensors);
  const scaled = (name: string, by: (i: number) => number) => {
    const { shape, data } = tensors.get(name)!;
    tensors.set(name, { shape, data: data.map((value, i) => value * by(i)) });
  };
  for (const [i, { type }] of bundle.manifest.backbone.entries()) {
    if (type === 'conv') continue;
    const channels = tensors.get(`backbone.${i}.depthwise.bias`)!.data.length;
    const outputs = tensors.get(`backbone.${i}.pointwise.bias`)!.data.length;
    scaled(`backbone.${i}.depthwise.kernel`, (at) => (at % channels === 0 ? 1000 : 1));
    scaled(`backbone.${i}.depthwise.bias`, (at) => (at === 0 ? 1000 : 1));
    scaled(`backbone.${i}.pointwise.kernel`, (at) => (at < outputs ? 1 / 1000 : 1));
  }
  return { ...bundle, tensors };
}

describe.skipIf(skip || lacksOnnx)('a CPU that stands by in 8-bit integers', () => {
  let balanced: typeof made;
  let coarse: Bundle;
  beforeAll(async () => {
    coarse = quantizedBy(unbalanced(bundle), wholly(unbalanced(bundle)));
    const { compiled, sidecar: about } = await compileBackbone(coarse, NCC, 'mdla3.0');
    balanced = made;
    made = { compiled, sidecar: about };
  });
  afterAll(() => {
    made = balanced;
  });

  it('takes over as such, and what the NPU computes is compared with exact numbers', async () => {
    const network = await open('auto', npu.library, coarse, 'int8');
    expect(network).toMatchObject({ engine: 'neuron', precision: 'float16' });
    expect(failures).toEqual([]);
    npu.order('inference fail');
    hear('decaying-thud');
    const { embedding } = await network.run(mel);
    expect(network).toMatchObject({ engine: 'onnxruntime', precision: 'int8' });
    expect(relativeL2(embedding, (await cpu.run(mel)).embedding)).toBeGreaterThan(0.03);
  });

  it('also where the NPU fails at the start', async () => {
    npu.order('create fail');
    const network = await open('neuron', npu.library, coarse, 'int8');
    expect(network).toMatchObject({ engine: 'onnxruntime', precision: 'int8', npu: true });
  });

  it('is verified beside the NPU', async () => {
    hear('decaying-thud');
    vi.stubEnv('LD_LIBRARY_PATH', npu.folder);
    await expect(verifyOutputs(coarse, mel)).resolves.toBe('neuron, and on onnxruntime in int8');
    vi.unstubAllEnvs();
  });
});

describe.skipIf(skip)('an NPU that fails later', () => {
  it.each([
    ['fail', /NeuronRuntime_inference failed: 6/],
    ['crash', /its process ended with SIGABRT/],
    ['nan', /it gives no numbers/],
    ['unwritten', /it gives no numbers/],
    ['hang', /no answer for 2 s/],
  ])('%s: the CPU computes that very window and all that come', async (action, message) => {
    const network = await open();
    await network.run(mel);
    npu.order(`inference ${action}`);
    let turns = 0;
    const timer = setInterval(() => turns++, 10);
    await expectCpu(network);
    clearInterval(timer);
    if (action === 'hang') expect(turns).toBeGreaterThan(20); // meanwhile everything else had its turn
    expect(failures[0]?.message).toMatch(message);
    const { pid } = npu.calls();
    await vi.waitFor(() => expect(isGone(pid)).toBe(true));
    npu.order('');
    await expectCpu(network); // and it is said once
    expect(npu.calls().names).toEqual(['']); // nobody asks it any more
  });

  it('between two windows is noticed with the next', async () => {
    const network = await open();
    process.kill(npu.calls().pid, 'SIGKILL');
    await expectCpu(network);
    expect(failures[0]?.message).toMatch(/its process ended with SIGKILL/);
  });

  it('and hangs when it is released is left behind', async () => {
    const network = await open();
    npu.order('release hang');
    const { pid } = npu.calls();
    await network.close();
    await vi.waitFor(() => expect(isGone(pid)).toBe(true));
  });
});

function changeSidecar(key: 'backbone' | 'sha256'): void {
  writeFileSync(sidecar, JSON.stringify({ ...made.sidecar, [key]: '0'.repeat(64) }));
}
