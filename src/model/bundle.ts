import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { readSafetensors, type Tensor, writeSafetensors } from './safetensors.js';

/**
 * A model bundle: a folder with `model.json` (this schema) and `weights.safetensors`.
 * It is data only; no code is ever loaded from a bundle.
 *
 * Tensors, by the layer they belong to (TensorFlow's layouts, batch normalisation folded):
 * - `backbone.0.kernel` [k,k,1,C], `.bias` [C] – the first, full convolution
 * - `backbone.N.depthwise.kernel` [k,k,C,1], `.depthwise.bias` [C],
 *   `backbone.N.pointwise.kernel` [1,1,C,D], `.pointwise.bias` [D] – separable convolutions
 * - `heads.NAME.N.kernel` [in,units], `.bias` [units] – the dense layers of a head
 */
export const MODEL_FILE = 'model.json';
const WEIGHTS_FILE = 'weights.safetensors';

/** One line each, and a key of JSON objects. */
const label = z
  .string()
  .min(1)
  .refine((text) => !/\p{Cc}/u.test(text) && text !== '__proto__', 'not a name of a class');
const labels = z.array(label).min(1);

const denseHead = z.strictObject({
  type: z.literal('dense'),
  labels,
  /** From the embedding to the scores. */
  layers: z
    .array(
      z.strictObject({
        units: z.int().positive(),
        activation: z.enum(['linear', 'relu', 'softmax', 'sigmoid']),
      }),
    )
    .min(1),
});

/** Each label scores as the highest of the classes that speak for it; the scores are divided by their sum. */
const mapHead = z.strictObject({
  type: z.literal('map'),
  labels,
  /** The dense head whose labels are mapped. */
  from: z.string(),
  classes: z.record(z.string(), labels),
  /** The label for which every class speaks that `classes` does not name. */
  rest: z.string(),
});

const alarm = z.strictObject({
  labels: z.array(z.string()),
  threshold: z.number().min(0).max(1).optional(),
  hits: z.int().positive().optional(),
  window: z.int().positive().optional(),
  instantThreshold: z.number().min(0).max(1).optional(),
});

const head = z.discriminatedUnion('type', [
  denseHead.extend({ alarm: alarm.optional() }),
  mapHead.extend({ alarm: alarm.optional() }),
]);

const convolution = z.strictObject({
  type: z.enum(['conv', 'separable']),
  kernel: z.int().positive(),
  stride: z.int().positive(),
  filters: z.int().positive(),
});

export const manifestSchema = z.strictObject({
  format: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/),
  version: z.string().min(1),
  description: z.string(),
  licence: z.string(),
  source: z.string(),
  frontEnd: z.enum(['yamnet-log-mel', 'librosa-db-mel']),
  backbone: z.array(convolution).min(1),
  embeddingSize: z.int().positive(),
  heads: z.record(z.string().regex(/^[a-z0-9-]+$/), head),
  defaultHead: z.string(),
  metrics: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
  weights: z.strictObject({
    bytes: z.int().positive(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});

export type Manifest = z.infer<typeof manifestSchema>;
type Head = Manifest['heads'][string];
export type DenseHead = Extract<Head, { type: 'dense' }>;
export type MapHead = Extract<Head, { type: 'map' }>;

export interface Bundle {
  readonly manifest: Manifest;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * Reads a bundle and checks all of it: schema, references between heads, hash, every tensor's shape.
 *
 * @param folder `models/<name>`
 * @throws UserError no input where the folder or a file is missing, bad data where anything does not fit
 */
export async function readBundle(folder: string): Promise<Bundle> {
  const manifestPath = join(folder, MODEL_FILE);
  const manifest = parseManifest(await read(manifestPath), manifestPath);
  const weightsPath = join(folder, WEIGHTS_FILE);
  const weights = await read(weightsPath);
  const broken = (what: string) =>
    new UserError(ExitCode.badData, `${weightsPath}: ${what}`, 'Get the model again: the file is damaged.');
  if (weights.byteLength !== manifest.weights.bytes)
    throw broken(`${weights.byteLength} bytes, ${MODEL_FILE} says ${manifest.weights.bytes}`);
  const sha256 = sha256Of(weights);
  if (sha256 !== manifest.weights.sha256)
    throw broken(`SHA-256 is ${sha256}, ${MODEL_FILE} says ${manifest.weights.sha256}`);
  const tensors = readSafetensors(weights, weightsPath);
  checkTensors(manifest, tensors, broken);
  return { manifest, tensors };
}

/**
 * Writes a bundle as a whole or not at all: into a folder beside the wanted one that then takes its place.
 *
 * @param manifest everything but the weights' size and hash, which are computed here
 * @throws UserError cannot create, where the folder exists already or cannot be written
 */
export async function writeBundle(
  folder: string,
  manifest: Omit<Manifest, 'weights'>,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<Manifest> {
  const weights = writeSafetensors(tensors);
  const complete: Manifest = {
    ...manifest,
    weights: { bytes: weights.byteLength, sha256: sha256Of(weights) },
  };
  checkReferences(complete, folder);
  checkTensors(complete, tensors, (what) => new Error(`bundle ${manifest.name}: ${what}`));
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    await mkdir(temporary, { recursive: true });
    await writeFile(join(temporary, WEIGHTS_FILE), weights);
    await writeFile(join(temporary, MODEL_FILE), `${JSON.stringify(complete, null, 1)}\n`);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const taken = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder}: ${taken ? 'there is a model already' : messageOf(error)}`,
      taken ? 'Choose another name or remove that folder.' : 'Choose a folder you may write to.',
      { cause: error },
    );
  }
  return complete;
}

/**
 * Changes what a bundle says of itself; the weights stay as they are. The new manifest takes the place of the old
 * one as a whole.
 *
 * @param change gets the manifest as it is and returns it as it shall be
 * @throws UserError bad data where the new manifest does not fit itself or the weights, cannot create where the
 *   folder cannot be written
 */
export async function updateManifest(
  folder: string,
  change: (manifest: Manifest) => Manifest,
): Promise<Manifest> {
  const path = join(folder, MODEL_FILE);
  const { manifest, tensors } = await readBundle(folder);
  const text = `${JSON.stringify(change(manifest), null, 1)}\n`;
  const changed = parseManifest(new TextEncoder().encode(text), path);
  checkTensors(changed, tensors, (what) => new Error(`bundle ${changed.name}: ${what}`));
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // in a folder that cannot be written there is none
    throw new UserError(
      ExitCode.cannotCreate,
      `${path}: cannot be written: ${messageOf(error)}`,
      'Work on a copy: copy the folder of the model to a place of your own and give its path as --model.',
      { cause: error },
    );
  }
  return changed;
}

/** Names and shapes of the tensors that a bundle must have. */
export function expectedTensors(manifest: Manifest): Map<string, number[]> {
  const expected = new Map<string, number[]>();
  let channels = 1;
  for (const [i, { type, kernel, filters }] of manifest.backbone.entries()) {
    const layer = `backbone.${i}`;
    if (type === 'conv') {
      expected.set(`${layer}.kernel`, [kernel, kernel, channels, filters]);
      expected.set(`${layer}.bias`, [filters]);
    } else {
      expected.set(`${layer}.depthwise.kernel`, [kernel, kernel, channels, 1]);
      expected.set(`${layer}.depthwise.bias`, [channels]);
      expected.set(`${layer}.pointwise.kernel`, [1, 1, channels, filters]);
      expected.set(`${layer}.pointwise.bias`, [filters]);
    }
    channels = filters;
  }
  for (const [name, head] of Object.entries(manifest.heads)) {
    if (head.type !== 'dense') continue;
    let inputs = manifest.embeddingSize;
    for (const [i, { units }] of head.layers.entries()) {
      expected.set(`heads.${name}.${i}.kernel`, [inputs, units]);
      expected.set(`heads.${name}.${i}.bias`, [units]);
      inputs = units;
    }
  }
  return expected;
}

function parseManifest(bytes: Uint8Array, path: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new UserError(
      ExitCode.badData,
      `${path} is not JSON: ${messageOf(error)}`,
      'Get the model again: the file is damaged.',
    );
  }
  const result = manifestSchema.safeParse(json);
  if (!result.success)
    throw new UserError(
      ExitCode.badData,
      `${path} is not a model bundle of this version:\n${z.prettifyError(result.error)}`,
      'Get the model again, or import it with this version: bathnet2mqtt models import',
    );
  checkReferences(result.data, path);
  return result.data;
}

/** What the schema cannot say: heads, labels and sizes that refer to each other. */
function checkReferences(manifest: Manifest, path: string): void {
  const problems: string[] = [];
  const { heads, backbone, embeddingSize, defaultHead } = manifest;
  if (!(defaultHead in heads)) problems.push(`defaultHead "${defaultHead}" is none of its heads`);
  if (backbone.at(-1)?.filters !== embeddingSize)
    problems.push(
      `embeddingSize is ${embeddingSize}, the last layer has ${backbone.at(-1)?.filters} filters`,
    );
  for (const [name, head] of Object.entries(heads)) {
    const known = new Set(head.labels);
    if (known.size !== head.labels.length) problems.push(`head ${name} has a label twice`);
    for (const label of head.alarm?.labels ?? [])
      if (!known.has(label)) problems.push(`head ${name}: alarm label "${label}" is none of its labels`);
    if (head.type === 'dense') {
      if (head.layers.at(-1)?.units !== head.labels.length)
        problems.push(`head ${name}: ${head.layers.at(-1)?.units} outputs, ${head.labels.length} labels`);
      continue;
    }
    const from = heads[head.from];
    if (from?.type !== 'dense') {
      problems.push(`head ${name} maps "${head.from}", which is no dense head`);
      continue;
    }
    for (const [label, classes] of Object.entries(head.classes)) {
      if (!known.has(label)) problems.push(`head ${name}: "${label}" is none of its labels`);
      for (const each of classes)
        if (!from.labels.includes(each))
          problems.push(`head ${name}: head ${head.from} has no class "${each}"`);
    }
    if (!known.has(head.rest)) problems.push(`head ${name}: rest "${head.rest}" is none of its labels`);
  }
  if (problems.length > 0)
    throw new UserError(
      ExitCode.badData,
      `${path} contradicts itself:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
      'Get the model again, or mend the file.',
    );
}

function checkTensors(
  manifest: Manifest,
  tensors: ReadonlyMap<string, Tensor>,
  broken: (what: string) => Error,
): void {
  for (const [name, shape] of expectedTensors(manifest)) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw broken(`tensor ${name} [${shape}] is missing`);
    if (tensor.shape.join() !== shape.join())
      throw broken(`tensor ${name} is [${tensor.shape}], ${MODEL_FILE} says [${shape}]`);
    if (!tensor.data.every(Number.isFinite)) throw broken(`tensor ${name} has values that are no numbers`);
  }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(
      ExitCode.noInput,
      `model file ${path} cannot be read: ${messageOf(error)}`,
      `See which models there are: bathnet2mqtt models list (looked for ${basename(path)})`,
      { cause: error },
    );
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
