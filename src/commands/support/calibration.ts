import { stat } from 'node:fs/promises';
import type { Option } from 'commander';
import { decodeFile } from '../../audio/decode.js';
import { PATCH_VALUES, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../../constants.js';
import { ExitCode, messageOf, UserError } from '../../errors.js';
import { createFrontEnd } from '../../features/create-front-end.js';
import { windowsOf } from '../../features/ring.js';
import { type Draft, type Manifest, readBundle, updateManifest } from '../../model/bundle.js';
import { type CalibrationPatches, calibrate } from '../../model/calibrate.js';
import { convolutionNames } from '../../model/quantization.js';
import type { Quantization } from '../../model/quantization-manifest.js';
import { audioAt } from './audio-files.js';
import { interruptible } from './interrupt.js';
import { repeatable } from './options.js';
import { warn } from './print.js';
import { showProgress } from './progress.js';

/** More tell nothing new; so much sound is calibrated with in less than a minute, and fits into 50 MB. */
const MAX_FILES = 400;
const MAX_SECONDS = 1600;
/** Every so many files one is held back, to compare with. */
const HELD_BACK = 4;
const MIN_WINDOWS = { calibration: 8, heldBack: 2 };

export const calibrateWith = (): Option =>
  repeatable(
    '--calibrate <audio>',
    'quantise it at once, with this sound (see models quantize); can be repeated',
  );

/**
 * The files to calibrate with: where there are very many, some of each folder.
 *
 * @throws UserError no input where there are none, usage where there are too few
 */
export async function calibrationFiles(paths: readonly string[]): Promise<string[]> {
  for (const path of paths)
    await stat(path).catch((error) => {
      throw new UserError(
        ExitCode.noInput,
        `${path}: cannot be read: ${messageOf(error)}`,
        'Give audio files, or folders of them.',
        { cause: error },
      );
    });
  const all = (await Promise.all(paths.map(audioAt))).flat();
  if (all.length < HELD_BACK)
    throw new UserError(
      ExitCode.usage,
      `${all.length === 1 ? 'one file' : `${all.length} files`} to calibrate with, at least ${HELD_BACK} are needed`,
      'Give some hundred short ones of all kinds of sound, for example those that train learns from.',
    );
  const step = Math.max(1, all.length / MAX_FILES);
  return Array.from({ length: Math.min(all.length, MAX_FILES) }, (_, i) => all[Math.floor(i * step)]!);
}

/**
 * Calibrates a bundle and writes what was found into its manifest.
 *
 * @throws UserError where too little of the files is sound, int8 does not suit the model, or its folder cannot be
 *   written
 */
export async function quantizeBundle(folder: string, files: readonly string[]): Promise<Quantization> {
  const bundle = await readBundle(folder);
  const quantization = await interruptible((signal) => quantizationOf(bundle, files, signal));
  await updateManifest(folder, (manifest) => ({ ...manifest, quantization }));
  return quantization;
}

/**
 * Calibrates what is a bundle or becomes one.
 *
 * @throws UserError where too little of the files is sound, or int8 does not suit the model; the signal's reason
 */
export async function quantizationOf(
  draft: Draft,
  files: readonly string[],
  signal: AbortSignal,
): Promise<Quantization> {
  return await calibrate(draft, await patchesOf(draft, files, signal), signal);
}

/** In a few words: how much of a model can run in int8, and how well it agrees. */
export function int8Line(
  { convolutions, agreement }: Quantization,
  { backbone }: Pick<Manifest, 'backbone'>,
): string {
  const { meanCosine, lowestCosine, windows } = agreement;
  const count = `${convolutions.length} of ${convolutionNames(backbone).length} convolutions`;
  return `int8: ${count}, agrees with float32 to ${meanCosine} (mean cosine of ${windows} windows, lowest ${lowestCosine})`;
}

/** The patches of the beginning of each file, its share of `MAX_SECONDS`; what cannot be read is said and left out. */
async function patchesOf(
  { manifest }: Draft,
  files: readonly string[],
  signal: AbortSignal,
): Promise<CalibrationPatches> {
  const frontEnd = createFrontEnd(manifest.frontEnd);
  const patches = { calibration: [] as Float32Array[], heldBack: [] as Float32Array[] };
  const windows = Math.floor((MAX_SECONDS * SAMPLE_RATE_HZ) / WINDOW_SAMPLES / files.length);
  const progress = showProgress('listen', files.length);
  try {
    for (const [i, path] of files.entries()) {
      const mine = i % HELD_BACK === HELD_BACK - 1 ? patches.heldBack : patches.calibration;
      let left = windows;
      frontEnd.forget();
      try {
        for await (const window of windowsOf(decodeFile(path, warn), WINDOW_SAMPLES)) {
          signal.throwIfAborted();
          const patch = new Float32Array(PATCH_VALUES);
          frontEnd.compute(window, patch);
          mine.push(patch);
          left--;
          if (left === 0) break;
        }
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        warn(`left out: ${error.message}`);
      }
      progress.update(i + 1, path);
    }
  } finally {
    progress.stop();
  }
  for (const [part, least] of Object.entries(MIN_WINDOWS))
    if (patches[part as keyof typeof patches].length < least)
      throw new UserError(
        ExitCode.badData,
        `${files.length} files hold ${patches.calibration.length} windows of sound to calibrate with and ${patches.heldBack.length} to compare, ${MIN_WINDOWS.calibration} and ${MIN_WINDOWS.heldBack} are needed`,
        'Give some hundred short files of all kinds of sound, for example those that train learns from.',
      );
  return patches;
}
