import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ExitCode, messageOf, UserError } from '../../errors.js';
import { checkTensors, expectedTensors, readBundle } from '../bundle.js';
import { AUDIOSET_HEAD } from '../head.js';
import {
  checkReferences,
  type DenseHead,
  type Head,
  type Manifest,
  manifestSchema,
  parseJson,
} from '../manifest.js';
import { readSafetensors, type Tensor } from '../safetensors.js';
import { HEADS_FILE, SHIPPED_MODELS } from '../shelf.js';

/** The four classes as groups of AudioSet classes, each with the reason why it belongs there. */
const MAP_FILE = 'audioset-map.json';
const HEADS_WEIGHTS_FILE = 'heads.safetensors';

/** YAMNet's layers, whose embedding the shipped heads were trained on: no other network's embedding fits them. */
const YAMNET_FILTERS = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];

const DAMAGED = 'Install the program again: a file that comes with it is damaged.';

const mapSchema = z.strictObject({
  comment: z.string().optional(),
  labels: z.array(z.string()),
  /** The label for which every class speaks that no group names. */
  rest: z.string(),
  alarm: z.array(z.string()),
  groups: z.array(z.strictObject({ class: z.string(), why: z.string(), names: z.array(z.string()).min(1) })),
});

const headsSchema = manifestSchema.pick({ heads: true, defaultHead: true, metrics: true });

interface YamnetHeads {
  readonly audioset: DenseHead;
  /** The heads above and all others, for the manifest. */
  readonly manifest: Pick<Manifest, 'heads' | 'defaultHead' | 'metrics'>;
  /** Of all heads but `audioset`, whose weights come with the network. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * The heads of a network with YAMNet's front end and AudioSet layer: its 521 classes, and the four of this project.
 * Where it is YAMNet itself, these come from `models/yamnet`, trained on its embedding; otherwise they are a
 * mapping of the AudioSet scores, without thresholds, because those belong to the weights.
 *
 * @param models folder of the shipped bundles
 * @throws UserError no input or bad data, where a shipped file is missing or damaged
 */
export async function yamnetHeads(
  backbone: Manifest['backbone'],
  models = SHIPPED_MODELS,
): Promise<YamnetHeads> {
  const audioset = await audiosetHead(models);
  const isYamnet = backbone.map(({ filters }) => filters).join() === YAMNET_FILTERS.join();
  const { heads, tensors, ...rest } = isYamnet
    ? await trainedHeads(join(models, 'yamnet'), backbone, audioset)
    : {
        heads: { bathnet: await mapHead(join(models, MAP_FILE)) },
        defaultHead: 'bathnet',
        tensors: new Map(),
      };
  return { audioset, manifest: { heads: { [AUDIOSET_HEAD]: audioset, ...heads }, ...rest }, tensors };
}

/** Every YAMNet has the same 521 classes: those of the shipped bundle. */
async function audiosetHead(models: string): Promise<DenseHead> {
  const head = (await readBundle(join(models, 'bathnet-mini'))).manifest.heads[AUDIOSET_HEAD];
  if (head?.type !== 'dense') throw new Error(`bathnet-mini has no dense head ${AUDIOSET_HEAD}`);
  const { labels } = head;
  return { type: 'dense', labels, layers: [{ units: labels.length, activation: 'sigmoid' }] };
}

/** The mapping as a head. */
async function mapHead(path: string): Promise<Head> {
  const expected = { what: 'a map of AudioSet classes', hint: DAMAGED };
  const { labels, rest, alarm, groups } = parseJson(await read(path), path, mapSchema, expected);
  const classes: Record<string, string[]> = {};
  for (const { class: label, names } of groups) classes[label] = [...(classes[label] ?? []), ...names];
  return { type: 'map', labels, from: AUDIOSET_HEAD, rest, classes, alarm: { labels: alarm } };
}

/** The heads in a folder, checked as those of a bundle are. */
async function trainedHeads(folder: string, backbone: Manifest['backbone'], audioset: DenseHead) {
  const path = join(folder, HEADS_FILE);
  const found = parseJson(await read(path), path, headsSchema, { what: 'heads for YAMNet', hint: DAMAGED });
  const refused = (file: string) => (what: string) =>
    new UserError(ExitCode.badData, `${file}: ${what}`, DAMAGED);
  if (AUDIOSET_HEAD in found.heads) throw refused(path)(`its head ${AUDIOSET_HEAD} is that of the network`);
  const embeddingSize = backbone.at(-1)?.filters ?? 0;
  const heads = { [AUDIOSET_HEAD]: audioset, ...found.heads };
  checkReferences({ ...found, heads, backbone, embeddingSize }, path);

  const layered = { heads: found.heads, backbone: [], embeddingSize };
  const expected = expectedTensors(layered);
  const weightsPath = join(folder, HEADS_WEIGHTS_FILE);
  // Heads that have no weights of their own need no file of weights.
  const weightless = expected.size === 0 && !(await stat(weightsPath).catch(() => undefined));
  const tensors = weightless ? new Map() : readSafetensors(await read(weightsPath), weightsPath);
  for (const name of tensors.keys())
    if (!expected.has(name)) throw refused(weightsPath)(`tensor ${name} belongs to no head of ${HEADS_FILE}`);
  checkTensors(layered, tensors, refused(weightsPath));
  return { ...found, tensors };
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(ExitCode.noInput, `${path} cannot be read: ${messageOf(error)}`, DAMAGED, {
      cause: error,
    });
  }
}
