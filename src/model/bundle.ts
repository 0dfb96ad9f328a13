import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cannotWrite, ExitCode, messageOf, UserError } from '../errors.js';
import type { DenseLayers } from './dense-manifest.js';
import { eventInputs } from './event-head.js';
import { sha256Of } from './fingerprint.js';
import { checkReferences, type Manifest, parseManifest } from './manifest.js';
import { allFinite, readSafetensors, type Tensor, writeSafetensors } from './safetensors.js';

/**
 * A model bundle: a folder with `model.json` (see `manifestSchema`) and `weights.safetensors`.
 * It is data only; no code is ever loaded from a bundle.
 *
 * Tensors, by the layer they belong to (TensorFlow's layouts, batch normalisation folded):
 * - `backbone.0.kernel` [k,k,1,C], `.bias` [C] – the first, full convolution
 * - `backbone.N.depthwise.kernel` [k,k,C,1], `.depthwise.bias` [C],
 *   `backbone.N.pointwise.kernel` [1,1,C,D], `.pointwise.bias` [D] – separable convolutions
 * - `heads.NAME.N.kernel` [in,units], `.bias` [units] – the dense layers of a head
 * - `event.window.N.*`, `event.layers.N.*` – the same, of the two parts of the event head
 */
export const MODEL_FILE = 'model.json';
export const WEIGHTS_FILE = 'weights.safetensors';

/** A name beside a bundle or a file of one, for what is to take its place; no shelf shows it, and no other process has it. */
export function beside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
}

export type { Manifest } from './manifest.js';

export interface Bundle {
  readonly manifest: Manifest;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The bundle beside it that hears the kinds of events; `manifest.event` is then that one's. */
  readonly events?: Bundle;
  /** Where it was read from: what an engine keeps of it may lie beside it. */
  readonly folder?: string;
}

/** What becomes a bundle when it is written: its weights have no size and no hash yet. */
export interface Draft {
  readonly manifest: Omit<Manifest, 'weights'>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** @throws UserError cannot create, where there is a bundle already */
export async function checkFree(folder: string): Promise<void> {
  if (await stat(folder).catch(() => undefined))
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder}: there is a model already`,
      `Choose another name (--name) or remove it: bathnet2mqtt models remove ${basename(folder)}`,
    );
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
  return { manifest, tensors, folder };
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
  const temporary = beside(folder);
  try {
    await mkdir(temporary, { recursive: true });
    await writeFile(join(temporary, WEIGHTS_FILE), weights);
    await writeFile(join(temporary, MODEL_FILE), `${JSON.stringify(complete, null, 1)}\n`);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const taken = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (!taken) throw cannotWrite(folder, error);
    throw new UserError(
      ExitCode.cannotCreate,
      `${folder}: there is a model already`,
      'Choose another name or remove that folder.',
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
  const before = Buffer.from(await read(path));
  const { manifest, tensors } = await readBundle(folder);
  const text = `${JSON.stringify(change(manifest), null, 1)}\n`;
  const changed = parseManifest(new TextEncoder().encode(text), path);
  checkTensors(changed, tensors, (what) => new Error(`bundle ${changed.name}: ${what}`));
  const temporary = beside(path);
  try {
    await writeFile(temporary, text);
    // Of other weights, or without what another process has just written, it would spoil the bundle.
    if (!before.equals(await readFile(path))) throw new Error('another process has changed it meanwhile');
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // in a folder that cannot be written there is none
    throw cannotWrite(
      path,
      error,
      'Work on a copy: copy the folder of the model to a place of your own and give its path as --model.',
    );
  }
  return changed;
}

type Layered = Pick<Manifest, 'backbone' | 'embeddingSize' | 'heads' | 'event'>;

/** Names and shapes of the tensors that a bundle must have. */
export function expectedTensors(manifest: Layered): Map<string, number[]> {
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
    if (head.type === 'dense') expectDense(expected, `heads.${name}`, head.layers, manifest.embeddingSize);
  }
  const { event } = manifest;
  if (event) {
    expectDense(expected, 'event.window', event.window, manifest.embeddingSize);
    expectDense(expected, 'event.layers', event.layers, eventInputs(event));
  }
  return expected;
}

function expectDense(
  expected: Map<string, number[]>,
  prefix: string,
  layers: DenseLayers,
  from: number,
): void {
  let inputs = from;
  for (const [i, { units }] of layers.entries()) {
    expected.set(`${prefix}.${i}.kernel`, [inputs, units]);
    expected.set(`${prefix}.${i}.bias`, [units]);
    inputs = units;
  }
}

/** @param broken makes the error of what does not fit */
export function checkTensors(
  manifest: Layered,
  tensors: ReadonlyMap<string, Tensor>,
  broken: (what: string) => Error,
): void {
  for (const [name, shape] of expectedTensors(manifest)) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw broken(`tensor ${name} [${shape}] is missing`);
    if (tensor.shape.join() !== shape.join())
      throw broken(`tensor ${name} is [${tensor.shape}], expected [${shape}]`);
    if (!allFinite(tensor.data)) throw broken(`tensor ${name} has values that are no numbers`);
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
