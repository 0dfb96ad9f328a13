import { ExitCode, nativeFailure, UserError } from '../errors.js';
import type { Bundle } from './bundle.js';
import { backboneGraph, createOnnxNetwork, openOnnx } from './engines/onnxruntime.js';
import { backboneFingerprint } from './fingerprint.js';
import type { Network } from './network.js';
import { type Arithmetic, FLOAT32 } from './onnx/graph.js';
import { LEAST_COSINE } from './quantization.js';
import type { Quantization } from './quantization-manifest.js';

/** Patches that the front end made of sound; 96 × 64 each. */
export interface CalibrationPatches {
  /** Of which the ranges are made. */
  readonly calibration: readonly Float32Array[];
  /** On which int8 is compared with float32: of other recordings. */
  readonly heldBack: readonly Float32Array[];
}

/** How often a value occurred, by the upper half of its 32 bits: as exact as 1 in 128, and no range has to be known. */
const HISTOGRAM_BITS = 16;
/** How many clips are tried, in even steps up to the highest value. */
const CLIPS = 128;
/**
 * The share of convolutions at the beginning that stay in float32. Few channels over a large plane, they cost little
 * time, and what is rounded in them goes through all others: half of bathnet-mini's loss, nearly all of YAMNet's.
 */
const FLOAT32_SHARE = 0.25;
/** What is less is noise of the arithmetic. */
const SMALLEST = 1e-6;

/**
 * Finds with which scales the backbone is computed in int8: runs it in float32, watches what comes out of every
 * convolution, and clips it where the mean squared error of clipping and rounding together is least. Of the last
 * convolutions as many stay in float32 as it takes for the embedding to agree.
 *
 * @throws UserError bad data, where it does not agree even so, unavailable, where ONNX Runtime is not installed
 */
export async function calibrate(
  bundle: Bundle,
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
  const all = await rangesOf(bundle, calibration, signal);
  const ranges = all.slice(Math.floor(all.length * FLOAT32_SHARE));
  const wanted = await embeddingsOf(await createOnnxNetwork(bundle, []), heldBack, signal);
  const fingerprint = backboneFingerprint(bundle);
  const quantized = async (count: number): Promise<Quantization> => {
    const tried = {
      backbone: fingerprint,
      ranges: Object.fromEntries(ranges.slice(0, count)),
      agreement: UNKNOWN,
    };
    const got = await embeddingsOf(await createOnnxNetwork(bundle, [], tried), heldBack, signal);
    return { ...tried, agreement: agreementOf(got, wanted) };
  };

  // The more convolutions, the less they agree: all are tried, then the span between enough and too many is halved.
  let [count, enough, tooMany] = [ranges.length, 1, ranges.length + 1]; // of one there is nothing in int8
  let found: Quantization | undefined;
  let last: Quantization | undefined;
  while (tooMany - enough > 1) {
    last = await quantized(count);
    if (last.agreement.meanCosine >= LEAST_COSINE) [found, enough] = [last, count];
    else tooMany = count;
    count = (enough + tooMany) >> 1;
  }
  if (found) return found;
  throw new UserError(
    ExitCode.badData,
    `model ${bundle.manifest.name} loses too much in int8: embeddings agree to ${last?.agreement.meanCosine}, ${LEAST_COSINE} is needed`,
    'Leave it in float32, or calibrate it with more sound of the kinds that it is to hear.',
  );
}

const UNKNOWN = { windows: 1, meanCosine: 0, lowestCosine: 0 };

/** Of each convolution, in the order of the network: up to which value what comes out of it is kept. */
async function rangesOf(
  bundle: Bundle,
  patches: readonly Float32Array[],
  signal: AbortSignal,
): Promise<Array<readonly [name: string, highest: number]>> {
  const histograms = new Map<string, Float64Array>();
  const watching: Arithmetic = {
    ...FLOAT32,
    convolve(graph, x, convolution) {
      const y = FLOAT32.convolve(graph, x, convolution);
      graph.output(convolution.name, y, ...convolution.outputShape);
      histograms.set(convolution.name, new Float64Array(2 ** HISTOGRAM_BITS));
      return y;
    },
  };
  const session = await openOnnx(backboneGraph(bundle, watching).graph.write(bundle.manifest.name));
  try {
    for (const patch of patches) {
      signal.throwIfAborted();
      const output = await session.run(patch);
      for (const [name, histogram] of histograms) {
        const { buffer, byteOffset, length } = output(name);
        for (const bits of new Uint32Array(buffer, byteOffset, length))
          histogram[bits >>> (32 - HISTOGRAM_BITS)]!++;
      }
    }
  } finally {
    await session.close();
  }
  return [...histograms].map(([name, histogram]) => [name, leastErrorClip(histogram)] as const);
}

/** Where rounding below and clipping above it add up to the least mean squared error. Zeros are met exactly. */
function leastErrorClip(histogram: Float64Array): number {
  const middle = new DataView(new ArrayBuffer(4));
  const bins: Array<{ value: number; count: number }> = [];
  for (const [bin, count] of histogram.entries()) {
    middle.setUint32(0, ((bin + 0.5) * 2 ** (32 - HISTOGRAM_BITS)) >>> 0);
    const value = middle.getFloat32(0);
    if (count > 0 && value > SMALLEST) bins.push({ value, count });
  }
  const highest = bins.at(-1)?.value ?? 1; // where nothing ever comes through, any range will do
  let best = { clip: highest, error: Number.POSITIVE_INFINITY };
  for (let step = CLIPS; step > 0; step--) {
    const clip = (highest * step) / CLIPS;
    const rounding = (clip / 255) ** 2 / 12;
    let error = 0;
    for (const { value, count } of bins) error += count * (rounding + Math.max(0, value - clip) ** 2);
    if (error < best.error) best = { clip, error };
  }
  return significant(best.clip);
}

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
