import type { LaidFile } from './lay.js';

/** Every window of a sound file as the network sees it; window i starts at i × hop. */
export interface ClipEmbeddings {
  readonly path: string;
  /** Number of windows, at least 1. */
  readonly count: number;
  /** count × embeddingSize, row-major. */
  readonly frames: Float32Array;
  /** RMS level of each window. */
  readonly rmsDbfs: Float32Array;
}

/** The embeddings of files, lay after lay, in their order; those that cannot be read and may be left out are. */
export interface Extracted {
  readonly files: ReadonlyArray<readonly ClipEmbeddings[]>;
  /** What ran the network. */
  readonly engine: string;
}

/**
 * Sends files through the network: `extractEmbeddings` of src/files/embeddings.ts.
 *
 * @param onProgress so many are done
 */
export type Extract = (
  files: readonly LaidFile[],
  onProgress?: (done: number, path: string) => void,
) => Promise<Extracted>;
