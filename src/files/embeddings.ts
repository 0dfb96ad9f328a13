import { SAMPLE_RATE_HZ } from '../constants.js';
import { UserError } from '../errors.js';
import { concatenated } from '../model/concatenated.js';
import type { ClipEmbeddings, Extracted } from '../training/embeddings.js';
import type { LaidFile } from '../training/lay.js';
import { type ListenOptions, listenToFiles } from './listen.js';
import type { Table } from './table.js';

/** How many bad files an error names. */
const NAMED_FILES = 10;

export interface ExtractOptions
  extends Omit<ListenOptions, 'wanted' | 'head' | 'hopSamples' | 'surroundings' | 'onProgress'> {
  /** From the start of one window to the start of the next, as in the daemon. */
  readonly hopSeconds: number;
  /** Files that are no sound are warned of and left out, instead of an error that names them all. */
  readonly skipBad?: boolean | undefined;
  readonly onProgress?: ((done: number, path: string) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Sends sound files through the same windows, front end and network as the daemon does, on all cores; the last window
 * is filled up with zeros. The scores of the bundle's heads come of the embeddings: `denseScores` of
 * src/model/head.ts.
 *
 * Embeddings are kept in the cache by the hash of the file's content, of the backbone and of all that else they
 * depend on, so a second run over the same files is quick, also with another head on the same backbone.
 *
 * @throws UserError bad data, naming every file that cannot be decoded; unavailable, where the engine cannot be loaded
 */
export async function extractEmbeddings(
  sounds: readonly LaidFile[],
  { hopSeconds, skipBad, onProgress, onWarning = () => {}, ...options }: ExtractOptions,
): Promise<Extracted> {
  const files: (readonly ClipEmbeddings[])[] = [];
  const bad: UserError[] = [];
  let [engine, done] = ['', 0];
  const hopSamples = Math.round(hopSeconds * SAMPLE_RATE_HZ);
  for await (const file of listenToFiles(sounds, { ...options, wanted: 'embeddings', hopSamples })) {
    const { path } = file.sound;
    if ('error' in file) {
      bad.push(file.error);
      if (skipBad) onWarning(`left out: ${file.error.message}`);
    } else {
      engine = file.network.engine;
      for (const warning of file.warnings) onWarning(warning);
      files.push(file.lays.map(({ tables }) => ({ path, ...joined(tables) })));
    }
    onProgress?.(++done, path);
  }
  if (bad.length > 0 && !skipBad) throw badFiles(bad);
  return { files, engine };
}

function joined(tables: readonly Table[]): Omit<ClipEmbeddings, 'path'> {
  const rmsOf = ({ count, levels }: Table) => Float32Array.from({ length: count }, (_, i) => levels[2 * i]!);
  const rmsDbfs = concatenated(tables.map(rmsOf));
  return { count: rmsDbfs.length, frames: concatenated(tables.map(({ values }) => values)), rmsDbfs };
}

function badFiles(bad: readonly UserError[]): UserError {
  const [first] = bad as [UserError, ...UserError[]];
  const more = bad.length > NAMED_FILES ? `\n  … and ${bad.length - NAMED_FILES} more` : '';
  const lines = bad.slice(0, NAMED_FILES).map(({ message }) => `\n  ${message}`);
  return new UserError(
    first.code,
    `${bad.length === 1 ? 'a file' : `${bad.length} files`} cannot be used:${lines.join('')}${more}`,
    'Remove or mend them, or leave them out with --skip-bad.',
    { cause: first },
  );
}
