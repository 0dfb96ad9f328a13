import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ExitCode, messageOf, UserError } from '../../errors.js';
import type { Draft } from '../bundle.js';
import { sha256Of } from '../fingerprint.js';
import { AUDIOSET_HEAD } from '../head.js';
import type { Tensor } from '../safetensors.js';
import { checkModelName } from '../shelf.js';
import { readTflite } from './tflite.js';
import { type MobileNet, readMobileNet } from './tflite-mobilenet.js';
import { yamnetHeads } from './yamnet-heads.js';

/** The four outputs of BATHNet, in its order; what it calls singing is any voice in the bathroom. */
const BATHNET_LABELS = ['background', 'water', 'speech', 'abnormal'];

const BATHNET_OUTPUT = { units: BATHNET_LABELS.length, activation: 'softmax' };

/** Ten times YAMNet in float32. */
const MAX_FILE_BYTES = 150_000_000;

const EXPECTED =
  'Import BATHNet (bathnet.tflite), or a backbone and the AudioSet layer for it (bathnet.tflite yamnet.tflite).';

/** One file and the network in it. */
interface Network extends MobileNet {
  readonly file: string;
  readonly sha256: string;
}

/**
 * Makes a bundle of TFLite files: BATHNet of one with its four outputs; YAMNet of a backbone and a file
 * with the AudioSet layer that belongs to it (the backbone is always the first file's).
 *
 * @param files one or two paths
 * @param name what the bundle is called
 * @throws UserError usage for a wrong name or number of files, no input for a file that cannot be read,
 *   bad data for one that holds something else
 */
export async function importTflite(files: readonly string[], name: string): Promise<Draft> {
  const [first, second] = files;
  if (first === undefined || files.length > 2)
    throw new UserError(
      ExitCode.usage,
      `${files.length} files to import, one or two were expected`,
      EXPECTED,
    );
  checkModelName(name);
  const network = await readNetwork(first);
  if (
    second === undefined &&
    network.bandsFirst &&
    namesOf(network.layers.slice(-1)) === namesOf([BATHNET_OUTPUT])
  )
    return bathnet(network, name);
  const audioset = second === undefined ? network : await readNetwork(second);
  return yamnet(network, audioset, name);
}

/** No network that is imported has an event head: the shipped model's hears falls, screams and breaking things for it. */
const EVENT_MODEL = 'bathnet-mini';

function bathnet(network: Network, name: string): Draft {
  return {
    manifest: {
      ...describe([network], name),
      description: 'BATHNet: YAMNet’s backbone on a librosa dB-mel patch and four classes, imported.',
      frontEnd: 'librosa-db-mel',
      heads: {
        bathnet: {
          type: 'dense',
          labels: BATHNET_LABELS,
          layers: network.layers,
          alarm: { labels: ['abnormal'] },
        },
      },
      defaultHead: 'bathnet',
    },
    tensors: withHead(network, network, 'bathnet'),
  };
}

async function yamnet(network: Network, audioset: Network, name: string): Promise<Draft> {
  const heads = await yamnetHeads(network.backbone);
  const { layers } = audioset;
  const expected = heads.audioset.layers;
  if (namesOf(layers) !== namesOf(expected))
    throw unsuitable(
      audioset.file,
      `it ends in ${namesOf(layers)}, expected YAMNet’s AudioSet layer ${namesOf(expected)}` +
        ` (or BATHNet alone, its patch bands × frames, ending in ${namesOf([BATHNET_OUTPUT])})`,
    );
  checkSameBackbone(network, audioset);
  return {
    manifest: {
      ...describe(network === audioset ? [network] : [network, audioset], name),
      description: 'YAMNet: the full MobileNetV1 with its 521 AudioSet classes, imported.',
      frontEnd: 'yamnet-log-mel',
      ...heads.manifest,
    },
    tensors: new Map([...withHead(network, audioset, AUDIOSET_HEAD), ...heads.tensors]),
  };
}

/** What does not depend on the kind of network. */
function describe(networks: readonly Network[], name: string) {
  const [{ backbone, sha256 }] = networks as [Network];
  return {
    format: 1 as const,
    name,
    version: `tflite-${sha256.slice(0, 12)}`,
    licence: 'That of the imported files, which do not carry one.',
    source: networks.map(({ file, sha256 }) => `${basename(file)} (SHA-256 ${sha256})`).join(', '),
    backbone,
    embeddingSize: backbone.at(-1)?.filters ?? 0,
    eventModel: EVENT_MODEL,
  };
}

function withHead(network: Network, head: Network, name: string): Map<string, Tensor> {
  const tensors = new Map(network.tensors);
  for (const [key, tensor] of head.headTensors) tensors.set(`heads.${name}.${key}`, tensor);
  return tensors;
}

/**
 * A dense layer fits only the backbone that it was trained on. Quantisation leaves the biases of one
 * and the same network alone or nearly so.
 */
function checkSameBackbone(network: Network, other: Network): void {
  if (JSON.stringify(network.backbone) !== JSON.stringify(other.backbone))
    throw unsuitable(other.file, `its backbone has other layers than that of ${network.file}`);
  for (const [key, { data }] of network.tensors) {
    if (!key.endsWith('.bias')) continue;
    const others = other.tensors.get(key)?.data;
    let difference = 0;
    let norm = 0;
    for (const [i, value] of data.entries()) {
      difference += (value - (others?.[i] ?? 0)) ** 2;
      norm += value ** 2;
    }
    if (difference > 0.01 * norm)
      throw unsuitable(other.file, `its backbone (${key}) was trained apart from that of ${network.file}`);
  }
}

/** `16 relu, 4 softmax` */
function namesOf(layers: ReadonlyArray<{ units: number; activation: string }>): string {
  return layers.map(({ units, activation }) => `${units} ${activation}`).join(', ');
}

async function readNetwork(file: string): Promise<Network> {
  const bytes = await readWhole(file);
  const network = readMobileNet(readTflite(bytes, file), (what) => unsuitable(file, what));
  return { file, sha256: sha256Of(bytes), ...network };
}

async function readWhole(file: string): Promise<Uint8Array> {
  let bytes: number;
  try {
    const about = await stat(file);
    if (!about.isFile()) throw new Error('it is no regular file');
    bytes = about.size;
    if (bytes <= MAX_FILE_BYTES) return await readFile(file);
  } catch (error) {
    throw new UserError(ExitCode.noInput, `${file} cannot be read: ${messageOf(error)}`, EXPECTED, {
      cause: error,
    });
  }
  throw unsuitable(file, `${bytes} bytes, expected a model of at most ${MAX_FILE_BYTES}`);
}

function unsuitable(file: string, what: string): UserError {
  return new UserError(ExitCode.badData, `${file}: ${what}`, EXPECTED);
}
