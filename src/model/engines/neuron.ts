import { PATCH_VALUES } from '../../constants.js';
import { ExitCode, UserError } from '../../errors.js';
import type { Bundle } from '../bundle.js';
import { denseScores } from '../head.js';
import type { Network, NpuOptions } from '../network.js';
import { disagreement, goldenPatches } from '../neuron/agreement.js';
import { checkCompiled, compiledFile } from '../neuron/compiled.js';
import { FIRST_LIMIT_MS, NeuronError, type NeuronProcess, startNeuron } from '../neuron/process.js';

const AGAIN =
  'It is tried again at the next start or reload (systemctl reload bathnet2mqtt); docs/vab5000.md says what to look at.';

/**
 * The network of a bundle with its backbone on MediaTek's NPU. The heads are computed here: they may have operators
 * that an NPU refuses, and cost little. Where the NPU fails – at the start or in the middle of a window – the CPU
 * computes that window, those beside it in a batch and all that come.
 *
 * @param cpu the same network, which stands by; closed together with this one; `exact` makes it in float32, to
 *   compare with where the one that stands by has other numbers
 * @param wanted heads, of which the dense ones are computed
 * @param required the NPU was asked for by name; else it is taken only where its library and its network are there
 * @returns `cpu` itself where no NPU was to compute
 * @throws UserError where the NPU is required, does not work, and nobody listens to `onFallback`
 */
export async function withNpu(
  bundle: Bundle,
  wanted: readonly string[],
  { cpu, exact }: { readonly cpu: Network; readonly exact: () => Promise<Network> },
  required: boolean,
  { neuronLibrary = 'libneuron_runtime.so', neuronNetwork = compiledFile(bundle), onFallback }: NpuOptions,
): Promise<Network> {
  const dense = Object.entries(bundle.manifest.heads)
    .filter(([name, { type }]) => type === 'dense' && wanted.includes(name))
    .map(([name]) => name);
  let npu: NeuronProcess | undefined;
  try {
    await checkCompiled(neuronNetwork, bundle);
    const compared = cpu.precision === 'float32' ? cpu : await exact();
    try {
      npu = await openNpu(bundle, compared, neuronLibrary, neuronNetwork);
    } finally {
      if (compared !== cpu) await compared.close();
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (!required && error.code === ExitCode.noInput) return cpu;
    if (onFallback) onFallback(error);
    else if (required) {
      await cpu.close();
      throw error;
    }
    return { ...cpu, npu: true };
  }

  let closed = false;
  return {
    get engine() {
      return npu ? 'neuron' : cpu.engine;
    },
    get precision() {
      return npu ? 'float16' : cpu.precision;
    },
    npu: true,
    async run(mel) {
      if (!npu) return cpu.run(mel);
      try {
        const embedding = await embeddingsOf(npu, mel, bundle.manifest.embeddingSize);
        const heads = dense.map((name) => [name, denseScores(bundle, name, embedding)] as const);
        return { embedding, heads: Object.fromEntries(heads) };
      } catch (error) {
        if (closed || !(error instanceof NeuronError)) throw error;
        npu.abandon();
        npu = undefined;
        onFallback?.(broken(error.message, AGAIN, error));
        return cpu.run(mel);
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await npu?.close();
      await cpu.close();
    },
  };
}

/** Window after window: what was compiled takes one. */
async function embeddingsOf(npu: NeuronProcess, mel: Float32Array, size: number): Promise<Float32Array> {
  if (mel.length === PATCH_VALUES) return npu.infer(mel);
  const embeddings = new Float32Array((mel.length / PATCH_VALUES) * size);
  for (let i = 0; i * PATCH_VALUES < mel.length; i++)
    embeddings.set(await npu.infer(mel.slice(i * PATCH_VALUES, (i + 1) * PATCH_VALUES)), i * size);
  return embeddings;
}

/**
 * Puts the compiled backbone on the NPU, and compares what comes out with what the CPU computes.
 *
 * @param cpu computes in float32
 * @throws UserError no input, where the library is not there; another where library or network do not work
 */
async function openNpu(
  bundle: Bundle,
  cpu: Network,
  library: string,
  network: string,
): Promise<NeuronProcess> {
  let npu: NeuronProcess | undefined;
  try {
    npu = await startNeuron({ library, network, embeddingSize: bundle.manifest.embeddingSize });
    for (const patch of goldenPatches()) {
      const wanted = (await cpu.run(patch)).embedding.slice();
      const off = disagreement(await npu.infer(patch, FIRST_LIMIT_MS), wanted);
      if (off) throw new NeuronError(off);
    }
    return npu;
  } catch (error) {
    npu?.abandon();
    if (!(error instanceof NeuronError)) throw error;
    if (error.absent)
      throw new UserError(
        ExitCode.noInput,
        `the NPU's library is not there: ${error.message}`,
        'Install MediaTek NeuroPilot on the board (docs/vab5000.md), give its path as model.neuronLibrary, or set model.engine to auto.',
        { cause: error },
      );
    throw broken(error.message, `See whether the backbone was compiled for this board. ${AGAIN}`, error);
  }
}

function broken(reason: string, hint: string, cause: Error): UserError {
  return new UserError(ExitCode.unavailable, `the NPU does not work: ${reason}`, hint, { cause });
}
