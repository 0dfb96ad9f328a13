import { ExitCode, nativeFailure, UserError } from '../errors.js';
import type { Draft } from './bundle.js';
import { createOnnxNetwork } from './engines/onnxruntime.js';
import { backboneFingerprint } from './fingerprint.js';
import type { Network } from './network.js';
import { convolutionNames, isPointwise, LEAST_COSINE } from './quantization.js';
import type { Quantization } from './quantization-manifest.js';

/** Patches that the front end made of sound; 96 × 64 each. */
export interface CalibrationPatches {
  /** By which it is chosen what is computed in int8. */
  readonly calibration: readonly Float32Array[];
  /** On which the choice is compared with float32: of other recordings. */
  readonly heldBack: readonly Float32Array[];
}

/** A sum over fewer inputs is no faster in int8: to turn the plane round and to round it takes what is gained. */
const LEAST_INPUTS = 128;

/**
 * Finds what of the backbone can be computed in int8: of the pointwise convolutions, the one that harms the embedding
 * most by itself is left out, then the next one, until the rest together agree with float32 on sound by which they
 * were not chosen.
 *
 * @throws UserError bad data, where none agrees, unavailable, where ONNX Runtime is not installed
 */
export async function calibrate(
  bundle: Draft,
  { calibration, heldBack }: CalibrationPatches,
  signal: AbortSignal,
): Promise<Quantization> {
  await import('onnxruntime-node').catch((error) => {
    throw new UserError(
      ExitCode.unavailable,
      `int8 is calibrated with ONNX Runtime, which cannot be loaded: ${nativeFailure(error).reason}`,
      'Install it: npm install onnxruntime-node --ignore-scripts (it needs glibc 2.28).',
      { cause: error },
    );
  });
  const { manifest, tensors } = bundle;
  const names = convolutionNames(manifest.backbone).filter(
    (name) => isPointwise(name) && (tensors.get(`${name}.kernel`)?.shape[2] ?? 0) >= LEAST_INPUTS,
  );
  const backbone = backboneFingerprint(bundle);
  const comparing = async (patches: readonly Float32Array[]) => {
    const wanted = await embeddingsOf(await createOnnxNetwork(bundle, []), patches, signal);
    return async (convolutions: readonly string[]): Promise<Quantization> => {
      const tried = { backbone, convolutions: [...convolutions], agreement: UNKNOWN };
      const got = await embeddingsOf(await createOnnxNetwork(bundle, [], tried), patches, signal);
      return { ...tried, agreement: agreementOf(got, wanted) };
    };
  };

  const alone = await comparing(calibration);
  const harms = new Map<string, number>();
  for (const name of names) harms.set(name, 1 - (await alone([name])).agreement.meanCosine);
  const together = await comparing(heldBack);
  const best = names.toSorted((a, b) => harms.get(a)! - harms.get(b)!);
  let last: Quantization | undefined;
  for (let count = best.length; count > 0; count--) {
    const chosen = best.slice(0, count);
    last = await together(names.filter((name) => chosen.includes(name)));
    if (last.agreement.meanCosine >= LEAST_COSINE) return last;
  }
  throw new UserError(
    ExitCode.badData,
    last
      ? `model ${manifest.name} loses too much in int8: embeddings agree to ${last.agreement.meanCosine}, ${LEAST_COSINE} is needed`
      : `model ${manifest.name} is too small to be any faster in int8`,
    'Leave it in float32.',
  );
}

const UNKNOWN = { windows: 1, meanCosine: 0, lowestCosine: 0 };

/** Closes the network. */
async function embeddingsOf(
  network: Network,
  patches: readonly Float32Array[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  try {
    const embeddings: Float32Array[] = [];
    for (const patch of patches) {
      signal.throwIfAborted();
      embeddings.push((await network.run(patch)).embedding.slice());
    }
    return embeddings;
  } finally {
    await network.close();
  }
}

function agreementOf(
  got: readonly Float32Array[],
  wanted: readonly Float32Array[],
): Quantization['agreement'] {
  const cosines = got.map((each, i) => cosine(each, wanted[i]!));
  return {
    windows: cosines.length,
    meanCosine: significant(cosines.reduce((sum, each) => sum + each, 0) / cosines.length),
    lowestCosine: significant(Math.min(...cosines)),
  };
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i]!;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === bb && aa === 0 ? 1 : ab / Math.max(Math.sqrt(aa * bb), Number.MIN_VALUE);
}

/** No manifest needs more digits. */
const significant = (value: number) => Number(value.toPrecision(5));
