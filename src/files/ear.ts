import { PATCH_VALUES } from '../constants.js';
import { createFrontEnd } from '../features/create-front-end.js';
import type { FrontEnd } from '../features/front-end.js';
import { levelOf } from '../features/level.js';
import { audiosetLabels, Hearing, memorySamples } from '../hearing.js';
import type { Bundle } from '../model/bundle.js';
import { createNetwork } from '../model/engines/create-network.js';
import { chooseHead } from '../model/head.js';
import type { EngineChoice, Network, NetworkOptions } from '../model/network.js';
import type { MelWindow, Window } from '../types.js';
import { type Columns, pack, widthOf } from './table.js';

/** What a window becomes: scores and log-odds (`table.ts`), or its embedding alone, for whoever trains on it. */
type Wanted = 'scores' | 'embeddings';

/** The model, and what of it is wanted. */
export interface EarOptions extends Omit<NetworkOptions, 'onFallback'> {
  readonly bundle: Bundle;
  /** The bundle's default when left out; embeddings need none. */
  readonly head?: string | undefined;
  readonly engine?: EngineChoice | undefined;
  readonly wanted: Wanted;
  /** With scores: AudioSet classes of which the score is wanted in any case, places in the head's labels. */
  readonly watched?: readonly number[] | undefined;
}

/** Hears windows and puts them into rows. */
export interface Ear {
  /** What computes; the ear closes it. */
  readonly network: Network;
  /** Numbers in a row. */
  readonly width: number;
  /** Of the log-mel's values: silence, and the loudest that is usual. */
  readonly melRange: FrontEnd['range'];
  /**
   * Takes the next windows of a stream.
   *
   * @param put gets RMS and peak of each window, dBFS, its row, and its log-mel, which are the ear's own
   */
  hear(
    windows: readonly Window[],
    put: (i: number, rms: number, peak: number, row: Float32Array, levels: MelWindow) => void,
  ): Promise<void>;
  /** Another part begins: nothing of the last one is remembered. */
  forget(): void;
  close(): Promise<void>;
}

/** What the numbers of a row stand for, with scores. */
export function columnsOf(bundle: Bundle, headName?: string, watched: readonly number[] = []): Columns {
  const { manifest } = bundle;
  return {
    labels: chooseHead(bundle, headName).labels,
    kinds: manifest.event?.kinds ?? [],
    audiosetLabels: audiosetLabels(manifest),
    watched,
  };
}

/** How far back before a window it matters what was heard. */
export function memoryOf({ bundle, wanted }: EarOptions): number {
  return wanted === 'scores' ? memorySamples(bundle.manifest) : 0;
}

/** @throws UserError where head or engine do not fit the bundle */
export function createEar(options: EarOptions & Pick<NetworkOptions, 'onFallback'>): Promise<Ear> {
  return options.wanted === 'scores' ? createScoringEar(options) : createEmbeddingEar(options);
}

async function createScoringEar({ bundle, head, engine, watched, ...options }: EarOptions): Promise<Ear> {
  const hearing = await Hearing.create(bundle, head, engine, options);
  const columns = columnsOf(bundle, head, watched);
  const row = new Float32Array(widthOf(columns));
  return {
    network: hearing.network,
    width: row.length,
    melRange: hearing.melRange,
    async hear(windows, put) {
      const heard = await hearing.hear(windows);
      for (const [i, { scored, audioset, levels }] of heard.windows.entries()) {
        pack(scored, audioset, columns, row);
        put(i, scored.rmsDbfs, scored.peakDbfs, row, levels);
      }
    },
    forget: () => hearing.forget(),
    close: () => hearing.close(),
  };
}

async function createEmbeddingEar({ bundle, engine, ...options }: EarOptions): Promise<Ear> {
  const { frontEnd: name, embeddingSize: size } = bundle.manifest;
  const network = await createNetwork(bundle, engine, [], options);
  const frontEnd = createFrontEnd(name);
  return {
    network,
    width: size,
    melRange: frontEnd.range,
    async hear(windows, put) {
      const mel = new Float32Array(windows.length * PATCH_VALUES);
      const levels = windows.map((window, i): MelWindow => {
        const own = mel.subarray(i * PATCH_VALUES, (i + 1) * PATCH_VALUES);
        const zeroDb = frontEnd.compute(window, own);
        return { mel: own, unitDb: frontEnd.unitDb, zeroDb, startSample: window.startSample };
      });
      const { embedding } = await network.run(mel);
      for (const [i, { samples }] of windows.entries()) {
        const { rmsDbfs, peakDbfs } = levelOf(samples);
        put(i, rmsDbfs, peakDbfs, embedding.subarray(i * size, (i + 1) * size), levels[i]!);
      }
    },
    forget: () => frontEnd.forget(),
    close: () => network.close(),
  };
}
