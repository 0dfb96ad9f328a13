import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/daemon.js';
import { GOLDEN } from '../support/golden.js';
import { FakeNpu, NCC } from '../support/npu.js';
import { lacksPrograms } from '../support/require.js';

const skip = lacksPrograms('gcc');

let folder: string;
let npu: FakeNpu;
let bundle: string;
beforeAll(() => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), 'bathnet-compile-test-'));
  npu = new FakeNpu();
  bundle = npu.copyBundle();
});
afterAll(() => {
  if (skip) return;
  npu.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Where the library of an NPU is installed. */
const onBoard = () => ({ ...npu.environment, LD_LIBRARY_PATH: npu.folder });

describe.skipIf(skip)('models compile', () => {
  it('says where the compiler comes from where there is none, and what it does not like', async () => {
    const output = join(folder, 'x.dla');
    const missing = await run(['models', 'compile', bundle, '--output', output, '--ncc', 'no-ncc-here']);
    expect(missing.code).toBe(69);
    expect(missing.stderr).toMatch(
      /no-ncc-here is not installed\n {2}hint: .*neuropilot\.mediatek\.com.*--ncc/,
    );

    const refused = await run(['models', 'compile', bundle, '-o', output, '--ncc', NCC, '--arch', 'mdla9']);
    expect(refused.code).toBe(65);
    expect(refused.stderr).toMatch(/it ends with 1: ERROR: unexpected options --arch=mdla9/);

    const idle = await run(['models', 'compile', bundle, '-o', output, '--ncc', 'true']);
    expect(idle.code).toBe(65);
    expect(idle.stderr).toMatch(/says that all went well, but wrote nothing/);
  });

  it('writes the backbone beside the bundle, with which everything then computes on the NPU', async () => {
    const made = await run(['models', 'compile', bundle, '--ncc', NCC, '--json']);
    expect(made.stderr).toBe('');
    const { file, sidecar, backbone } = JSON.parse(made.stdout);
    expect([file, sidecar]).toEqual([join(bundle, 'backbone.dla'), join(bundle, 'backbone.dla.json')]);
    expect(JSON.parse(readFileSync(sidecar, 'utf8'))).toMatchObject({
      backbone,
      compiler: ['ncc-tflite', '--arch=mdla3.0', '--relax-fp32', '--opt-accuracy'],
    });
    expect((await run(['models', 'compile', bundle, '--ncc', NCC])).stderr).toMatch(
      /exists already\s.*--force/,
    );

    expect((await run(['models', 'verify', bundle], onBoard())).stdout).toMatch(
      /^ok .* run on neuron, and on onnxruntime in int8$/m,
    );
    const wav = join(GOLDEN, 'white-noise.wav');
    const scores = async (engine: string) => {
      const files = ['model.neuronNetwork=backbone.dla', 'model.neuronLibrary=../libneuron_runtime.so'];
      const { stdout, stderr } = await run(
        [
          'classify',
          wav,
          '--model',
          bundle,
          '--engine',
          engine,
          '--json',
          ...files.flatMap((f) => ['--set', f]),
        ],
        npu.environment,
        bundle, // paths may be relative
      );
      expect(stderr).toBe('');
      return Object.values(JSON.parse(stdout).windows[0].scores) as number[];
    };
    const [npuScores, cpuScores] = [await scores('neuron'), await scores('tfjs-wasm')];
    for (const [i, score] of cpuScores.entries()) expect(npuScores[i]).toBeCloseTo(score, 2);
  });

  it('whose backbone is out of date is told of, and mended by compiling again', async () => {
    const sidecar = join(bundle, 'backbone.dla.json');
    const facts = JSON.parse(readFileSync(sidecar, 'utf8'));
    writeFileSync(sidecar, JSON.stringify({ ...facts, backbone: '0'.repeat(64) }));
    const verified = await run(['models', 'verify', bundle], onBoard());
    expect(verified.code).toBe(65);
    expect(verified.stdout).toMatch(/^BAD .*compiled of other weights than model bathnet-mini/);

    const wav = join(GOLDEN, 'white-noise.wav');
    const { code, stderr } = await run(['classify', wav, '--model', bundle], onBoard());
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^warning: .*compiled of other weights.*; the CPU takes over\n {2}hint: .*models compile/,
    );

    await run(['models', 'compile', bundle, '--ncc', NCC, '--force']);
    expect((await run(['models', 'verify', bundle], onBoard())).code).toBe(0);
  });
});
