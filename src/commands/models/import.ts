import { join } from 'node:path';
import type { Command } from 'commander';
import { ExitCode } from '../../errors.js';
import { checkFree, readBundle, writeBundle } from '../../model/bundle.js';
import { importTflite } from '../../model/import/import.js';
import { findBundle } from '../../model/shelf.js';
import { calibrateWith, calibrationFiles, quantizationOf } from '../support/calibration.js';
import { finish } from '../support/finish.js';
import { configFrom, shelvesOf } from '../support/flags.js';
import { interruptible } from '../support/interrupt.js';
import { withConfig } from '../support/options.js';
import { announce } from './announce.js';

export function define(command: Command): void {
  withConfig(
    command
      .argument('<file...>', 'BATHNet: bathnet.tflite; the full YAMNet: bathnet.tflite yamnet.tflite')
      .requiredOption('-n, --name <name>', 'name of the new bundle'),
  )
    .addOption(calibrateWith())
    .option('--json', 'the result as JSON')
    .action(finish(importModel));
}

/** `models import FILE… --name NAME`: writes the bundle into the state folder, whole or not at all. */
async function importModel(
  files: string[],
  flags: { config?: string; name: string; calibrate?: readonly string[]; json?: boolean },
): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom(flags));
  const sound = flags.calibrate && (await calibrationFiles(flags.calibrate));
  const draft = await importTflite(files, flags.name);
  const folder = join(shelves[0] as string, flags.name);
  await checkFree(folder);
  const quantization = sound && (await interruptible((signal) => quantizationOf(draft, sound, signal)));
  const manifest = { ...draft.manifest, ...(quantization && { quantization }) };
  const written = await writeBundle(folder, manifest, draft.tensors);
  // Read back what was written: it is verified before anyone relies on it.
  await readBundle(await findBundle(folder, shelves));
  announce(written, folder, flags.json);
  return ExitCode.ok;
}
