import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode, UserError } from '../../errors.js';
import { checkFree, type Draft, readBundle, writeBundle } from '../bundle.js';
import type { Manifest } from '../manifest.js';
import type { Quantization } from '../quantization-manifest.js';
import { checkModelName } from '../shelf.js';
import { type DownloadOptions, download } from './download.js';
import { readKerasYamnet } from './keras.js';
import { yamnetHeads } from './yamnet-heads.js';

/** YAMNet's original weights, as its README names them; Apache-2.0. */
export const YAMNET = {
  url: 'https://storage.googleapis.com/audioset/yamnet.h5',
  sha256: '13c3308955bbfaef262f175ac9c40e47b134573a93984f009220dd7cc12a1744',
} as const;

/** Ten times YAMNet. */
const MAX_FILE_BYTES = 150_000_000;

export interface PullRequest {
  /** Of the new bundle. */
  readonly name: string;
  readonly url: string;
  readonly sha256: string;
  /** Folder that gets the bundle, and the part of the file that has come while the rest has not. */
  readonly shelf: string;
}

export interface PullOptions extends Omit<DownloadOptions, 'sha256' | 'maxBytes'> {
  /** Calibrates it for 8-bit integers; where that fails, no bundle is written and the download is kept. */
  readonly quantize?: ((draft: Draft) => Promise<Quantization>) | undefined;
}

/**
 * Downloads YAMNet's weights, folds batch normalisation and writes a bundle.
 *
 * @returns the manifest and the folder of the bundle
 * @throws UserError usage for a wrong name, address or hash, cannot create where there is a bundle already, and
 *   as `download` and `quantize` do; the signal's reason when it aborts
 */
export async function pullYamnet(
  request: PullRequest,
  { quantize, ...options }: PullOptions,
): Promise<{ manifest: Manifest; folder: string }> {
  const { name, sha256, shelf } = request;
  checkModelName(name);
  const url = parseUrl(request.url);
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new UserError(
      ExitCode.usage,
      `"${sha256}" is no SHA-256`,
      'Give 64 hexadecimal digits, in small letters.',
    );
  const folder = join(shelf, name);
  await checkFree(folder);

  const part = partOf(request);
  const bytes = await download(url, part, { ...options, sha256, maxBytes: MAX_FILE_BYTES });
  const unsuitable = (what: string) =>
    new UserError(
      ExitCode.badData,
      `${url} holds no weights of YAMNet: ${what}`,
      'Give the address and hash of yamnet.h5.',
    );
  const { backbone, units, tensors } = readKerasYamnet(bytes, unsuitable);
  const heads = await yamnetHeads(backbone);
  if (units !== heads.audioset.labels.length)
    throw unsuitable(`its dense layer has ${units} classes, expected ${heads.audioset.labels.length}`);
  const draft: Draft = {
    manifest: {
      format: 1,
      name,
      version: `h5-${sha256.slice(0, 12)}`,
      description: 'YAMNet: the full MobileNetV1 with its 521 AudioSet classes, of the original weights.',
      licence: 'Apache-2.0',
      source: `${url} (SHA-256 ${sha256})`,
      frontEnd: 'yamnet-log-mel',
      backbone,
      embeddingSize: backbone.at(-1)?.filters ?? 0,
      ...heads.manifest,
    },
    tensors: new Map([...tensors, ...heads.tensors]),
  };
  const quantization = await quantize?.(draft);
  await writeBundle(folder, { ...draft.manifest, ...(quantization && { quantization }) }, draft.tensors);
  // Read back what was written: it is verified before anyone relies on it.
  const { manifest } = await readBundle(folder);
  await rm(part, { force: true });
  return { manifest, folder };
}

/** Where the download grows. It is named after the hash, so that no part of another file is ever gone on with. */
export function partOf({ shelf, name, sha256 }: PullRequest): string {
  return join(shelf, `${name}-${sha256.slice(0, 12)}.h5.part`);
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new UserError(
      ExitCode.usage,
      `"${text}" is no address`,
      'Give one that begins with https:// or http://.',
    );
  return url;
}
